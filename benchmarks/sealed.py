"""Sealed decoding: another process is given the bytes and the method's settings, nothing else.

The process is this module run as a program, in an empty folder. It stays for further streams, so
that a network's weights are loaded once, and ends with its parent. One conversation::

    parent → child   <u32 length> {"method", "settings"} as JSON, <u32 length> stream
    child → parent   "F" <u32 t, h, w> pixels …   decoded blocks
                     "D" <f64 seconds>            done; the time spent inside `Method.decode`
                     "E" <u32 length> {"error", "message"} as JSON
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import select
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import dataclass
from types import TracebackType
from typing import IO, Any

from ..core import errors
from ..core.bitstream import unpack
from ..core.ffmpeg import last_words
from ..core.points import Point

SILENCE_SECONDS = 900.0
"""A decoder that sends nothing for so long is taken to hang."""


@dataclass(frozen=True)
class Decoded:
    """What came out of a decoder.

    Attributes:
        frames, height, width: shape of the decoded video.
        sha256: of its rgb24 pixels.
        seconds: wall time inside `Method.decode`, process start and imports excluded.
    """

    frames: int
    height: int
    width: int
    sha256: str
    seconds: float


class SealedDecoder:
    """Decodes streams in a process of its own; use as a context manager."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None
        self._folder = tempfile.TemporaryDirectory(prefix="talkbench-sealed-")
        self._log: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115  (closed by __exit__)

    def __enter__(self) -> SealedDecoder:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop()
        self._log.close()
        self._folder.cleanup()

    def decode(self, point: Point, stream: bytes, into: IO[bytes] | None = None) -> Decoded:
        """Decode a stream and check that it is what its header promises.

        Args:
            point: the method and its settings.
            stream: the bytes.
            into: where the rgb24 pixels are written, or None to hash them only.

        Raises:
            StreamError, CodecError, AssetError, UsageError: as the decoder raised it.
            CodecError: the decoder died, fell silent, or gave another shape than the header's.
        """
        header = unpack(stream).header
        expected = (header.height, header.width)
        frames, digest, seconds, failure = 0, hashlib.sha256(), 0.0, None
        try:
            self._send({"method": point.method, "settings": dict(point.settings)}, stream)
            while (kind := bytes(self._read(1))) == b"F":
                count, height, width = struct.unpack("<III", self._read(12))
                frames += count
                if (height, width) != expected or frames > header.frames:
                    raise errors.CodecError(
                        f"the decoder gave {frames} or more {width}x{height} frames, "
                        f"the header says {header.frames} of {header.width}x{header.height}"
                    )
                pixels = self._read(count * height * width * 3)
                digest.update(pixels)
                if into is not None:
                    into.write(pixels)
            if kind == b"D":
                (seconds,) = struct.unpack("<d", self._read(8))
            else:
                (length,) = struct.unpack("<I", self._read(4))
                failure = _rebuilt(json.loads(bytes(self._read(length))))
        except BaseException:
            self._stop()  # the conversation broke off in the middle
            raise
        if failure is not None:
            raise failure
        if frames != header.frames:
            raise errors.CodecError(f"the decoder gave {frames} frames, the header says {header.frames}")
        return Decoded(frames, header.height, header.width, digest.hexdigest(), seconds)

    def _send(self, request: dict[str, Any], stream: bytes) -> None:
        if self._process is None or self._process.poll() is not None:
            self._stop()
            self._process = subprocess.Popen(
                [sys.executable, "-m", __name__],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=self._log,
                cwd=self._folder.name,
                bufsize=0,
            )
        assert self._process.stdin is not None
        try:
            for part in (json.dumps(request).encode(), stream):
                rest = memoryview(struct.pack("<I", len(part)) + part)
                while rest:
                    rest = rest[self._process.stdin.write(rest) :]
        except BrokenPipeError:
            raise self._died() from None

    def _died(self) -> errors.CodecError:
        assert self._process is not None
        self._process.kill()
        code = self._process.wait()
        return errors.CodecError(f"the decoder process ended with code {code}: {last_words(self._log)}")

    def _read(self, length: int) -> memoryview:
        assert self._process is not None
        assert self._process.stdout is not None
        data = memoryview(bytearray(length))
        got = 0
        while got < length:
            if not select.select([self._process.stdout], [], [], SILENCE_SECONDS)[0]:
                raise errors.CodecError(
                    f"the decoder sent nothing for {SILENCE_SECONDS:.0f} s; it was stopped"
                )
            more = self._process.stdout.readinto(data[got:])  # type: ignore[attr-defined]
            if not more:
                raise self._died()
            got += more
        return data

    def _stop(self) -> None:
        if self._process is None:
            return
        self._process.kill()
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            assert pipe is not None
            pipe.close()
        self._process = None


def _rebuilt(answer: dict[str, str]) -> errors.TalkbenchError:
    cls = getattr(errors, answer["error"], errors.CodecError)
    error: errors.TalkbenchError = cls(answer["message"])
    return error


def _serve(requests: IO[bytes], replies: IO[bytes]) -> None:
    """The child: answer requests until the parent closes the pipe."""
    methods: dict[str, Any] = {}
    while len(head := requests.read(4)) == 4:
        text = requests.read(struct.unpack("<I", head)[0])
        stream = requests.read(struct.unpack("<I", requests.read(4))[0])
        try:
            if text.decode() not in methods:
                request = json.loads(text)
                # One network's weights at a time: points of a method come one after another.
                methods = {text.decode(): Point(request["method"], "", request["settings"]).build()}
            seconds, frames = 0.0, methods[text.decode()].decode(stream)
            while True:
                start = time.perf_counter()
                block = next(frames, None)
                seconds += time.perf_counter() - start
                if block is None:
                    break
                replies.write(b"F" + struct.pack("<III", *block.shape[:3]))
                replies.write(block.tobytes())
            replies.write(b"D" + struct.pack("<d", seconds))
        except Exception as error:  # a plugin may raise anything: it is reported, and the next stream served
            known = isinstance(error, errors.TalkbenchError)
            kind = type(error).__name__ if known else "CodecError"
            message = str(error) if known else f"the decoder raised {type(error).__name__}: {error}"
            answer = json.dumps({"error": kind, "message": message}).encode()
            replies.write(b"E" + struct.pack("<I", len(answer)) + answer)
        replies.flush()


def _end_with_parent() -> None:
    """End as soon as nobody is left to ask or to listen, though a decoder may be at work or hang."""
    gone = select.poll()
    gone.register(0, 0)  # no event asked for: what is always told is that the other end was closed
    gone.poll()
    shutil.rmtree(os.getcwd(), ignore_errors=True)  # the parent does it, unless it was killed
    os._exit(1)


if __name__ == "__main__":
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)  # a signal to all of a run reaches the parent too
    tempfile.tempdir = os.getcwd()  # what a decoder leaves behind is deleted with the folder
    watch = threading.Thread(target=_end_with_parent, daemon=True)
    watch.start()
    # What a plugin prints must not end up among the replies.
    private = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    with contextlib.suppress(BrokenPipeError, KeyboardInterrupt):
        _serve(sys.stdin.buffer, private)
    watch.join()
