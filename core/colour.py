"""The one conversion between 8-bit RGB and bt709 limited-range 4:2:0.

It is zimg's (ffmpeg's ``zscale``), without dither, chroma sited left as H.26x has it: luma equals the
rounded formula of ITU-R BT.709 exactly, which swscale misses by one step here and there. Encoders
are given the result, decoders undo it, and nothing between them may convert again.
"""

from __future__ import annotations

YUV420_TO_RGB = (
    "zscale=matrixin=709:rangein=limited:chromalin=left:matrix=gbr:range=full"
    ":filter=bicubic:dither=none,format=gbrp"
)
"""ffmpeg filter from bt709 limited-range 4:2:0 of any depth to 8-bit RGB planes."""

TAGS = {"colorspace": "bt709", "color_primaries": "bt709", "color_trc": "bt709", "color_range": "tv"}
"""ffmpeg output options that state the conversion in the stream, as far as its format can."""


def rgb_to_yuv420(pix_fmt: str = "yuv420p") -> str:
    """ffmpeg filters from 8-bit RGB to bt709 limited-range 4:2:0, tagged as such.

    Args:
        pix_fmt: ``yuv420p``, or ``yuv420p10le`` for an encoder that works in ten bits only.
    """
    return (
        "zscale=matrixin=gbr:rangein=full:matrix=709:range=limited:chromal=left"
        f":filter=bicubic:dither=none,format={pix_fmt},setparams=color_primaries=bt709:color_trc=bt709"
    )
