"""Uncompressed files through which pictures go to somebody else's tool, and come back."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from ..core import colour, ffmpeg
from ..core.bitstream import Header
from ..core.errors import CodecError, VideoError
from ..core.reading import VIDEOS, open_clip
from ..core.video import Clip, Frames

RAW = ("yuv420p", "yuv420p10le", "rgb24")
"""Forms of raw files: planes Y, U, V of 8 bits, or of 10 in two bytes each, least first; or RGB pixels."""

INPUTS = ("y4m", *RAW)
"""What a tool can be given. y4m is 4:2:0 of 8 bits; all 4:2:0 is bt709, limited range (`core.colour`)."""

OUTPUTS = (*INPUTS, *sorted(ending[1:] for ending in VIDEOS - {".y4m"}))
"""What can be taken from it: these, or a video of that ending, whose own tags say its colours."""


def ending(form: str) -> str:
    """How a file of that form is called."""
    return {"rgb24": ".rgb"}.get(form, ".yuv" if form in RAW else f".{form}")


def write(clip: Clip, form: str, path: Path) -> int:
    """Write a clip; returns the number of its frames.

    Args:
        clip: its sides are even, unless the form is rgb24.
        form: one of INPUTS.
        path: of the file.

    Raises:
        CodecError: ffmpeg failed.
        VideoError: the clip cannot be read, or has no frames.
    """
    import ffmpeg as graph

    frames = 0

    def feed() -> Iterator[Frames]:
        nonlocal frames
        for block in clip.frames():
            frames += len(block)
            yield block

    if form == "rgb24":
        with path.open("wb") as file:
            for block in feed():
                file.write(block.tobytes())
    else:
        pix_fmt = "yuv420p" if form == "y4m" else form
        container = {"format": "yuv4mpegpipe"} if form == "y4m" else {"format": "rawvideo", "pix_fmt": form}
        source = graph.input("pipe:", r=str(clip.fps), **ffmpeg.rawvideo(clip.width, clip.height))
        node = source.output(
            f"file:{path}", vf=colour.rgb_to_yuv420(pix_fmt), fps_mode="passthrough", **container
        )
        if any(True for _ in clip.first(1).frames()):  # ffmpeg's own words for none are odd
            ffmpeg.collect(ffmpeg.command(node, extra=["-y"]), feed())
    if not frames:
        raise VideoError(f"clip '{clip.name}' has no frames; leave it out or check its source")
    return frames


def read(path: Path, form: str, header: Header) -> Iterator[Frames]:
    """Read what a decoder wrote.

    Args:
        path: of the file.
        form: one of OUTPUTS.
        header: of the stream: how many frames of which size there must be.

    Yields:
        blocks (t, H, W, 3) uint8 RGB.

    Raises:
        CodecError: other frames, or none that can be read.
    """
    frames = 0
    for block in _blocks(path, form, header):
        frames += len(block)
        if frames > header.frames:
            break
        yield block
    if frames != header.frames:
        more = " or more" if frames > header.frames else ""
        raise CodecError(f"the decoder wrote {frames}{more} frames, the stream is of {header.frames}")


def _blocks(path: Path, form: str, header: Header) -> Iterator[Frames]:
    import ffmpeg as graph

    width, height = header.width, header.height
    if form not in INPUTS:
        yield from _video(path, header)
        return
    if form == "y4m":
        found = _y4m_size(path)
        if found != (width, height):
            raise _wrong_size(found, header)
        source = graph.input(f"file:{path}", format="yuv4mpegpipe")
    else:
        size = width * height * {"rgb24": 6, "yuv420p": 3, "yuv420p10le": 6}[form] // 2
        there = path.stat().st_size
        if there != size * header.frames:
            raise CodecError(
                f"the decoder wrote {there} bytes, {header.frames} frames of {width}x{height} in {form} are "
                f"{size * header.frames}"
            )
        source = graph.input(f"file:{path}", **ffmpeg.rawvideo(width, height, form))
    # 4:2:0 is what the encoder was given, whatever a file's header says of it.
    filters = {} if form == "rgb24" else {"vf": colour.YUV420_TO_RGB}
    node = source.output("pipe:", fps_mode="passthrough", format="rawvideo", pix_fmt="rgb24", **filters)
    yield from ffmpeg.read_frames(ffmpeg.command(node, extra=["-xerror"]), width, height)


def _video(path: Path, header: Header) -> Iterator[Frames]:
    try:
        clip = open_clip(path)
        if (clip.width, clip.height) != (header.width, header.height):
            raise _wrong_size((clip.width, clip.height), header)
        yield from clip.frames()
    except VideoError as error:
        raise CodecError(f"the decoder's {str(error).replace(str(path), path.name)}") from None


def _y4m_size(path: Path) -> tuple[int, int]:
    """Width and height, from the first line of a y4m file."""
    with path.open("rb") as file:
        words = file.readline(1024).decode("ascii", "replace").split()
    sides = {word[0]: word[1:] for word in words[1:]}
    width, height = sides.get("W", ""), sides.get("H", "")
    if words[:1] != ["YUV4MPEG2"] or not width.isdigit() or not height.isdigit():
        raise CodecError("what the decoder wrote is no y4m: its first line does not say so")
    return int(width), int(height)


def _wrong_size(found: tuple[int, int], header: Header) -> CodecError:
    size = f"{header.width}x{header.height}"
    return CodecError(f"the decoder wrote pictures of {found[0]}x{found[1]}, the stream is of {size}")
