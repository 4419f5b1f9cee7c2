"""Where yt-dlp is, the program that downloads videos; it is never imported, and need not be installed."""

from __future__ import annotations

import functools
import shutil
import subprocess
import sys
from importlib.util import find_spec

HOW = "`pip install talkbench[download]` or `pip install yt-dlp`"
"""How to get it."""


@functools.cache
def program() -> tuple[str, ...] | None:
    """The command line that yt-dlp begins with: what is on the path, else the installed package; or None."""
    found = shutil.which("yt-dlp")
    if found:
        return (found,)
    return (sys.executable, "-m", "yt_dlp") if find_spec("yt_dlp") else None


def version() -> str | None:
    """The version that yt-dlp prints of itself, or None where there is none."""
    command = program()
    if command is None:
        return None
    done = subprocess.run([*command, "--version"], capture_output=True, text=True, check=False)
    return done.stdout.strip() or None
