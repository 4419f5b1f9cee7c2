"""The still picture that a codec sends first and animates or repeats."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from . import colour, ffmpeg
from .decoding import decode
from .errors import CodecError, UsageError, unknown
from .signature import code
from .video import Frame

PNG_MAGIC = b"\x89PNG"
ENCODERS = {"h265": "libx265", "h266": "libvvenc", "png": "png"}
DECODERS = {"h265": "hevc", "h266": "vvc", "png": "png"}
MOST_QP = {"h265": 51, "h266": 63, "png": 51}


def _even(frame: Frame) -> Frame:
    """The picture with its last row and column repeated where a side is odd: 4:2:0 needs even ones."""
    height, width = frame.shape[:2]
    return np.pad(frame, ((0, height % 2), (0, width % 2), (0, 0)), mode="edge")


def _demuxer(data: bytes) -> str:
    """ffmpeg's name of a bare stream: H.265 begins with a parameter set's type, H.266 with layer 0."""
    start = data.find(b"\0\0\1") + 3
    return "vvc" if data[start : start + 1] == b"\0" else "hevc"


@dataclass(frozen=True)
class PictureCodec:
    """Codes single pictures of any size from 16x16 on.

    Attributes:
        codec: ``h265`` or ``h266``, one intra picture in 4:2:0, as its bare Annex B stream; or ``png``,
            lossless.
        qp: of H.265, 0 to 51; of H.266, 0 to 63; without effect on PNG.
    """

    codec: str
    qp: int

    def check(self, key: str) -> None:
        """Look for what this codec needs.

        Args:
            key: of the settings in the configuration, for messages: ``methods.freeze``.

        Raises:
            UsageError: a setting is out of range, or the encoder is missing.
        """
        if str(self.codec) not in ENCODERS:
            raise unknown(f"{key}.codec", str(self.codec), ENCODERS)
        most = MOST_QP[self.codec]
        if isinstance(self.qp, bool) or not isinstance(self.qp, int) or not 0 <= self.qp <= most:
            raise UsageError(f"{key}.qp={self.qp} is out of range; give an integer from 0 to {most}")
        ffmpeg.require(key, encoder=ENCODERS[self.codec], decoder=DECODERS[self.codec])

    def _output(self) -> dict[str, Any]:
        """ffmpeg's output options."""
        if self.codec == "png":
            return {"c:v": "png", "pred": "mixed", "format": "image2pipe"}
        if self.codec == "h266":
            return {
                "vf": colour.rgb_to_yuv420("yuv420p10le"),
                "c:v": "libvvenc",
                "preset": "slow",
                "qp": self.qp,
                "qpa": 0,
                "vvenc-params": "intraperiod=1:gopsize=1:accessunitdelimiter=0",
                "bsf:v": "filter_units=remove_types=23|24",  # vvenc's banner
                **colour.TAGS,
                "format": "vvc",
            }
        # ipratio 1: x265 would code an intra picture three steps finer than qp says.
        # Smoothing costs LPIPS and saves nothing: at equal bytes this has a fifth less than the preset.
        library = (
            f"qp={self.qp}:ipratio=1:keyint=1:psy-rd=4:rdoq-level=2:psy-rdoq=4:no-sao=1:no-deblock=1:"
            "frame-threads=1:pools=none:wpp=0:log-level=error"
        )
        return {
            "vf": colour.rgb_to_yuv420(),
            "c:v": "libx265",
            "preset": "slow",
            "x265-params": library,
            "bsf:v": "filter_units=remove_types=39|40",  # x265's banner
            **colour.TAGS,
            "format": "hevc",
        }

    def encode(self, frame: Frame) -> bytes:
        """Code a picture.

        Args:
            frame: (H, W, 3) uint8 RGB.

        Raises:
            CodecError: the encoder failed, or wrote nothing.
        """
        import ffmpeg as graph

        whole = np.ascontiguousarray(frame if self.codec == "png" else _even(frame))
        height, width = whole.shape[:2]
        node = graph.input("pipe:", **ffmpeg.rawvideo(width, height)).output("pipe:", **self._output())
        data = ffmpeg.collect_coded(ffmpeg.command(node), [whole])
        if not data:
            raise CodecError(
                f"{ENCODERS[self.codec]} wrote nothing for a {width}x{height} picture and reported no error; "
                "`bench doctor` shows the ffmpeg in use, TALKBENCH_FFMPEG names another"
            )
        return data

    @staticmethod
    def decode(data: bytes, width: int, height: int) -> Frame:
        """Decode what `encode` returned, whichever codec it was.

        Args:
            data: the coded picture.
            width, height: of the picture, in pixels.

        Returns:
            (H, W, 3) uint8 RGB.

        Raises:
            CodecError: it is damaged, or holds another number of pictures than one.
        """
        if data.startswith(PNG_MAGIC):
            blocks = list(decode(data, "png_pipe", width, height, filters="null"))
        else:
            blocks = list(decode(data, _demuxer(data), width + width % 2, height + height % 2))
        frames = sum(map(len, blocks))
        if frames != 1:
            raise CodecError(f"a coded picture holds {frames} pictures of {width}x{height}, one was expected")
        picture: Frame = blocks[0][0, :height, :width]
        return picture

    def describe(self) -> Mapping[str, str]:
        """All that determines the result."""
        options = " ".join(f"-{key} {value}" for key, value in self._output().items())
        return {"picture": options, "picture_code": code(PictureCodec), "ffmpeg": ffmpeg.build()}
