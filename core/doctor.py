"""Looking at this machine: what a run would find, and what it would miss."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from . import ffmpeg, yt_dlp
from .assets import cache, declared, present
from .config import compose
from .errors import TalkbenchError, UnsetError
from .points import points
from .registry import plugins

_FILTERS = {"zscale": "reading and colour conversion", "libvmaf": "the metric vmaf"}


@dataclass(frozen=True)
class Finding:
    """One thing looked at.

    Attributes:
        what: it is.
        found: of it.
        well: whether a run can use it.
    """

    what: str
    found: str
    well: bool = True

    def row(self) -> dict[str, str]:
        """The finding as a row of a table."""
        return {"what": self.what, "state": "ok" if self.well else "missing", "found": self.found}


def _ffmpeg() -> Iterator[Finding]:
    try:
        yield Finding("ffmpeg", f"{ffmpeg.version()} at {ffmpeg.binary()}")
    except TalkbenchError as error:
        yield Finding("ffmpeg", str(error), False)
        return
    for name, use in _FILTERS.items():
        there = name in ffmpeg.filters()
        yield Finding(f"ffmpeg filter {name}", use if there else f"not compiled in; needed for {use}", there)


def _methods() -> Iterator[Finding]:
    for name in sorted(plugins("methods")):
        try:
            config = compose([name], "testcard", "compression", [])["methods"][name]
            choices = points(name, config)
            choices[0].build().check()
            yield Finding(f"method {name}", f"{len(choices)} points")
        except UnsetError as error:
            yield Finding(f"method {name}", f"once it is set up: {error}")
        except TalkbenchError as error:
            yield Finding(f"method {name}", str(error), False)


def _torch() -> Finding:
    try:
        found = version("torch")
    except PackageNotFoundError:
        return Finding("torch", "not installed; pip install torch", False)
    import torch

    devices = [torch.cuda.get_device_name(at) for at in range(torch.cuda.device_count())]
    return Finding("torch", f"{found}, {', '.join(devices) or 'no GPU: the CPU does it'}")


def _downloader() -> Finding:
    found, program = yt_dlp.version(), yt_dlp.program()
    if found is None or program is None:
        return Finding("yt-dlp", f"not installed; only `bench data prepare` needs it: {yt_dlp.HOW}")
    return Finding("yt-dlp", f"{found} at {' '.join(program)}")


def examine() -> list[Finding]:
    """Look at everything; nothing is fetched or changed."""
    python = f"{sys.version.split()[0]} at {sys.executable}, {os.cpu_count()} cores"
    findings = [Finding("python", python), *_ffmpeg(), *_methods(), _torch(), _downloader()]
    for name, asset in sorted(declared().items()):
        state = "in the cache" if present(asset) else f"fetched when needed ({asset.bytes / 1e6:.0f} MB)"
        findings.append(Finding(f"asset {name}", state))
    for what, folder in (("cache", cache()), ("working folder", Path.cwd())):
        there = next(parent for parent in (folder, *folder.parents) if parent.exists())
        free = shutil.disk_usage(there).free / 1e9
        findings.append(Finding(f"disk of the {what}", f"{free:.0f} GB free at {folder}", free > 1))
    return findings
