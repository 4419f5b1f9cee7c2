"""The one ffmpeg that reads, encodes, decodes and measures.

The binary is the one that imageio-ffmpeg carries, unless the environment variable
``TALKBENCH_FFMPEG`` names another. Command lines are built with ffmpeg-python and run here, so that
every return code is checked and no pipe can block for ever.
"""

from __future__ import annotations

import functools
import hashlib
import os
import re
import shutil
import subprocess
import tempfile
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from .errors import CodecError, UsageError

Frames = NDArray[np.uint8]
"""A block of frames: (t, H, W, 3), uint8, RGB."""

BLOCK_BYTES = 3 << 20


def block_length(width: int, height: int) -> int:
    """Frames in one block: about 3 MiB of pixels, so memory does not depend on a clip's length."""
    return max(1, BLOCK_BYTES // (width * height * 3))


@functools.cache
def binary() -> str:
    """Path of the ffmpeg in use.

    Raises:
        UsageError: ``TALKBENCH_FFMPEG`` names something that cannot be run, or there is no ffmpeg.
    """
    named = os.environ.get("TALKBENCH_FFMPEG")
    if named:
        found = shutil.which(named)
        if found is None:
            raise UsageError(f"TALKBENCH_FFMPEG={named} is not an executable; name an ffmpeg or unset it")
        return found
    import imageio_ffmpeg

    try:
        return str(imageio_ffmpeg.get_ffmpeg_exe())
    except RuntimeError:
        raise UsageError(
            "no ffmpeg found: imageio-ffmpeg carries none for this machine; install one and name it in "
            "TALKBENCH_FFMPEG"
        ) from None


def _ask(*arguments: str) -> str:
    try:
        done = subprocess.run(
            [binary(), "-hide_banner", *arguments], capture_output=True, stdin=subprocess.DEVNULL
        )
    except OSError as error:
        raise UsageError(
            f"{binary()} cannot be run as ffmpeg ({error.strerror}); name another in TALKBENCH_FFMPEG"
        ) from None
    return (done.stdout + done.stderr).decode(errors="replace")


@functools.cache
def version() -> str:
    """The version that ffmpeg prints of itself, such as ``7.1`` or ``n9.0.2-17-g2a571b6068``."""
    found = re.search(r"ffmpeg version (\S+)", _ask("-version"))
    if found is None:
        raise UsageError(
            f"{binary()} does not answer `-version` as an ffmpeg would; name another in TALKBENCH_FFMPEG"
        )
    return found.group(1)


@functools.cache
def build() -> str:
    """Version and binary's sha256 (12 digits): encoders compiled in do not print their own versions."""
    with Path(binary()).open("rb") as file:
        return f"{version()}/{hashlib.file_digest(file, 'sha256').hexdigest()[:12]}"


@functools.cache
def encoders() -> frozenset[str]:
    """Names of the video encoders compiled in."""
    return frozenset(re.findall(r"^ V\S{5} (\S+)", _ask("-encoders"), re.MULTILINE))


@functools.cache
def decoders() -> frozenset[str]:
    """Names of the video codecs that it decodes, and of the decoders compiled in."""
    lines = re.findall(r"^ V\S{5} (.+)", _ask("-decoders"), re.MULTILINE)
    codecs = [found[1] for line in lines if (found := re.search(r"\(codec (\w+)\)", line))]
    return frozenset([*(line.split()[0] for line in lines), *codecs])


@functools.cache
def filters() -> frozenset[str]:
    """Names of the filters compiled in."""
    return frozenset(re.findall(r"^ [T.][S.] (\S+)", _ask("-filters"), re.MULTILINE))


def require(who: str, *, encoder: str, decoder: str) -> None:
    """Make sure that the ffmpeg in use can code, decode and convert colours as `who` needs.

    Raises:
        UsageError: it cannot; the message says what is missing.
    """
    have = {"encoder": encoders(), "decoder": decoders(), "filter": filters()}
    for kind, name in (("encoder", encoder), ("decoder", decoder), ("filter", "zscale")):
        if name not in have[kind]:
            raise UsageError(
                f"{who} needs an ffmpeg with the {kind} {name}, which version {version()} in use lacks; "
                "`bench doctor` shows what it has, TALKBENCH_FFMPEG names another"
            )


def command(node: Any, *, level: str = "error", extra: Iterable[str] = ()) -> list[str]:
    """The command line of an ffmpeg-python output node, for the ffmpeg in use.

    Args:
        node: what ``ffmpeg.output(...)`` returned.
        level: ffmpeg's log level.
        extra: global options.
    """
    return list(node.compile(cmd=[binary(), "-hide_banner", "-nostdin", "-v", level, *extra]))


def rawvideo(width: int, height: int, pix_fmt: str = "rgb24") -> dict[str, Any]:
    """ffmpeg-python arguments of uncompressed video through a pipe."""
    return {"format": "rawvideo", "pix_fmt": pix_fmt, "s": f"{width}x{height}"}


class _Feeder(threading.Thread):
    """Writes stdin from its own thread, since ffmpeg reads and writes at once."""

    def __init__(self, pipe: IO[bytes], chunks: Iterable[Any]) -> None:
        super().__init__(daemon=True)
        self.pipe, self.chunks = pipe, chunks
        self.error: BaseException | None = None

    def run(self) -> None:
        try:
            for chunk in self.chunks:
                self.pipe.write(chunk)
        except BrokenPipeError:
            pass  # ffmpeg stopped reading: its return code and last words tell why
        except BaseException as error:  # handed to the reading thread, which raises it
            self.error = error
        finally:
            with suppress(BrokenPipeError):
                self.pipe.close()


# Lines in which ffmpeg only reports that it gives up, and encoders that all is well.
_ECHO = re.compile(
    r"Terminating thread|Task finished|Nothing was written|Error (sending|flushing|while|submitting)"
    r"|Error opening (in|out)put files?|Conversion failed|Svt\[(info|warn)\]|Configuration warning"
)


def last_words(log: IO[bytes]) -> str:
    """The last lines of a log that tell a cause, on one line and short enough for an error message."""
    log.seek(0)
    text = log.read().decode(errors="replace").splitlines()
    lines = [re.sub(r" @ 0x[0-9a-f]+\]", "]", line).strip() for line in text if line.strip()]
    causes = [line for line in lines if not _ECHO.search(line)] or lines
    return " / ".join(causes[-2:])[-300:] or "it printed nothing"


@contextmanager
def _running(arguments: list[str], feed: Iterable[Any], *, coded: IO[bytes] | None = None) -> Iterator[Any]:
    """Run ffmpeg, and give its stdout; with `coded`, a pipe's end that it writes to, stdout joins the log.

    On leaving, make sure that it has ended, and raise if it or its feed failed.
    """
    with tempfile.TemporaryFile() as log:
        process = subprocess.Popen(
            arguments,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE if coded is None else log,
            stderr=log,
            pass_fds=() if coded is None else (coded.fileno(),),
        )
        assert process.stdin is not None
        feeder = _Feeder(process.stdin, feed)
        feeder.start()
        try:
            yield process.stdout
        except BaseException:
            process.kill()
            raise
        finally:
            if process.stdout is not None:
                process.stdout.close()
            process.wait()
            feeder.join()
        if feeder.error is not None:
            raise feeder.error
        if process.returncode != 0:
            raise CodecError(f"ffmpeg ended with code {process.returncode}: {last_words(log)}")


def collect(arguments: list[str], feed: Iterable[Any] = ()) -> bytes:
    """Run ffmpeg and return all of its stdout.

    Args:
        arguments: the command line, from `command`.
        feed: buffers for its stdin.

    Raises:
        CodecError: ffmpeg failed; the message holds its last words.
    """
    with _running(arguments, feed) as stdout:
        return bytes(stdout.read())


def collect_coded(arguments: list[str], feed: Iterable[Any] = ()) -> bytes:
    """Run ffmpeg and return what it writes to its output ``pipe:``, through a pipe that is not its stdout.

    An encoder's library may print there: libvvenc prints warnings, which would end up in the stream.

    Args:
        arguments: the command line, from `command`; its last is the output, ``pipe:``.
        feed: buffers for its stdin.

    Raises:
        CodecError: ffmpeg failed; the message holds its last words.
    """
    read_end, write_end = os.pipe()
    with os.fdopen(read_end, "rb") as stream, os.fdopen(write_end, "wb") as coded:
        moved = [*arguments[:-1], f"{arguments[-1]}{write_end}"]
        with _running(moved, feed, coded=coded):
            coded.close()  # ffmpeg has its own copy, and ours would keep the pipe open
            return stream.read()


def read_frames(arguments: list[str], width: int, height: int, feed: Iterable[Any] = ()) -> Iterator[Frames]:
    """Run ffmpeg and yield the rgb24 frames that it writes, in blocks.

    Closing the iterator early ends ffmpeg.

    Args:
        arguments: the command line; it writes raw rgb24 to stdout.
        width, height: of its frames.
        feed: buffers for its stdin.

    Raises:
        CodecError: ffmpeg failed, or its last frame is not whole.
    """
    length = block_length(width, height)
    size = width * height * 3
    with _running(arguments, feed) as stdout:
        while True:
            block = np.empty((length, height, width, 3), np.uint8)
            got = stdout.readinto(block.data.cast("B"))
            if got % size:
                raise CodecError(f"ffmpeg's last frame is cut off: {got % size} of {size} bytes")
            if got:
                yield block[: got // size]
            if got < block.nbytes:
                break
