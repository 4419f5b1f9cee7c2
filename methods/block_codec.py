"""What the block codecs share: ffmpeg runs them at low delay, and their bare stream is what counts."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any, ClassVar

from ..core import colour, ffmpeg
from ..core.bitstream import Header, Kind, pack, unpack_for
from ..core.decoding import decode
from ..core.errors import CodecError, StreamError, UsageError, unknown
from ..core.method import Method
from ..core.signature import code
from ..core.version import __version__
from ..core.video import Clip, Frames


def params(settings: Mapping[str, Any]) -> str:
    """An encoder library's own settings, in the form that ffmpeg passes on: ``a=1:b=2``."""
    return ":".join(f"{key}={value}" for key, value in settings.items())


@dataclass(frozen=True, kw_only=True)
class BlockCodec(Method):
    """A block-based codec at one quality.

    Low delay: a picture's bytes depend on it and on earlier pictures, and pictures are coded in the
    order in which they are shown. The first picture is intra; it and the parameter sets before it are
    the stream's SOURCE, and all that follows is its MOTION.

    Attributes:
        preset: the encoder's trade of time for bytes, by its own name.
        gop: an intra picture every so many; 0 for the first one only.
        threads: of the encoder and of the decoder. More than one may change the stream.
    """

    encoder: ClassVar[str]
    """ffmpeg's name of the encoder."""
    codec: ClassVar[str]
    """ffmpeg's name of the codec, as decoders are listed by."""
    muxer: ClassVar[str]
    """ffmpeg's name of the format that the encoder's output is taken in."""
    demuxer: ClassVar[str]
    """ffmpeg's name of the format that the decoder is given."""
    pix_fmt: ClassVar[str] = "yuv420p"
    quality: ClassVar[tuple[str, int, int]]
    """Name, lowest and highest value of the setting that is swept."""
    presets: ClassVar[Sequence[str]]
    least: ClassVar[int]
    """Shortest side in pixels that the encoder takes."""

    preset: str
    gop: int
    threads: int

    @abstractmethod
    def options(self) -> dict[str, Any]:
        """ffmpeg's options for the encoder: quality, preset and low delay."""

    @abstractmethod
    def split(self, data: bytes) -> list[bytes]:
        """Cut the encoder's output into what each picture of the clip cost, in coding order.

        Raises:
            CodecError: it does not have the expected syntax.
        """

    def join(self, payload: bytes) -> bytes:
        """What the decoder reads, from the joined results of `split`."""
        return payload

    def check(self) -> None:
        self.check_range(*self.quality)
        self.check_range("gop", 0, 1 << 20)
        self.check_range("threads", 1, 64)
        self.check_choice("preset", self.presets)
        ffmpeg.require(f"methods.{self.name}", encoder=self.encoder, decoder=self.codec)

    def check_range(self, key: str, low: int, high: int) -> None:
        """Refuse a setting that is no integer from low to high (UsageError)."""
        value = getattr(self, key)
        if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
            raise UsageError(
                f"methods.{self.name}.{key}={value} is out of range; give an integer from {low} to {high}"
            )

    def check_choice(self, key: str, known: Sequence[str]) -> None:
        """Refuse a setting that is not one of the known words (UsageError)."""
        value = str(getattr(self, key))
        if value not in known:
            raise unknown(f"methods.{self.name}.{key}", value, known)

    def _output(self) -> dict[str, Any]:
        """ffmpeg's output options, all but the size's and the rate's."""
        return {
            "vf": colour.rgb_to_yuv420(self.pix_fmt),
            "c:v": self.encoder,
            "threads": self.threads,
            **self.options(),
            **colour.TAGS,
            "fps_mode": "passthrough",
            "format": self.muxer,
        }

    def _refuse_size(self, clip: Clip) -> None:
        size = f"{self.name} cannot code '{clip.name}' at {clip.width}x{clip.height}"
        if clip.width % 2 or clip.height % 2:
            raise CodecError(
                f"{size}: 4:2:0 needs even sides; crop or scale the clip, such as with --size 256"
            )
        if min(clip.width, clip.height) < self.least:
            raise CodecError(f"{size}: {self.encoder} takes {self.least} pixels a side and more; scale it up")

    def encode(self, clip: Clip) -> bytes:
        import ffmpeg as graph

        self._refuse_size(clip)
        lengths: list[int] = []

        def feed() -> Iterator[Frames]:
            for block in clip.frames():
                lengths.append(len(block))
                yield block

        source = ffmpeg.rawvideo(clip.width, clip.height)
        node = graph.input("pipe:", **source, r=str(clip.fps)).output("pipe:", **self._output())
        try:
            pictures = self.split(ffmpeg.collect_coded(ffmpeg.command(node), feed()))
        except CodecError as error:
            raise CodecError(f"{self.name} could not code '{clip.name}': {error}") from None
        if len(pictures) != sum(lengths) or not pictures:
            raise CodecError(
                f"{self.encoder} wrote {len(pictures)} pictures for the {sum(lengths)} of '{clip.name}' and "
                "reported no error; `bench doctor` shows the ffmpeg in use, TALKBENCH_FFMPEG names another"
            )
        header = Header(self.name, clip.width, clip.height, clip.fps, len(pictures))
        return pack(header, [(Kind.SOURCE, pictures[0]), (Kind.MOTION, b"".join(pictures[1:]))])

    def decode(self, stream: bytes) -> Iterator[Frames]:
        parsed = unpack_for(stream, self.name)
        header = parsed.header
        data = self.join(parsed.payload(Kind.SOURCE) + parsed.payload(Kind.MOTION))
        frames = 0
        try:
            for block in decode(data, self.demuxer, header.width, header.height, threads=self.threads):
                frames += len(block)
                if frames > header.frames:
                    break
                yield block
        except CodecError as error:
            raise CodecError(f"{self.name} cannot decode its stream, which may be damaged: {error}") from None
        if frames != header.frames:
            raise StreamError(
                f"corrupt {self.name} stream: its header promises {header.frames} frames, "
                f"{frames}{' or more' if frames > header.frames else ''} were decoded; encode the clip again"
            )

    def frame_bytes(self, stream: bytes) -> Sequence[int]:
        parsed = unpack_for(stream, self.name)
        payload = parsed.payload(Kind.SOURCE) + parsed.payload(Kind.MOTION)
        lengths = [len(picture) for picture in self.split(self.join(payload))]
        return [len(stream) - sum(lengths[1:]), *lengths[1:]]

    def describe(self) -> Mapping[str, str]:
        settings = {item.name: str(getattr(self, item.name)) for item in fields(self)}
        options = " ".join(f"-{key} {value}" for key, value in self._output().items())
        return {
            **settings,
            "encoder": options,
            "decoder": self.codec,
            "colour": colour.YUV420_TO_RGB,
            "structure": "low delay: no reordering, no look-ahead",
            "ffmpeg": ffmpeg.build(),
            "code": code(type(self)),
            "version": __version__,
        }
