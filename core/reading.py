"""Reading other people's videos as one exact sequence of 8-bit RGB frames.

The conversion to RGB is fixed: the stream's own tags are obeyed; where there are none, limited range
is taken, and bt709 from 720 lines on, bt601 below (the players' convention). It happens at full
resolution, then the picture is cropped, then scaled (zimg's bicubic). Rotation tags are obeyed. A
variable frame rate is resampled to the stream's nominal one. HDR is refused.
"""

from __future__ import annotations

import functools
import itertools
import re
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

from . import ffmpeg
from .errors import CodecError, VideoError
from .ffmpeg import Frames
from .signature import digest, sha256_file
from .video import Clip, Source

READER = 1
"""Raised when the conversion changes, so that no cached frame or score outlives it."""

Crop = tuple[int, int, int, int]
"""x, y, width, height in pixels of the upright, uncropped picture."""

_STREAM = re.compile(r"Stream #0:\d+.*?: Video: (?P<codec>\w+).*?, (?P<pix>[a-z0-9]+)\((?P<tags>[^)]*)\)?")
_HDR = ("smpte2084", "arib-std-b67")


@dataclass(frozen=True)
class Probe:
    """What a video file says of itself.

    Attributes:
        width, height: of the upright picture, in pixels.
        fps: frames per second; the nominal rate where it varies.
        frames: coded pictures.
        variable: whether the distance between pictures varies.
        tagged: whether the stream states its colour matrix.
        pix_fmt: ffmpeg's name of the stored pixel format.
    """

    width: int
    height: int
    fps: Fraction
    frames: int
    variable: bool
    tagged: bool
    pix_fmt: str


def _refuse(path: Path, found: str, remedy: str) -> VideoError:
    return VideoError(f"{path}: {found}; {remedy}")


