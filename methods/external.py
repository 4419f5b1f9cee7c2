"""Any codec that has a command line."""

from __future__ import annotations

import functools
import tempfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from ..core import colour, ffmpeg
from ..core.bitstream import Header, Kind, pack, unpack_for
from ..core.errors import CodecError, StreamError, UnsetError, UsageError, VideoError, unknown
from ..core.method import Method
from ..core.signature import code
from ..core.version import __version__
from ..core.video import Clip, Frames
from .av1 import AV1
from .command import Command, answer
from .h264 import H264
from .h265 import H265
from .h266 import H266
from .uncompressed import INPUTS, OUTPUTS, ending, read, write

_OF_CLIP = ("width", "height", "fps", "fps_num", "fps_den", "frames")
_OF_BOTH = ("stream", *_OF_CLIP, "quality", "root")
ENCODER_GAPS = ("input", *_OF_BOTH)
DECODER_GAPS = ("output", *_OF_BOTH)
VERSION_SECONDS = 30.0

_IVF_HEADER, _IVF_FRAME = 32, 12


def _ivf(data: bytes) -> list[bytes]:
    """An IVF file's first frame, with the file's header, and the rest."""
    end = _IVF_HEADER + _IVF_FRAME + int.from_bytes(data[_IVF_HEADER : _IVF_HEADER + 4], "little")
    if data[:4] != b"DKIF" or end > len(data):
        raise CodecError(
            f"an IVF file begins with b'DKIF' and holds a whole frame, this one with {data[:4]!r}"
        )
    return [data[:end], data[end:]]


_PLAIN: Mapping[str, Any] = {"preset": "medium", "gop": 0, "threads": 1}
SYNTAXES: Mapping[str, Callable[[bytes], list[bytes]]] = {
    "h264": H264(crf=23, tune=None, **_PLAIN).split,
    "h265": H265(crf=23, tune=None, **_PLAIN).split,
    "h266": H266(qp=32, qpa=True, **_PLAIN).split,
    "obu": AV1(crf=35, **_PLAIN).split,
    "ivf": _ivf,
}
"""What cuts the streams of which the first picture can be told from the rest, in coding order."""


