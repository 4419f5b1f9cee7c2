"""Reading other people's videos as one exact sequence of 8-bit RGB frames.

The conversion to RGB is fixed: the stream's own tags are obeyed; where there are none, limited range
is taken, and bt709 for pictures at least 1280 wide or more than 576 high, bt601 for smaller ones (the
players' convention). It happens at full resolution, then the picture is cropped, then scaled; colour
planes and pictures alike by zimg's bicubic. Of primaries and transfer nothing is converted; HDR is
refused. An alpha channel is dropped.

Rotation tags and mp4's edit lists are obeyed: frame 0 is the first one that a player shows. A variable
frame rate is resampled to the stream's nominal one; a picture size that changes is refused. Interlaced
pictures are read as progressive ones. Pixels that are not square stay as they are stored; `Probe.aspect`
tells.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path

from . import ffmpeg
from .errors import CodecError
from .ffmpeg import Frames
from .probe import INPUT, Probe, probe, refuse
from .signature import digest, sha256_once
from .sound import read_sound
from .video import Clip, Sound, Source

__all__ = [
    "VIDEOS",
    "Crop",
    "Probe",
    "VideoFile",
    "centred_square",
    "fitting",
    "open_clip",
    "probe",
    "to_rgb",
]

READER = 2
"""Raised when the conversion changes, so that no cached frame or score outlives it."""

VIDEOS = frozenset(
    f".{ending}"
    for ending in (
        *("3gp", "avi", "flv", "gif", "m2ts", "m4v", "mkv", "mov", "mp4", "mpeg", "mpg", "mts", "mxf"),
        *("ogv", "ts", "webm", "wmv", "y4m"),
    )
)
"""Endings, in any case, of the files that are taken for videos."""

Crop = tuple[int, int, int, int]
"""x, y, width, height in pixels of the upright, uncropped picture."""

RGB = "format=gbrp"
"""The filter from 8-bit RGB or full-range gray, however packed, to RGB planes."""

_TO_GBR = "zscale=matrix=gbr:range=full:filter=bicubic:dither=none,format=gbrp"

DEEP_RGB = f"format=gbrp16le,{_TO_GBR}"
"""The filters from deeper RGB to 8-bit planes, rounded to the nearest."""

_RGB = ("rgb", "bgr", "gbr", "argb", "abgr", "0rgb", "0bgr", "x2rgb", "x2bgr", "pal8")
_DEEP = re.compile(r"(48|64|10|12|14|16|f16|f32)[lb]e$")


def _even(pix_fmt: str, width: int, height: int) -> list[str]:
    """Filters that add a line and a column where colour planes are half as large and zimg wants even sizes.

    Only luma is padded: half of an odd number is rounded up, so the colour planes are large enough.
    """
    found = re.search(r"yuv[aj]?(420|422|440)p(\d*[lb]?e?)", pix_fmt)
    if found is None or not (width % 2 or height % 2):
        return []
    planes = "extractplanes=y+u+v[y][u][v]"
    luma = f"[y]pad={width + width % 2}:{height + height % 2}[even]"
    return [f"{planes};{luma};[even][u][v]mergeplanes=map1s=1:map2s=2:format=yuv{found[1]}p{found[2]}"]


def to_rgb(info: Probe) -> str:
    """The ffmpeg filters from the stored picture to 8-bit RGB planes (gbrp) of the same size.

    Equal to the rounded formula of the colour matrix (ITU-R BT.601, BT.709) where no colour plane is
    subsampled.
    """
    name = info.pix_fmt
    if name.startswith(_RGB):
        return DEEP_RGB if _DEEP.search(name) else RGB
    if name.startswith(("gray", "ya", "mono")):
        if name.startswith(("ya", "mono")):
            return RGB
        return f"setparams=range={info.range or 'full'},{_TO_GBR}"
    large = info.width >= 1280 or info.height > 576
    matrix = info.matrix if info.matrix not in ("", "gbr") else "bt709" if large else "smpte170m"
    steps = _even(name, info.width, info.height)
    odd = [f"crop={info.width}:{info.height}:0:0:exact=1"] if steps else []
    tags = f"setparams=field_mode=prog:range={info.range or 'limited'}:colorspace={matrix}"
    return ",".join([*steps, tags, _TO_GBR, *odd])


def fitting(width: int, height: int, crop: Crop | None, size: tuple[int, int] | None) -> list[str]:
    """The filters that crop, then scale, RGB planes of (width, height)."""
    steps = []
    if crop is not None:
        x, y, width, height = crop
        steps.append(f"crop={width}:{height}:{x}:{y}:exact=1")
    if size is not None and size != (width, height):
        steps.append(f"zscale=w={size[0]}:h={size[1]}:filter=bicubic,format=gbrp")
    return steps


def centred_square(width: int, height: int, aspect: Fraction = Fraction(1)) -> Crop:
    """The largest crop in the middle of a picture that is square as shown.

    Args:
        width, height: of the picture, in stored pixels.
        aspect: width of a pixel over its height.
    """
    side = min(width * aspect, Fraction(height))
    wide, high = round(side / aspect), round(side)
    return (width - wide) // 2, (height - high) // 2, wide, high


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
                raise refuse(
                    self.path,
                    f"crop {self.crop} (x, y, width, height) leaves its {info.width}x{info.height} picture",
                    "correct the crop",
                )
        return self.size or (self.crop[2:] if self.crop else (info.width, info.height))

    def stored(self) -> tuple[int, int]:
        """Width and height of the crop, or of the picture."""
        return replace(self, size=None).shape()

    def filters(self) -> str:
        """The chain of ffmpeg filters from the stored picture to the clip's."""
        info = probe(self.path)
        # ffmpeg would scale pictures of another size to the first one's; so it stops instead.
        one_size = f"crop=w='if(eq(iw,{info.width})*eq(ih,{info.height}),iw,-1)':h=ih:x=0:y=0:exact=1"
        steps = [one_size, to_rgb(info), *fitting(info.width, info.height, self.crop, self.size)]
        return ",".join([*steps, f"fps={info.fps}"] if info.variable else steps)

    def frames(self) -> Iterator[Frames]:
        import ffmpeg as graph

        width, height = self.shape()
        node = graph.input(f"file:{self.path}", **INPUT).output(
            "pipe:", format="rawvideo", pix_fmt="rgb24", vf=self.filters(), map="0:V:0",
            fps_mode="passthrough", an=None,
        )  # fmt: skip
        try:
            yield from ffmpeg.read_frames(ffmpeg.command(node, extra=["-xerror"]), width, height)
        except CodecError as error:
            if "reinitializing filters" in str(error):
                raise refuse(self.path, "its picture size changes", "convert it to one size") from None
            raise refuse(self.path, f"damaged or cut off ({error})", "repair it or leave it out") from None

    def sound(self) -> Sound | None:
        return read_sound(self.path)

    def fingerprint(self) -> str:
        filters = self.filters()  # first: it refuses what cannot be opened
        return digest([READER, sha256_once(self.path), filters, ffmpeg.version()])


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
