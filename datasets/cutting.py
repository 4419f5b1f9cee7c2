"""Cutting a clip out of a longer video: these frames, this box, checked by reading it back."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

from ..core import ffmpeg
from ..core.errors import CodecError, StoreError, VideoError
from ..core.probe import INPUT, Probe, probe
from ..core.reading import Crop, VideoFile, fitting, to_rgb
from ..core.store import writing
from ..core.timeline import Timeline, timeline

_FULL = ("No space left on device", "Disk quota exceeded", "File too large")
_LOSSLESS: Mapping[str, Any] = {"vcodec": "libx264rgb", "qp": 0, "preset": "veryfast"}
_PUBLISHED: Mapping[str, Any] = {"vcodec": "libx264"}


@dataclass(frozen=True)
class Raw:
    """A video that clips are cut out of.

    Attributes:
        path: the file.
        info: what it says of itself.
        times: of its frames.
    """

    path: Path
    info: Probe
    times: Timeline


def open_raw(path: Path) -> Raw:
    """A video, ready to be cut.

    Raises:
        VideoError: it cannot be read.
    """
    return Raw(path, probe(path), timeline(path))


@dataclass(frozen=True)
class Cut:
    """What is cut out of a video.

    Attributes:
        first, last: frames, counted from 0 as they are shown, both inclusive.
        crop: x, y, width, height in pixels of the video.
        short: how many frames the list asks for beyond those.
        displaced: by how many frames the published scripts would begin later in this very file.
    """

    first: int
    last: int
    crop: Crop
    short: int = 0
    displaced: int = 0

    @property
    def frames(self) -> int:
        """How many there are."""
        return self.last - self.first + 1


def within(raw: Raw, listed: str, first: int, last: int, end: int, crop: Crop, displaced: int = 0) -> Cut:
    """A cut that ends where the video does, up to a second earlier than listed.

    Args:
        raw: the video.
        listed: what the list asks for, for the message.
        first, last: frames, both inclusive.
        end: frames from this number on are not there.
        crop: x, y, width, height.
        displaced: as in `Cut`.

    Raises:
        VideoError: more than a second is not there, or the box leaves the picture.
    """
    x, y, width, height = crop
    if min(x, y) < 0 or min(width, height) < 1 or x + width > raw.info.width or y + height > raw.info.height:
        raise VideoError(
            f"{raw.path}: the box {crop} (x, y, width, height) leaves its {raw.info.width}x{raw.info.height} "
            "picture; it is another video than listed"
        )
    short = max(0, last + 1 - end)
    if first >= end or short > raw.info.fps:
        raise VideoError(
            f"{raw.path}: {listed} listed, but it ends {last + 1 - end} frames earlier; "
            "it is cut off, or another video than listed"
        )
    return Cut(first, last - short, crop, short, displaced)


@dataclass(frozen=True)
class Written:
    """A clip's file as it was read back.

    Attributes:
        sha256: of the file's bytes.
        pixels: sha256 of its 8-bit RGB frames in a row: the same wherever the same video was cut.
        frames, width, height, fps: of the clip.
    """

    sha256: str
    pixels: str
    frames: int
    width: int
    height: int
    fps: Fraction


def read_back(path: Path) -> Written:
    """Decode a clip, count and hash it.

    Raises:
        VideoError: it cannot be read to its end.
    """
    from ..core.signature import sha256_file

    info, pixels, frames = probe(path), hashlib.sha256(), 0
    for block in VideoFile(path).frames():
        frames += len(block)
        pixels.update(block.data)
    return Written(sha256_file(path), pixels.hexdigest(), frames, info.width, info.height, info.fps)


def cut(raw: Raw, piece: Cut, target: Path, *, published: bool = False) -> Written:
    """Write a clip.

    Frames are found by their times in the file, so that neither key frames nor the order of coding matter;
    where their distance varies, they follow each other at the nominal rate.
    The clip holds the very RGB pixels that `core.reading` gives for the video, cropped, without loss.

    Args:
        raw: the video.
        piece: what to cut out.
        target: the file, replaced when it is whole.
        published: as the published scripts leave clips: the box aligned to the colour planes, and coded
            with loss by libx264 as it is set by default.

    Raises:
        VideoError: the video is damaged, or holds other frames than its times say.
        StoreError: the file cannot be written.
    """
    with writing(target) as temporary:
        # A seek may land where decoding cannot begin, or behind the wanted frame; then all is decoded.
        for seek in (True, False) if piece.first else (False,):
            try:
                _write(raw, piece, temporary, published, seek)
                written = read_back(temporary)
                if written.frames == piece.frames:
                    return written
                wrong = f"{written.frames} frames from number {piece.first} on, and not {piece.frames}"
            except CodecError as error:
                if any(words in str(error) for words in _FULL):
                    raise StoreError(
                        f"cannot write {target} (the disk is full); make room or choose another place, "
                        "then repeat the command: what is finished is kept"
                    ) from None
                wrong = f"damaged or cut off ({error})"
            except VideoError as error:
                wrong = f"no clip came of it ({error})"
        raise VideoError(f"{raw.path}: {wrong}; fetch it again")


def _write(raw: Raw, piece: Cut, target: Path, published: bool, seek: bool) -> None:
    import ffmpeg as graph

    times = raw.times
    begin, end = times.seconds(piece.first), times.seconds(piece.last)
    before = begin - times.seconds(piece.first - 1) if piece.first else Fraction(1)
    after = times.seconds(piece.last + 1) - end if piece.last + 1 < len(times) else Fraction(1)
    span = f"trim=start={float(begin - before / 2):.6f}:end={float(end + after / 2):.6f}"
    # A list counts frames: where their distance varies, each is kept once, at the nominal rate.
    clock = f"setpts=N/({raw.info.fps})/TB" if raw.info.variable else "setpts=PTS-STARTPTS"
    x, y, width, height = piece.crop
    if published:
        shape, coding = [f"crop={width}:{height}:{x}:{y}"], _PUBLISHED
    else:
        shape, coding = (
            [to_rgb(raw.info), *fitting(raw.info.width, raw.info.height, piece.crop, None)],
            _LOSSLESS,
        )
    options: dict[str, Any] = {**INPUT, "copyts": None}
    if seek:
        options |= {"ss": f"{float(begin):.6f}", "seek_timestamp": 1, "noaccurate_seek": None}
    node = graph.input(f"file:{raw.path}", **options).output(
        f"file:{target}", vf=",".join([span, clock, *shape]), map="0:V:0",
        fps_mode="passthrough", an=None, **coding,
    )  # fmt: skip
    ffmpeg.collect(ffmpeg.command(node, extra=["-y", "-xerror"]))