class External(Method):
    """Two command lines of somebody else's codec: one writes a stream, the other reads it.

    They run without a shell, each in an empty folder of its own that is deleted afterwards; what the
    encoder leaves beside its stream is lost, and the decoder, in the sealed process, finds the stream and
    nothing else. All of the stream's bytes are kept and counted as the encoder wrote them. Where its
    `syntax` is not known, no picture in it can be told apart, and all of it is MOTION: every accounting then
    contains the first picture, which counts against this codec and never for it. Whether it codes at
    low delay is for its command line to say; nothing here checks it.

    Args:
        encode: template of the encoder's command line, with {input} and {stream}, and as wanted {width},
            {height}, {fps} (25 or 30000/1001), {fps_num}, {fps_den}, {frames}, {quality} and {root}.
        decode: template of the decoder's, with {stream} and {output}, and as wanted the others but {input}.
        version: command whose first line names the tool's version; None leaves that to the files' sha256.
        quality: what fills {quality}; None where no command has it.
        input: form of the pictures that the encoder gets, one of `uncompressed.INPUTS`.
        output: form of those that the decoder writes, one of `uncompressed.OUTPUTS`.
        stream: ending of the stream's file, for tools that go by it; or None.
        syntax: one of SYNTAXES, so that the first picture is counted apart, as block codecs' are; or None.
        timeout: seconds that either command may take; one decoded clip must not take more than 900.
        root: folder that fills {root}, such as that of the tool's own files.
        name: of the codec; what its streams carry.
    """

    name = "external"

    def __init__(
        self, *, encode: str | None, decode: str | None, version: str | None, quality: Any, input: str,
        output: str, stream: str | None, syntax: str | None, timeout: float, root: str | None,
        name: str = "external",
    ) -> None:  # fmt: skip
        self.called = name
        self.encode_text, self.decode_text, self.version_text = encode, decode, version
        self.quality, self.input, self.output, self.ending = quality, input, output, stream
        self.syntax, self.timeout, self.root = syntax, timeout, root

    @functools.cached_property
    def _encoder(self) -> Command:
        key = f"methods.{self.called}.encode"
        return Command.parse(key, self._set(key, self.encode_text), ENCODER_GAPS, ("input", "stream"))

    @functools.cached_property
    def _decoder(self) -> Command:
        key = f"methods.{self.called}.decode"
        return Command.parse(key, self._set(key, self.decode_text), DECODER_GAPS, ("stream", "output"))

    @staticmethod
    def _set(key: str, text: str | None) -> str:
        if text is None:
            raise UnsetError(
                f"{key} is not set; give the codec's command line, best in a YAML (methods/examples)"
            )
        return text

    def check(self) -> None:
        of = f"methods.{self.called}"
        for key, value, choices in (
            ("input", self.input, INPUTS),
            ("output", self.output, OUTPUTS),
            ("syntax", self.syntax, SYNTAXES),
        ):
            if value not in choices and not (key == "syntax" and value is None):
                raise unknown(f"{of}.{key}", str(value), choices)
        if isinstance(self.timeout, bool) or not isinstance(self.timeout, int | float) or self.timeout <= 0:
            raise UsageError(f"{of}.timeout={self.timeout} is out of range; give seconds, above 0")
        if self.ending is not None and not (isinstance(self.ending, str) and self.ending.isalnum()):
            raise UsageError(
                f"{of}.stream={self.ending} is no ending of a file; give one such as ivf, or null"
            )
        if self.root is not None and not Path(self.root).expanduser().is_absolute():
            raise UsageError(f"{of}.root={self.root} is relative; give the full path of a folder")
        commands = (self._encoder, self._decoder)
        if (self.quality is None) == any(command.has("quality") for command in commands):
            raise UsageError(
                f"{of}.quality={self.quality} and the command lines do not fit: put {{quality}} where it "
                "belongs, and give values, or do neither"
            )
        if self.root is None and any(command.has("root") for command in commands):
            raise UsageError(f"{of}.root is not set, but {{root}} is used; give a folder")
        for command in commands:
            command.program(self._constant)
        self._tool_version()

    @property
    def _constant(self) -> dict[str, object]:
        """What fills the gaps that are alike for all clips."""
        values: dict[str, object] = {} if self.quality is None else {"quality": self.quality}
        return values if self.root is None else {**values, "root": Path(self.root).expanduser()}

    def _values(self, header: Header) -> dict[str, object]:
        numerator, denominator = header.fps.as_integer_ratio()
        return {
            **self._constant,
            "width": header.width,
            "height": header.height,
            "fps": header.fps,  # written as 25, or 30000/1001
            "fps_num": numerator,
            "fps_den": denominator,
            "frames": header.frames,
        }

    def encode(self, clip: Clip) -> bytes:
        if self.input != "rgb24" and (clip.width % 2 or clip.height % 2):
            raise CodecError(
                f"{self.called} cannot code '{clip.name}' at {clip.width}x{clip.height}: 4:2:0 needs even "
                "sides; crop or scale the clip, such as with --size 256, or give the codec rgb24"
            )
        try:
            with tempfile.TemporaryDirectory(prefix="talkbench-external-") as name:
                folder = Path(name)
                pixels, stream = folder / f"input{ending(self.input)}", self._stream_path(folder)
                header = Header(
                    self.called, clip.width, clip.height, clip.fps, write(clip, self.input, pixels)
                )
                values = {**self._values(header), "input": pixels, "stream": stream}
                self._encoder.run(values, folder, self.timeout)
                _refuse_nothing(stream, self._encoder, "stream")
                data = stream.read_bytes()
            return pack(header, self._chunks(data))
        except CodecError as error:
            raise CodecError(f"{self.called} could not code '{clip.name}': {error}") from None

    def _chunks(self, data: bytes) -> list[tuple[Kind, bytes]]:
        if self.syntax is None:
            return [(Kind.MOTION, data)]
        try:
            first, *_ = SYNTAXES[self.syntax](data)
        except (CodecError, ValueError) as error:
            raise CodecError(
                f"its stream is not what syntax: {self.syntax} says ({error}); or set null"
            ) from None
        return [(Kind.SOURCE, first), (Kind.MOTION, data[len(first) :])]

    def decode(self, stream: bytes) -> Iterator[Frames]:
        parsed = unpack_for(stream, self.called)
        data = parsed.payload(Kind.SOURCE) + parsed.payload(Kind.MOTION)
        if not data or any(kind not in (Kind.SOURCE, Kind.MOTION) for kind, _ in parsed.chunks):
            raise StreamError(f"corrupt {self.called} stream: one stream of its own is expected inside")
        try:
            with tempfile.TemporaryDirectory(prefix="talkbench-external-") as name:
                folder = Path(name)
                source, pixels = self._stream_path(folder), folder / f"output{ending(self.output)}"
                source.write_bytes(data)
                values = {**self._values(parsed.header), "stream": source, "output": pixels}
                self._decoder.run(values, folder, self.timeout)
                _refuse_nothing(pixels, self._decoder, "output")
                yield from read(pixels, self.output, parsed.header)
        except (CodecError, VideoError) as error:
            raise CodecError(f"{self.called} cannot decode its stream: {error}") from None

    def _stream_path(self, folder: Path) -> Path:
        return folder / (f"stream.{self.ending}" if self.ending else "stream")

    def _tool_version(self) -> str:
        if self.version_text is None:
            return "not asked for"
        command = Command.parse(f"methods.{self.called}.version", self.version_text, ("root",))
        words = (command.program(self._constant), *command.filled(self._constant)[1:])
        return answer(words, VERSION_SECONDS)

    def describe(self) -> Mapping[str, str]:
        files = {**self._encoder.files(self._constant), **self._decoder.files(self._constant)}
        whole = "nothing, its syntax is unknown: source and motion are one"
        return {
            "encode": " ".join(str(self.encode_text).split()),
            "decode": " ".join(str(self.decode_text).split()),
            "quality": str(self.quality),
            "input": self.input,
            "output": self.output,
            "stream": str(self.ending),
            "counted apart": f"the first picture ({self.syntax})" if self.syntax else whole,
            "tool": self._tool_version(),
            "files": ", ".join(f"{name} {sha256}" for name, sha256 in sorted(files.items())),
            "colour": colour.YUV420_TO_RGB,
            "ffmpeg": ffmpeg.build(),
            "code": code(type(self)),
            "version": __version__,
        }


def _refuse_nothing(path: Path, command: Command, what: str) -> None:
    if not path.is_file() or not path.stat().st_size:
        found = "an empty" if path.is_file() else "no"
        raise CodecError(
            f"{command.words[0]} reported no error and wrote {found} {{{what}}}; check {command.key}"
        )
