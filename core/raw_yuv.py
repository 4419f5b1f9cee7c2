"""Uncompressed planar video without any header, described by its name, as codec people keep test sequences.

``BasketballDrive_1920x1080_50.yuv``, ``akiyo_cif.yuv``, ``ParkRunning3_3840x2160_50fps_10bit_420.yuv``,
``call_640x360_29.97fps_yuv444p10le.yuv``: a size (or its name), and, where they are stated, frames per
second, bits, subsampling or ffmpeg's pixel format, and the colour matrix (bt601, bt709).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

from . import ffmpeg
from .errors import CodecError
from .ffmpeg import Frames
from .probe import INPUT, Probe, refuse
from .reading import READER, Crop, fitting, to_rgb
from .signature import digest, sha256_once
from .video import Source

SUFFIX = ".yuv"

SIZES = {
    "sqcif": (128, 96), "qcif": (176, 144), "qvga": (320, 240), "sif": (352, 240), "cif": (352, 288),
    "vga": (640, 480), "4cif": (704, 576), "720p": (1280, 720), "1080p": (1920, 1080), "2160p": (3840, 2160),
}  # fmt: skip
"""Names of picture sizes."""

_BROADCAST = {"23.976": "24000/1001", "23.98": "24000/1001", "29.97": "30000/1001", "59.94": "60000/1001"}
_SIZE = re.compile(r"(?<!\d)(\d{2,5})x(\d{2,5})(?!\d)", re.IGNORECASE)
_RATE = re.compile(r"(?<![\d.])(\d{1,3}(?:\.\d+)?)(?:fps|hz)(?![a-z])", re.IGNORECASE)
_BARE_RATE = re.compile(r"^[_-](?!4(?:20|22|44))(\d{2,3}(?:\.\d+)?)(?=[_-]|p?$)")
_FORMAT = re.compile(r"yuv(420|422|444)p(?:(9|10|12|14|16)le)?(?![a-z\d])", re.IGNORECASE)
_BITS = re.compile(r"(?<!\d)(8|10|12|14|16)[_-]?bits?(?![a-z])", re.IGNORECASE)
_SUBSAMPLING = re.compile(r"(?<![a-z\d])(?:yuv)?(420|422|444)(?!\d)", re.IGNORECASE)
_MATRIX = re.compile(r"bt(601|709)(?!\d)", re.IGNORECASE)


def described(path: Path, fps: Fraction) -> Probe:
    """What a file's name and size say of it.

    Args:
        path: of the file.
        fps: frames per second where the name states none.

    Raises:
        VideoError: the name states no size, or the file is no whole number of such frames.
    """
    name = path.stem
    found = _SIZE.search(name)
    words = [word for word in re.split(r"[_\-. ]", name.lower()) if word in SIZES]
    if found is None and not words:
        raise refuse(path, "its name states no size", "rename it to NAME_WIDTHxHEIGHT_FPS.yuv")
    width, height = (int(found[1]), int(found[2])) if found else SIZES[words[-1]]
    stated = _RATE.search(name) or (_BARE_RATE.search(name[found.end() :]) if found else None)
    if stated:
        fps = Fraction(_BROADCAST.get(stated[1], stated[1]))
    if not (fps and width and height):
        raise refuse(path, "its name states a size or a rate of 0", "rename it to NAME_WIDTHxHEIGHT_FPS.yuv")
    pix_fmt, chroma, depth = _pixels(name)
    across, down = {"420": (2, 2), "422": (2, 1), "444": (1, 1)}[chroma]
    samples = width * height + 2 * (-(-width // across)) * (-(-height // down))
    frame = samples * (1 if depth == 8 else 2)
    try:
        size = path.stat().st_size
    except OSError as error:
        raise refuse(path, f"it cannot be opened ({error.strerror})", "check the path") from None
    if not size or size % frame:
        raise refuse(
            path,
            f"{size} bytes are no whole number of frames of {width}x{height} {pix_fmt} ({frame} bytes each)",
            "correct its name, such as NAME_1920x1080_50fps_10bit_420.yuv",
        )
    matrix = _MATRIX.search(name)
    stands = "" if matrix is None else "bt709" if matrix[1] == "709" else "smpte170m"
    return Probe(width, height, Fraction(1), fps, size // frame, False, pix_fmt, stands, "")


def _pixels(name: str) -> tuple[str, str, int]:
    """ffmpeg's pixel format, the subsampling and the bits of a sample."""
    stated = _FORMAT.search(name)
    if stated:
        chroma, depth = stated[1], int(stated[2] or 8)
    else:
        bits, sampling = _BITS.search(name), _SUBSAMPLING.search(name)
        chroma, depth = sampling[1] if sampling else "420", int(bits[1]) if bits else 8
    return f"yuv{chroma}p{'' if depth == 8 else f'{depth}le'}", chroma, depth


@dataclass(frozen=True)
class RawYuv(Source):
    """Uncompressed video, cropped and scaled as `reading.VideoFile` does it.

    Attributes:
        path: the file.
        info: from `described`.
        size: width and height to scale to, or None to keep the (cropped) picture's.
        crop: the part that is used, or None for all of it.
    """

    path: Path
    info: Probe
    size: tuple[int, int] | None = None
    crop: Crop | None = None

    def stored(self) -> tuple[int, int]:
        """Width and height of the crop, or of the picture."""
        return self.crop[2:] if self.crop else (self.info.width, self.info.height)

    def filters(self) -> str:
        """The chain of ffmpeg filters from the stored picture to the clip's."""
        return ",".join(
            [to_rgb(self.info), *fitting(self.info.width, self.info.height, self.crop, self.size)]
        )

    def frames(self) -> Iterator[Frames]:
        import ffmpeg as graph

        width, height = self.size or self.stored()
        raw = ffmpeg.rawvideo(self.info.width, self.info.height, self.info.pix_fmt)
        options = {"protocol_whitelist": INPUT["protocol_whitelist"], "r": str(self.info.fps)}
        node = graph.input(f"file:{self.path}", **raw, **options).output(
            "pipe:", format="rawvideo", pix_fmt="rgb24", vf=self.filters(), fps_mode="passthrough"
        )
        try:
            yield from ffmpeg.read_frames(ffmpeg.command(node, extra=["-xerror"]), width, height)
        except CodecError as error:
            raise refuse(self.path, f"it cannot be read ({error})", "check its name and its size") from None

    def fingerprint(self) -> str:
        settings = [self.info.width, self.info.height, self.info.pix_fmt, self.filters()]
        return digest([READER, sha256_once(self.path), settings, ffmpeg.version()])