def _timing(path: Path, packets: str) -> tuple[Fraction, int, bool]:
    """Rate, number of pictures and whether their distance varies, from a list of packets."""
    base = re.search(r"^#tb 0: (\d+)/(\d+)", packets, re.MULTILINE)
    stamps = sorted(int(line.split(",")[2]) for line in packets.splitlines() if line[:1].isdigit())
    if base is None or not stamps:
        raise _refuse(path, "its video stream holds no pictures", "give a video with at least two frames")
    tick = Fraction(int(base[1]), int(base[2]))
    steps = sorted(b - a for a, b in itertools.pairwise(stamps))
    if not steps or steps[len(steps) // 2] <= 0:
        return Fraction(25), len(stamps), False
    middle = steps[len(steps) // 2]
    # A container's clock rounds each stamp by up to half a tick, so steps may differ by one.
    variable = any(abs(step - middle) > max(1, middle // 2) for step in steps)
    mean = Fraction(stamps[-1] - stamps[0], len(stamps) - 1)
    rate = 1 / ((middle if variable else mean) * tick)
    return _nominal(rate), len(stamps), variable


def _nominal(rate: Fraction) -> Fraction:
    """The broadcast rate that a measured one stands for, or the measured one, to 1/1000."""
    for whole in (10, 12, 15, 20, 24, 25, 30, 48, 50, 60, 90, 100, 120):
        for candidate in (Fraction(whole), Fraction(whole * 1000, 1001)):
            if abs(rate / candidate - 1) < Fraction(1, 4000):
                return candidate
    return Fraction(round(rate * 1000), 1000)


@functools.lru_cache(maxsize=4096)
def _probe(path: Path, stamp: tuple[int, int]) -> Probe:
    packets = ["-map", "0:v:0", "-c", "copy", "-f", "framecrc", "-"]
    done = subprocess.run(
        [ffmpeg.binary(), "-hide_banner", "-nostdin", "-i", f"file:{path}", *packets],
        capture_output=True,
    )
    log = done.stderr.decode(errors="replace")
    if "matches no streams" in log:
        raise _refuse(path, "it has no video stream", "audio alone cannot be coded; give a video")
    found = _STREAM.search(log) or re.search(
        r"Stream #0:\d+.*?: Video: (?P<codec>\w+).*?, (?P<pix>[a-z]\w+)(?P<tags>)", log
    )
    size = re.search(r"^#dimensions 0: (\d+)x(\d+)", done.stdout.decode(errors="replace"), re.MULTILINE)
    if done.returncode or found is None or size is None:
        words = [line.strip() for line in log.splitlines() if line.strip()]
        reason = words[-1][-200:] if words else "ffmpeg said nothing"
        raise _refuse(path, f"ffmpeg cannot read it as a video ({reason})", "check or convert the file")
    tags = found["tags"] or ""
    if any(name in tags for name in _HDR):
        raise _refuse(path, f"it is HDR ({tags})", "convert it to SDR bt709 first")
    width, height = int(size[1]), int(size[2])
    turn = re.search(r"rotation of (-?\d+)", log)
    if turn and int(turn[1]) % 180:
        width, height = height, width
    fps, frames, variable = _timing(path, done.stdout.decode(errors="replace"))
    tagged = re.search(r"\b(bt709|smpte170m|bt470bg|bt2020\w*|smpte240m|fcc|gbr)\b", tags) is not None
    return Probe(width, height, fps, frames, variable, tagged, found["pix"])


def probe(path: Path) -> Probe:
    """Read a file's own description and its packets' times, decoding nothing.

    Raises:
        VideoError: missing, empty, not a video, audio only, or HDR.
    """
    try:
        stat = path.stat()
    except OSError as error:
        raise _refuse(path, f"it cannot be opened ({error.strerror})", "check the path") from None
    if path.is_dir():
        raise _refuse(path, "it is a folder", "give a video file, or use the data set 'folder'")
    if stat.st_size == 0:
        raise _refuse(path, "the file is empty", "fetch or copy it again")
    return _probe(path, (stat.st_size, stat.st_mtime_ns))


def to_rgb(pix_fmt: str, height: int, tagged: bool) -> str:
    """The ffmpeg filter from a stored pixel format to 8-bit RGB planes."""
    if pix_fmt.startswith(("rgb", "bgr", "gbr", "argb", "abgr", "pal8", "gray", "ya", "mono")):
        return "format=gbrp"
    full = ":rangein=full" if pix_fmt.startswith("yuvj") else ""
    untagged = f":matrixin={'709' if height >= 720 else '170m'}" + (full or ":rangein=limited")
    return f"zscale=matrix=gbr:range=full:dither=none{full if tagged else untagged},format=gbrp"


@dataclass(frozen=True)
class VideoFile(Source):
    """A video file, cropped and scaled.

    Attributes:
        path: the file.
        size: width and height to scale to, or None to keep the (cropped) picture's.
        crop: the part that is used, or None for all of it.
    """

    path: Path
    size: tuple[int, int] | None = None
    crop: Crop | None = None

    def shape(self) -> tuple[int, int]:
        """Width and height of the frames.

        Raises:
            VideoError: unreadable, or the crop is not inside the picture.
        """
        info = probe(self.path)
        if self.crop is not None:
            x, y, width, height = self.crop
            if min(x, y) < 0 or min(width, height) < 1 or x + width > info.width or y + height > info.height:
                raise _refuse(
                    self.path,
                    f"crop {self.crop} (x, y, width, height) leaves its {info.width}x{info.height} picture",
                    "correct the crop",
                )
        return self.size or (self.crop[2:] if self.crop else (info.width, info.height))

    def filters(self) -> str:
        """The chain of ffmpeg filters from the stored picture to the clip's."""
        info = probe(self.path)
        steps = [to_rgb(info.pix_fmt, info.height, info.tagged)]
        if self.crop is not None:
            x, y, width, height = self.crop
            steps.append(f"crop={width}:{height}:{x}:{y}:exact=1")
        natural = self.crop[2:] if self.crop else (info.width, info.height)
        if self.size is not None and self.size != natural:
            steps.append(f"zscale=w={self.size[0]}:h={self.size[1]}:filter=bicubic,format=gbrp")
        if info.variable:
            steps.append(f"fps={info.fps}")
        return ",".join(steps)

    def frames(self) -> Iterator[Frames]:
        import ffmpeg as graph

        width, height = self.shape()
        # explode: a damaged picture must stop the reading, not be concealed and scored as truth.
        node = graph.input(f"file:{self.path}", err_detect="explode").output(
            "pipe:", format="rawvideo", pix_fmt="rgb24", vf=self.filters(), map="0:v:0",
            fps_mode="passthrough", an=None,
        )  # fmt: skip
        try:
            yield from ffmpeg.read_frames(ffmpeg.command(node, extra=["-xerror"]), width, height)
        except CodecError as error:
            raise _refuse(self.path, f"damaged or cut off ({error})", "repair it or leave it out") from None

    def fingerprint(self) -> str:
        return digest([READER, sha256_file(self.path), self.filters(), ffmpeg.version()])


def open_clip(
    path: Path,
    *,
    name: str | None = None,
    size: tuple[int, int] | None = None,
    crop: Crop | None = None,
    identity: str = "",
) -> Clip:
    """A clip from a video file.

    Args:
        path: any video that ffmpeg reads.
        name: the clip's name; the file's stem by default.
        size: (width, height) to scale to.
        crop: (x, y, width, height) to cut out first.
        identity: who is seen.

    Raises:
        VideoError: the file is no readable video, or the crop leaves its picture.
    """
    source = VideoFile(path, size, crop)
    width, height = source.shape()
    return Clip(name or path.stem, source, width, height, probe(path).fps, identity)
