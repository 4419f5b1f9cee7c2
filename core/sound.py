"""The sound of a video file, from the moment on at which its first frame is shown."""

from __future__ import annotations

import re
import subprocess
from fractions import Fraction
from pathlib import Path

import numpy as np

from . import ffmpeg
from .errors import VideoError
from .probe import INPUT, refuse
from .timeline import timeline
from .video import SOUND_RATE, Sound

_NONE = "matches no streams"


def read_sound(path: Path) -> Sound | None:
    """The first sound track of a video, all channels as one; None where there is none.

    Sample 0 is heard when frame 0 is shown: what is heard before is cut off, and where the sound begins later
    or is interrupted, there is silence.

    Raises:
        VideoError: the sound is damaged.
    """
    # The file's own clock is kept: by ffmpeg's, a file begins at 0 with its first picture or sound.
    begin = ["-copyts", "-i", f"file:{path}", "-map", "0:a:0"]
    ok, log, _ = _run([*begin, "-c", "copy", "-frames:a", "1", "-f", "null", "-"])
    if not ok and _NONE in log:
        return None
    start = round(_shown(path) * SOUND_RATE)
    # Only a filter that makes integers averages channels; async=1 fills and cuts, and stretches nothing.
    mono = f"aformat=sample_fmts=s16:channel_layouts=mono:sample_rates={SOUND_RATE}"
    filters = f"{mono},aresample=async=1:first_pts={start}"
    ok, log, samples = _run([*begin, "-af", filters, "-f", "s16le", "-c:a", "pcm_s16le", "-"])
    if not ok:
        words = re.sub(r" @ 0x[0-9a-f]+\]", "]", next(iter(log.splitlines()), "ffmpeg said nothing"))[:200]
        raise refuse(path, f"its sound is damaged ({words})", "repair it, or leave the clip out")
    return np.frombuffer(samples, "<i2").astype(np.int16)


def _shown(path: Path) -> Fraction:
    """When frame 0 is shown, in seconds; 0 in files whose frames have no times, such as an AVI's."""
    try:
        return timeline(path).seconds(0)
    except VideoError:
        return Fraction(0)


def _run(arguments: list[str]) -> tuple[bool, str, bytes]:
    """Whether ffmpeg did well, its log, and what it wrote."""
    options = [part for key, value in INPUT.items() for part in (f"-{key}", value)]
    start = [ffmpeg.binary(), "-hide_banner", "-nostdin", "-v", "error", "-xerror", *options]
    done = subprocess.run([*start, *arguments], capture_output=True, check=False)
    return done.returncode == 0, done.stderr.decode(errors="replace"), done.stdout
