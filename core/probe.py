"""What a video file says of itself, and whether it can be read as one exact sequence of frames."""

from __future__ import annotations

import functools
import itertools
import re
import subprocess
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

from . import ffmpeg
from .errors import VideoError

INPUT: Mapping[str, str] = {"err_detect": "crccheck+explode", "protocol_whitelist": "file"}
"""ffmpeg's options for any input: a damaged picture stops the reading, since a concealed one would be
scored as truth, and a playlist that poses as a video leads nowhere."""

_HDR = ("smpte2084", "arib-std-b67")
_PICTURE = re.compile(r"showinfo.* fmt:(?P<pix>\w+) .*?sar:(\d+)/(\d+) s:(\d+)x(\d+) ")
_COLOUR = re.compile(r"color_range:(\S+) color_space:(\S+) color_primaries:\S+ color_trc:(\S+)")
_NO_STAMP = -(1 << 62)
_DISCARD = 4  # AV_PKT_FLAG_DISCARD: decoded for others' sake, not shown (mp4's edit lists)
_MOST_REPEATS = 100
_PLAYLISTS = re.compile(r"Input #0, (?:concat|hls|dash|imf)\b")


@dataclass(frozen=True)
class Probe:
    """What a video file says of itself.

    Attributes:
        width, height: of the upright picture, in stored pixels.
        aspect: width of a pixel over its height.
        fps: frames per second; the nominal rate where it varies.
        frames: coded pictures that are shown.
        variable: whether the distance between pictures varies.
        pix_fmt: ffmpeg's name of the decoded pixel format.
        matrix: ffmpeg's name of the colour matrix, or '' where the stream states none.
        range: 'full', 'limited', or '' where the stream states none.
    """

    width: int
    height: int
    aspect: Fraction
    fps: Fraction
    frames: int
    variable: bool
    pix_fmt: str
    matrix: str
    range: str


def refuse(path: Path, found: str, remedy: str) -> VideoError:
    """The error for a file that is not read."""
    return VideoError(f"{path}: {found}; {remedy}")


def _stamps(packets: str) -> list[int]:
    """Times of the pictures that are shown, sorted, in ticks; decoding times where there are no other."""
    rows = [line.split(",") for line in packets.splitlines() if line[:1].isdigit()]
    flags = [next((int(cell.strip()[2:], 16) for cell in row if cell.strip()[:2] == "F="), 0) for row in rows]
    shown = [row for row, flag in zip(rows, flags, strict=True) if not flag & _DISCARD]
    times = [int(row[2]) for row in shown]
    return sorted(times if min(times, default=0) > _NO_STAMP else [int(row[1]) for row in shown])


