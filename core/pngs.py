"""Folders of numbered PNGs, read as the frames of a clip."""

from __future__ import annotations

import itertools
import re
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from . import ffmpeg
from .errors import CodecError
from .ffmpeg import Frames
from .probe import INPUT, refuse
from .reading import DEEP_RGB, READER, RGB, Crop, fitting
from .signature import digest, sha256_once
from .video import Source

_SIGNATURE = b"\x89PNG\r\n\x1a\n"


def numbered(folder: Path) -> tuple[Path, ...]:
    """The PNGs of a folder by the last number in their names, 2 before 10; () where there are none.

    Raises:
        VideoError: a name without a number, two of one number, or a number left out.
    """
    found: dict[int, Path] = {}
    for path in sorted(folder.glob("*.png")):
        numbers = re.findall(r"\d+", path.stem, re.ASCII)
        if not numbers:
            raise refuse(path, "its name holds no number", "number the frames or move it away")
        other = found.setdefault(int(numbers[-1]), path)
        if other != path:
            raise refuse(path, f"it has the same number as {other.name}", "give each frame one file")
    order = sorted(found)
    steps = {b - a for a, b in itertools.pairwise(order)}
    for a, b in itertools.pairwise(order):
        if b - a > min(steps):
            raise refuse(
                folder, f"no frame stands between {found[a].name} and {found[b].name}", "add what is missing"
            )
    return tuple(found[number] for number in order)


def _header(path: Path) -> tuple[int, int, bool]:
    """Width, height, and whether a sample has 16 bits (PNG specification, 11.2.1 IHDR)."""
    try:
        with path.open("rb") as file:
            head = file.read(25)
    except OSError as error:
        raise refuse(path, f"it cannot be read ({error.strerror})", "check its permissions") from None
    if len(head) < 25 or head[:8] != _SIGNATURE or head[12:16] != b"IHDR":
        raise refuse(path, "it is no PNG", "convert it or leave it out")
    width, height, depth = struct.unpack(">IIB", head[16:25])
    return width, height, depth == 16


@dataclass(frozen=True)
class PngFolder(Source):
    """Numbered PNGs of one size, cropped and scaled as `reading.VideoFile` does it.

    Attributes:
        files: in the order of the frames.
        size: width and height to scale to, or None to keep the (cropped) picture's.
        crop: the part that is used, or None for all of it.
    """

    files: tuple[Path, ...]
    size: tuple[int, int] | None = None
    crop: Crop | None = None

    def picture(self) -> tuple[int, int, bool]:
        """Width and height of the uncropped pictures, and whether they have 16 bits a sample.

        Raises:
            VideoError: they differ, or one is no PNG.
        """
        first, *others = map(_header, self.files)
        for path, header in zip(self.files[1:], others, strict=True):
            if header != first:
                shapes = [
                    f"{width}x{height}, {16 if deep else 8} bits" for width, height, deep in (header, first)
                ]
                raise refuse(
                    path, f"{shapes[0]} found, {shapes[1]} in {self.files[0].name}", "make them alike"
                )
        return first

    def stored(self) -> tuple[int, int]:
        """Width and height of the crop, or of the pictures."""
        return self.crop[2:] if self.crop else self.picture()[:2]

    def filters(self) -> str:
        """The chain of ffmpeg filters from the stored pictures to the clip's."""
        width, height, deep = self.picture()
        return ",".join([DEEP_RGB if deep else RGB, *fitting(width, height, self.crop, self.size)])

    def frames(self) -> Iterator[Frames]:
        import ffmpeg as graph

        width, height = self.size or (self.crop[2:] if self.crop else self.picture()[:2])
        options = {**INPUT, "protocol_whitelist": "pipe", "noautorotate": None}
        node = graph.input("pipe:", format="png_pipe", **options).output(
            "pipe:", format="rawvideo", pix_fmt="rgb24", vf=self.filters(), fps_mode="passthrough"
        )
        count = 0
        try:
            feed = (path.read_bytes() for path in self.files)
            for block in ffmpeg.read_frames(ffmpeg.command(node, extra=["-xerror"]), width, height, feed):
                count += len(block)
                yield block
        except (CodecError, OSError) as error:
            raise refuse(self._folder, f"a damaged picture ({error})", "repair or leave it out") from None
        if count != len(self.files):
            raise refuse(
                self._folder, f"{count} of {len(self.files)} PNGs could be decoded", "repair the rest"
            )

    @property
    def _folder(self) -> Path:
        return self.files[0].parent

    def fingerprint(self) -> str:
        filters = self.filters()  # first: it refuses what cannot be opened
        hashes = [sha256_once(path) for path in self.files]
        return digest([READER, hashes, filters, ffmpeg.version()])
