"""Downloading videos with yt-dlp, as a program of its own.

It is asked politely: few at once, with pauses, and no more once the site refuses several in a row. A
killed download is continued where it was.
"""

from __future__ import annotations

import re
import subprocess
import threading
from contextlib import suppress
from pathlib import Path

from ..core import ffmpeg, yt_dlp
from ..core.errors import AssetError, StoreError, UsageError
from ..core.reading import VIDEOS

FORMATS = "bv[ext=mp4][vcodec^=avc1]/bv[ext=mp4]/b[ext=mp4]"
"""The largest picture in mp4, H.264 before others, as the published scripts took it."""

REFUSALS = 3
"""Videos in a row that are not given, though they are not gone, before no more are asked for."""

_GONE = re.compile(
    r"video unavailable|private video|video is private|has been removed|been terminated|no longer available"
    r"|removed by the (?:uploader|user)|does(?:n.t| not) exist|account .*(?:closed|terminated)|copyright"
    r"|violat|HTTP Error 40[4]|HTTP Error 410",
    re.IGNORECASE,
)
_HERE = re.compile(r"\b(country|countries|region|age|bot|members?|rate.limit\w*|try again)\b", re.IGNORECASE)
_FULL = ("Errno 28", "No space left", "Errno 122", "Disk quota")
# Progress goes through a pipe, so that a downloader whose parent was killed ends at its next line, before
# another one continues its file.
_PROGRESS = ("--newline", "--progress-delta", "1")
_PAUSES = ("--sleep-requests", "1", "--sleep-interval", "2", "--max-sleep-interval", "8")


class Gone(AssetError):
    """A video that is no longer there for anybody."""


def present(folder: Path, stems: tuple[str, ...]) -> Path | None:
    """A video of one of these stems in a folder, or None."""
    for stem in stems:
        # The names are compared, not globbed: a stem may hold any sign.
        try:
            found = sorted(path for path in folder.iterdir() if path.stem == stem)
        except OSError:
            return None
        for path in found:
            if path.suffix.lower() in VIDEOS and path.is_file():
                return path
    return None


def gone(said: str) -> bool:
    """Whether an error of yt-dlp's means that a video is there for nobody, not only not here and now."""
    return _GONE.search(said) is not None and _HERE.search(said) is None


class Downloader:
    """Downloads videos into a folder.

    Args:
        folder: where the videos go.
        cookies: a file of cookies, or None.
        browser: a browser to take cookies from, or ''.

    Raises:
        UsageError: there is no yt-dlp.
    """

    def __init__(self, folder: Path, cookies: Path | None = None, browser: str = "") -> None:
        command = yt_dlp.program()
        if command is None:
            raise UsageError(
                f"yt-dlp is not installed; {yt_dlp.HOW}, or give a folder of videos with --videos"
            )
        self.folder = folder
        given = ["--cookies", str(cookies)] if cookies else []
        given += ["--cookies-from-browser", browser] if browser else []
        self._command = [
            *command, "--ignore-config", "--no-playlist", "--no-warnings", "--continue", *_PROGRESS,
            "--retries", "5", "--fragment-retries", "5", *_PAUSES, "--ffmpeg-location", ffmpeg.binary(),
            *given, "--format", FORMATS,
        ]  # fmt: skip
        self._running: set[subprocess.Popen[str]] = set()
        self._guard = threading.Lock()
        self._refused: list[str] = []
        self._ended = False

    def fetch(self, video: str, stem: str) -> Path:
        """The path of a video, downloaded if it is not in the folder.

        Args:
            video: its id on YouTube.
            stem: what the file is called.

        Raises:
            Gone: it is no longer there for anybody.
            AssetError: it was not given now.
            StoreError: the disk is full, or the folder cannot be written.
        """
        here = present(self.folder, (stem,))
        if here:
            return here
        with self._guard:
            if len(self._refused) >= REFUSALS:
                raise AssetError(
                    f"not asked for, since the last {REFUSALS} were refused ({self._refused[-1]}); wait, or "
                    "pass --cookies FILE or --cookies-from-browser NAME, then repeat the command"
                )
        template = f"{str(self.folder / stem).replace('%', '%%')}.%(ext)s"
        # An id may begin with '-': the address keeps it apart from options.
        address = f"https://www.youtube.com/watch?v={video}"
        code, words = self._run([*self._command, "--output", template, "--", address])
        found = present(self.folder, (stem,))
        with self._guard:
            if code == 0 and found:
                self._refused.clear()
                return found
            if any(sign in words for sign in _FULL):
                raise StoreError(f"{self.folder} is full; make room, then repeat the command: it goes on")
            if code == 0:
                raise AssetError("yt-dlp said that all went well, but no video came; try a newer yt-dlp")
            if gone(words):
                self._refused.clear()
                raise Gone(words)
            self._refused.append(words)
        raise AssetError(words)

    def _run(self, command: list[str]) -> tuple[int, str]:
        """Run yt-dlp: its return code, and the last error that it printed."""
        with self._guard:
            if self._ended:
                raise AssetError("interrupted")
            process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                text=True, errors="replace",
            )  # fmt: skip
            self._running.add(process)
        try:
            _, log = process.communicate()
        finally:
            with self._guard:
                self._running.discard(process)
        lines = [line.strip() for line in log.splitlines() if line.strip()]
        errors = [line for line in lines if line.startswith("ERROR")] or lines[-1:]
        words = re.sub(r"^ERROR:\s*(\[[^]]*\]\s*[\w-]+:\s*)?", "", errors[-1]) if errors else ""
        words = re.sub(r"[;.]?\s*(\(caused by|please report this issue|Use --cookies).*", "", words)
        return process.returncode, words[:200] or f"yt-dlp ended with code {process.returncode}"

    def close(self) -> None:
        """End what still runs; what has come of it stays, and is continued the next time."""
        with self._guard:
            self._ended = True
            for process in self._running:
                with suppress(OSError):
                    process.terminate()