def timing(stamps: Sequence[int], tick: Fraction) -> tuple[Fraction, bool]:
    """Frames per second, and whether the distance between frames varies.

    A container's clock rounds each stamp by up to half a tick, and cameras waver: steps up to half the
    middle one apart are one rate, their mean. A left-out frame or a pause makes the rate variable.

    Args:
        stamps: times of the pictures, sorted, in ticks.
        tick: in seconds.
    """
    steps = sorted(b - a for a, b in itertools.pairwise(stamps))
    middle = steps[len(steps) // 2] if steps else 0
    if middle <= 0:
        return Fraction(25), False
    regular = [step for step in steps if abs(step - middle) <= max(1, middle // 2)]
    rate = 1 / (Fraction(sum(regular), len(regular)) * tick)
    return _nominal(rate, Fraction(1, sum(regular))), len(regular) < len(steps)


def _nominal(rate: Fraction, doubt: Fraction) -> Fraction:
    """The broadcast rate that a measured one stands for, or the measured one, to 1/1000.

    Args:
        rate: measured.
        doubt: its relative uncertainty.
    """
    whole = (10, 12, 15, 20, 24, 25, 30, 48, 50, 60, 90, 100, 120)
    candidates = [Fraction(fps * 1000, by) for fps in whole for by in (1000, 1001)]
    nearest = min(candidates, key=lambda candidate: abs(rate / candidate - 1))
    if abs(rate / nearest - 1) <= max(Fraction(1, 4000), doubt):
        return nearest
    return Fraction(round(rate * 1000), 1000)


def _ask(path: Path) -> tuple[str, str, bool]:
    """ffmpeg's list of packets, its log with levels, and whether it went well; decodes one picture."""
    options = itertools.chain.from_iterable((f"-{key}", value) for key, value in INPUT.items())
    arguments = [
        *(ffmpeg.binary(), "-hide_banner", "-nostdin", "-v", "level+info", "-xerror"),
        *(*options, "-i", f"file:{path}"),
        *("-map", "0:V:0", "-c", "copy", "-f", "framecrc", "-"),
        *("-map", "0:V:0", "-vf", "showinfo", "-frames:v", "1", "-f", "null", "-"),
    ]
    done = subprocess.run(arguments, capture_output=True, check=False)
    packets, log = (text.decode(errors="replace") for text in (done.stdout, done.stderr))
    return packets, log, done.returncode == 0


def _complaint(log: str, ok: bool) -> str | None:
    """What is wrong, if anything is; a cut-off Matroska file brings no error code."""
    errors: Iterable[re.Match[str]] = re.finditer(r"^(.*)\[(?:error|fatal)\] (.*)", log, re.MULTILINE)
    words = [match[2] for match in errors if not ok or "[in#" in match[1]]
    return words[0][:200] if words else None if ok else "ffmpeg said nothing"


@functools.lru_cache(maxsize=4096)
def _probe(path: Path, stamp: tuple[int, int]) -> Probe:
    packets, log, ok = _ask(path)
    if "matches no streams" in log:
        raise refuse(path, "it has no video stream", "give a video; sound or text alone cannot be coded")
    complaint = _complaint(log, ok)
    if complaint is not None:
        raise refuse(path, f"no video, damaged, or cut off ({complaint})", "repair it or leave it out")
    if _PLAYLISTS.search(log):
        raise refuse(path, "it is a list of other files", "give those files")
    picture, colour = _PICTURE.search(log), _COLOUR.search(log)
    base = re.search(r"^#tb 0: (\d+)/(\d+)", packets, re.MULTILINE)
    stamps = _stamps(packets)
    if picture is None or base is None or not stamps:
        raise refuse(path, "its video stream holds no pictures", "give a video with at least one frame")
    shades, matrix, transfer = colour.groups() if colour else ("unknown", "unknown", "unknown")
    if transfer in _HDR:
        raise refuse(path, f"it is HDR ({transfer})", "convert it to SDR bt709 first")
    turn = re.search(r"rotation of (-?\d+(?:\.\d+)?)", log)
    if turn and float(turn[1]) % 90:
        raise refuse(path, f"it is turned by {turn[1]} degrees", "turn it upright, or by a multiple of 90")
    tick = Fraction(int(base[1]), int(base[2]))
    fps, variable = timing(stamps, tick)
    seconds = (stamps[-1] - stamps[0]) * tick
    if variable and seconds * fps > _MOST_REPEATS * len(stamps):
        raise refuse(path, f"{len(stamps)} pictures lie over {float(seconds):.0f} s", "mend its time stamps")
    pix_fmt, *numbers = picture.groups()
    across, down, width, height = map(int, numbers)
    return Probe(
        width,
        height,
        Fraction(across or 1, down or 1),
        fps,
        len(stamps),
        variable,
        pix_fmt,
        "" if matrix in ("unknown", "reserved") else matrix,
        "full" if shades == "pc" or pix_fmt.startswith("yuvj") else "limited" if shades == "tv" else "",
    )


def probe(path: Path) -> Probe:
    """Read a file's own description and its packets' times; decodes one picture.

    Raises:
        VideoError: missing, empty, not a video, audio only, cut off, HDR, or turned askew.
    """
    try:
        stat = path.stat()
    except OSError as error:
        raise refuse(path, f"it cannot be opened ({error.strerror})", "check the path") from None
    if path.is_dir():
        raise refuse(path, "it is a folder", "give a video file, or use the data set 'folder'")
    if stat.st_size == 0:
        raise refuse(path, "the file is empty", "fetch or copy it again")
    return _probe(path, (stat.st_size, stat.st_mtime_ns))
