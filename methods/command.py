"""Command lines of other people's tools, with gaps that are filled for each clip; run without a shell."""

from __future__ import annotations

import ctypes
import functools
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from pathlib import Path

from ..core.errors import CodecError, UsageError, unknown
from ..core.ffmpeg import last_words
from ..core.signature import sha256_once

_GAP = re.compile(r"\{(\w+)\}")


@dataclass(frozen=True)
class Command:
    """A template of a command line: ``encoder -i {input} -o {stream}``.

    It is cut into words once, as a POSIX shell would, and its gaps are filled afterwards: what is filled in
    stays in its word, whatever it holds. Braces around anything but one word are left as they are.

    Attributes:
        key: the setting that it is, for messages.
        words: of the template.
    """

    key: str
    words: tuple[str, ...]

    @classmethod
    def parse(cls, key: str, text: object, known: Collection[str], needed: Collection[str] = ()) -> Command:
        """Read a template.

        Args:
            key: the setting that it is.
            text: the command line.
            known: names of the gaps that can be filled.
            needed: those that it must have.

        Raises:
            UsageError: it is empty, has an open quote, or gaps that are unknown or missing.
        """
        try:
            words = tuple(shlex.split(text)) if isinstance(text, str) else ()
        except ValueError as error:
            raise UsageError(f"{key}={text}: {str(error).lower()}; close the quotes") from None
        if not words:
            raise UsageError(
                f"{key}={text} is no command line; give one as a text, such as: tool -i {{input}}"
            )
        gaps = {name for word in words for name in _GAP.findall(word)}
        for name in sorted(gaps - set(known)):
            raise unknown(f"placeholder in {key}", f"{{{name}}}", [f"{{{one}}}" for one in known])
        for name in needed:
            if name not in gaps:
                raise UsageError(
                    f"{key} has no {{{name}}}: {shlex.join(words)}; put it where the path belongs"
                )
        return cls(key, words)

    def has(self, gap: str) -> bool:
        """Whether it has a gap of that name."""
        return any(f"{{{gap}}}" in word for word in self.words)

    def filled(self, values: Mapping[str, object]) -> list[str]:
        """The words with gaps filled, those left open that have no value here."""
        fill = lambda found: str(values.get(found[1], found[0]))  # noqa: E731
        return [_GAP.sub(fill, word) for word in self.words]

    def program(self, values: Mapping[str, object]) -> str:
        """Full path of the tool.

        Raises:
            UsageError: it is not on this machine, or its path is relative.
        """
        name = self.filled(values)[0]
        found = shutil.which(os.path.expanduser(name))
        if found is None or (os.sep in name and not os.path.isabs(os.path.expanduser(name))):
            raise UsageError(
                f"{self.key} runs '{name}', which is no program on this machine; install it on the PATH, or "
                "give its full path"
            )
        return found

    def files(self, values: Mapping[str, object]) -> dict[str, str]:
        """sha256 (12 digits) by name of the tool and of every file that its command line names in full.

        Raises:
            UsageError: as `program`.
        """
        words = self.filled(values)[1:]
        named = [part for word in words for part in (word, word.partition("=")[2]) if os.path.isabs(part)]
        paths = [Path(self.program(values)), *(Path(part) for part in named)]
        return {path.name: sha256_once(path.resolve())[:12] for path in paths if path.is_file()}

    def run(self, values: Mapping[str, object], folder: Path, seconds: float) -> None:
        """Run it to its end, in a folder, with nothing on its stdin.

        Args:
            values: of the gaps.
            folder: where it works, and where its temporary files go.
            seconds: after so many it is stopped, with all that it has started.

        Raises:
            CodecError: it cannot be run, takes too long, or ends with an error; with its last words.
            UsageError: as `program`.
        """
        arguments = [self.program(values), *self.filled(values)[1:]]
        name = Path(arguments[0]).name
        with tempfile.TemporaryFile() as log:
            try:
                process = subprocess.Popen(
                    arguments,
                    cwd=folder,
                    env={**os.environ, "TMPDIR": str(folder)},
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    start_new_session=True,
                    preexec_fn=_end_with_parent(),
                )
            except (OSError, ValueError) as error:
                reason = getattr(error, "strerror", None) or error
                raise CodecError(f"{name} cannot be run ({reason}); check {self.key}") from None
            try:
                code = process.wait(seconds)
            except subprocess.TimeoutExpired:
                _stop(process)
                raise CodecError(
                    f"{name} was stopped after {seconds:g} s: {last_words(log)}; raise timeout if it is slow"
                ) from None
            except BaseException:
                _stop(process)
                raise
            if code:
                how = f"was ended by signal {-code}" if code < 0 else f"ended with code {code}"
                raise CodecError(f"{name} {how}: {last_words(log)}")


def _stop(process: subprocess.Popen[bytes]) -> None:
    os.killpg(process.pid, signal.SIGKILL)  # not yet waited for, so its group is still its own
    process.wait()


def _end_with_parent() -> Callable[[], object] | None:
    """What the new process does first: ask to be ended when this one is, where the system can (Linux)."""
    if sys.platform != "linux":
        return None
    libc = ctypes.CDLL(None)
    return functools.partial(libc.prctl, 1, signal.SIGKILL)  # PR_SET_PDEATHSIG


@functools.lru_cache(maxsize=64)
def answer(arguments: tuple[str, ...], seconds: float) -> str:
    """The first line that a tool prints, of itself.

    Raises:
        UsageError: it cannot be run, or prints nothing in so many seconds.
    """
    told = f"'{shlex.join(arguments)}'"
    try:
        done = subprocess.run(
            arguments, capture_output=True, stdin=subprocess.DEVNULL, timeout=seconds, check=False
        )
    except OSError as error:
        raise UsageError(f"{told} cannot be run ({error.strerror}); correct the version command") from None
    except subprocess.TimeoutExpired:
        raise UsageError(f"{told} did not answer in {seconds:g} s; correct the version command") from None
    lines = [line.strip() for line in (done.stdout + done.stderr).decode(errors="replace").splitlines()]
    spoken = [line for line in lines if any(sign.isalnum() for sign in line)]
    if not spoken:
        raise UsageError(f"{told} prints no version; correct the version command, or leave it out")
    return spoken[0][:200]
