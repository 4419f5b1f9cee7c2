"""When each frame of a video is shown, and at which ones decoding can begin."""

from __future__ import annotations

import bisect
import functools
import subprocess
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

from . import ffmpeg
from .probe import INPUT, refuse

_DISCARD = 4  # AV_PKT_FLAG_DISCARD: decoded for others' sake, not shown (mp4's edit lists)
_KEY = 1
_MARGIN = Fraction(1, 1000)


@dataclass(frozen=True)
class Timeline:
    """The frames of a video in the order in which they are shown.

    Attributes:
        tick: in seconds.
        stamps: when each frame is shown, in ticks of the file's own clock, rising.
        keys: which of them are key frames, rising.
    """

    tick: Fraction
    stamps: tuple[int, ...]
    keys: tuple[int, ...]

    def __len__(self) -> int:
        return len(self.stamps)

    def seconds(self, frame: int) -> Fraction:
        """When a frame is shown, by the file's own clock, which need not begin at 0."""
        return self.stamps[frame] * self.tick

    def at(self, seconds: Fraction | int) -> int:
        """The first frame that is shown at or after so many seconds from frame 0; the length if none is.

        A clock's ticks round frames' times by up to half a tick: a millisecond early is on time.
        """
        return bisect.bisect_left(
            self.stamps, self.stamps[0] * self.tick + seconds - _MARGIN, key=self._seconds
        )

    def key_at(self, seconds: Fraction | int) -> int:
        """The first key frame at or after so many seconds from frame 0; the length if none is."""
        found = bisect.bisect_left(self.keys, self.at(seconds))
        return self.keys[found] if found < len(self.keys) else len(self)

    def _seconds(self, stamp: int) -> Fraction:
        return stamp * self.tick


@functools.lru_cache(maxsize=8)
def _timeline(path: Path, stamp: tuple[int, int]) -> Timeline:
    options = [part for key, value in INPUT.items() for part in (f"-{key}", value)]
    arguments = [
        *(
            ffmpeg.binary(),
            "-hide_banner",
            "-nostdin",
            "-v",
            "error",
            *options,
            "-copyts",
            "-i",
            f"file:{path}",
        ),
        *("-map", "0:V:0", "-c", "copy", "-f", "framecrc", "-"),
    ]
    done = subprocess.run(arguments, capture_output=True, check=False)
    lines = done.stdout.decode(errors="replace").splitlines()
    base = next((line.partition(": ")[2] for line in lines if line.startswith("#tb 0:")), "")
    rows = [[cell.strip() for cell in line.split(",")] for line in lines if line[:1].isdigit()]
    frames = []
    for row in rows:
        # framecrc leaves the flags of a plain key frame out
        flags = next((int(cell[2:], 16) for cell in row if cell.startswith("F=")), _KEY)
        if not flags & _DISCARD:
            frames.append((int(row[2]), bool(flags & _KEY)))
    frames.sort()
    stamps = tuple(stamp for stamp, _ in frames)
    if not frames or len(set(stamps)) < len(stamps):
        raise refuse(path, "its frames have no times of their own", "convert it to mp4 or leave it out")
    return Timeline(Fraction(base), stamps, tuple(at for at, (_, key) in enumerate(frames) if key))


def timeline(path: Path) -> Timeline:
    """The times of a video's frames, read without decoding.

    Raises:
        VideoError: it is no video, or several of its frames share a time.
    """
    try:
        stat = path.stat()
    except OSError as error:
        raise refuse(path, f"it cannot be opened ({error.strerror})", "check the path") from None
    return _timeline(path, (stat.st_size, stat.st_mtime_ns))
