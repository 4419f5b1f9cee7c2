"""Decoding the coded pictures that this package's encoders wrote, by ffmpeg."""

from __future__ import annotations

from collections.abc import Iterator

from . import ffmpeg
from .colour import YUV420_TO_RGB
from .ffmpeg import Frames

LARGEST_BLOCK = 128
"""Coded sizes are rounded up to whole blocks, of this side at most (AV1's and H.266's)."""


def decode(
    data: bytes, demuxer: str, width: int, height: int, *, filters: str = YUV420_TO_RGB, threads: int = 1
) -> Iterator[Frames]:
    """Decode a bare stream; damage is an error, never a concealed picture.

    Args:
        data: the whole stream.
        demuxer: ffmpeg's name of its format.
        width, height: of the pictures in it, in pixels.
        filters: from the coded pictures to 8-bit RGB.
        threads: of the decoder.

    Yields:
        blocks (t, H, W, 3) uint8 RGB.

    Raises:
        CodecError: the decoder failed, on damaged data above all.
    """
    import ffmpeg as graph

    # max_pixels: a damaged size must not allocate gigabytes.
    most = (width + LARGEST_BLOCK) * (height + LARGEST_BLOCK)
    node = graph.input(
        "pipe:", format=demuxer, err_detect="explode", max_pixels=most, threads=threads
    ).output("pipe:", vf=filters, fps_mode="passthrough", format="rawvideo", pix_fmt="rgb24")
    # One thread for the filters too: on pictures so small, more of them wait for each other.
    arguments = ffmpeg.command(node, extra=["-xerror", "-filter_threads", "1"])
    yield from ffmpeg.read_frames(arguments, width, height, [data])
