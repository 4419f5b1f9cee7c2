"""Making a published data set: each video downloaded or found, its clips cut, all of it in the lock."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from ..core import yt_dlp
from ..core.errors import AssetError, StoreError, TalkbenchError, UsageError, VideoError
from ..core.preparation import Preparation, Say
from ..core.signature import sha256_file
from ..core.store import clear_unfinished
from .clip_lock import ClipLock, read_lock
from .cutting import cut, open_raw, read_back
from .downloading import Downloader, Gone, present
from .listed import Listed
from .pieces import AS_PUBLISHED, EXACT, KEY_FRAMES, Piece

_MADE = {
    EXACT: "cut to the frame by time, without loss",
    KEY_FRAMES: "cut where the published scripts begin, without loss",
    AS_PUBLISHED: "cut and coded as the published scripts do, with loss",
}
FOUND = "found there, made by others"
FROM_CHUNK = "cut out of a one-minute file that others made, without loss"


def _manner(how: Preparation, dataset: Listed) -> str:
    manner = AS_PUBLISHED if how.as_published else KEY_FRAMES if how.at_key_frames else EXACT
    if manner not in dataset.manners:
        option = "--as-published" if how.as_published else "--at-key-frames"
        raise UsageError(
            f"{option} is not for {dataset.name}; leave it out: its clips are cut by exact frames"
        )
    return manner


def make(dataset: Listed, pieces: Sequence[Piece], how: Preparation, say: Say) -> bool:
    """Make what is not there yet; returns whether nothing is missing.

    Raises:
        UsageError: an option does not fit, or there is no yt-dlp and something is to be downloaded.
        StoreError: the folder cannot be written, or the disk is full.
    """
    from filelock import FileLock, Timeout

    manner = _manner(how, dataset)
    base = dataset.lock_path.parent
    try:
        dataset.folder.mkdir(parents=True, exist_ok=True)
        guard = FileLock(base / f".{dataset.lock_path.name}.guard")
        with guard.acquire(timeout=0):
            clear_unfinished(base)
            maker = _Maker(dataset, pieces, how, manner, say)
            maker.make()
    except Timeout:
        raise UsageError(f"{base} is being prepared by another process; wait for it") from None
    except OSError as error:
        raise StoreError(
            f"{base} cannot be written ({error.strerror or error}); make room, or give another --root"
        ) from None
    coverage = dataset.coverage()
    say(coverage.line())
    for note in coverage.notes:
        say(f"  {note}")
    reasons: dict[str, list[str]] = {}
    for name, reason in coverage.missing.items():
        reasons.setdefault(reason, []).append(name)
    for reason, names in reasons.items():
        more = f" and {len(names) - 1} more" if len(names) > 1 else ""
        say(f"  missing: {names[0]}{more}: {reason}")
    return not coverage.missing


class _Maker:
    """One preparation."""

    def __init__(
        self, dataset: Listed, pieces: Sequence[Piece], how: Preparation, manner: str, say: Say
    ) -> None:
        self.dataset, self.how, self.manner, self.say = dataset, how, manner, say
        self.pieces = {piece.name: piece for piece in pieces}
        lock = read_lock(dataset.lock_path)
        if (
            lock is not None
            and lock.manner != manner
            and any(e["made"] != FOUND for e in lock.clips.values())
        ):
            raise UsageError(
                f"{dataset.lock_path} says that its clips were cut in the manner '{lock.manner}', not "
                f"'{manner}'; repeat the options of then, or give another --root"
            )
        self.lock = lock or ClipLock(dataset.lock_path)
        self.lock.dataset, self.lock.manner = dataset.title, manner
        self.lock.clips = {name: entry for name, entry in self.lock.clips.items() if name in self.pieces}
        if how.again:
            self.lock.gone = {}
        self.downloader: Downloader | None = None
        self.lacks = ""
        self.saved, self.saving = 0.0, 0.0
        self.guard, self.stop, self.done = threading.Lock(), threading.Event(), 0

    def make(self) -> None:
        videos: dict[tuple[str, str], list[Piece]] = {}
        for piece in self.pieces.values():
            videos.setdefault((piece.video, piece.stem), []).append(piece)
        self.lock.missing = {}
        with ThreadPoolExecutor(self.how.workers) as pool:
            try:
                jobs = [pool.submit(self._video, group, len(videos)) for group in videos.values()]
                finished, _ = wait(jobs, return_when=FIRST_EXCEPTION)
                for job in finished:
                    job.result()
            except BaseException:
                self.stop.set()
                pool.shutdown(wait=False, cancel_futures=True)
                if self.downloader:
                    self.downloader.close()
                raise
        if self.lacks and not self.lock.clips:
            raise UsageError(self.lacks)
        self.lock.save()

    def _raw(self, piece: Piece) -> Path | None:
        folders = [self.dataset.raws, *([self.how.videos] if self.how.videos else [])]
        return next((found for folder in folders if (found := present(folder, piece.stems))), None)

    def _video(self, group: Sequence[Piece], of: int) -> None:
        """Do all of one video, and tell of it."""
        if self.stop.is_set():
            return
        entries: dict[str, dict[str, Any]] = {}
        missing: dict[str, str] = {}
        rest = []
        for piece in group:
            kept = self._kept(piece)
            if kept is not None:
                entries[piece.name] = kept
            elif piece.wrong:
                missing[piece.name] = piece.wrong
            else:
                rest.append(piece)
        kept_count = len(entries)
        if rest:
            made, lost = self._cut(rest)
            entries |= made
            missing |= lost
        with self.guard:
            for name in (piece.name for piece in group):
                self.lock.clips.pop(name, None)
            self.lock.clips |= entries
            self.lock.missing |= missing
            self.done += 1
            if len(entries) > kept_count or missing:
                self.lock.save()
            why = f", {len(missing)} missing ({next(iter(missing.values()))})" if missing else ""
            cut_now = len(entries) - kept_count
            self.say(f"[{self.done}/{of}] {group[0].stem}: {cut_now} cut, {kept_count} kept{why}")

    def _kept(self, piece: Piece) -> dict[str, Any] | None:
        """The entry of a clip that is there and whole."""
        path = self.dataset.file(piece.name)
        if not path.exists():
            return None
        entry = self.lock.clips.get(piece.name)
        if path.is_dir():
            return entry or self._entry(piece, path, {"fps": 25}, FOUND)
        if entry is not None and entry.get("sha256") == sha256_file(path):
            return entry
        try:
            written = read_back(path)
        except VideoError:
            return None  # a clip that cannot be read is cut again
        return self._entry(piece, path, asdict(written), FOUND)

    def _entry(
        self, piece: Piece, path: Path, written: dict[str, Any], made: str, **more: Any
    ) -> dict[str, Any]:
        return {
            "file": path.name, **written, "fps": str(written["fps"]), "made": made, "short": 0,
            "identity": piece.identity, "remark": piece.remark, "video": piece.video, **more,
        }  # fmt: skip

    def _cut(self, pieces: Sequence[Piece]) -> tuple[dict[str, dict[str, Any]], dict[str, str]]:
        """Entries of the clips that could be cut, and why others could not."""
        entries: dict[str, dict[str, Any]] = {}
        missing: dict[str, str] = {}
        rest = []
        raw = self._raw(pieces[0])
        for piece in pieces:
            chunks = self.dataset.chunks
            chunk = present(chunks, (piece.chunk_stem,)) if chunks and raw is None else None
            if chunk is None:
                rest.append(piece)
            else:
                self._one(piece, chunk, True, entries, missing)
        if not rest:
            return entries, missing
        if raw is None:
            try:
                raw = self._obtain(rest[0])
            except AssetError as error:
                return entries, missing | dict.fromkeys([piece.name for piece in rest], str(error))
        for piece in rest:
            if self.stop.is_set():
                missing[piece.name] = "interrupted"
            else:
                self._one(piece, raw, False, entries, missing)
        return entries, missing

    def _obtain(self, piece: Piece) -> Path:
        """The video, downloaded.

        Raises:
            AssetError: it is not to be had.
        """
        if self.how.videos is not None:
            raise AssetError(f"{self.how.videos} holds no {piece.stem}.mp4 (or another video of that stem)")
        known = self.lock.gone.get(piece.video)
        if known is not None:
            raise AssetError(f"{known['said']} (asked {known['asked']}; --again asks once more)")
        try:
            downloader = self._started()
            self.say(f"{piece.stem}: downloading")
            return downloader.fetch(piece.video, piece.stem)
        except Gone as error:
            today = datetime.now(UTC).date().isoformat()
            with self.guard:
                self.lock.gone[piece.video] = {"said": str(error), "asked": today}
            raise AssetError(f"{error} (asked {today}; --again asks once more)") from None

    def _started(self) -> Downloader:
        with self.guard:
            if self.downloader is None:
                try:
                    self.downloader = Downloader(self.dataset.raws, self.how.cookies, self.how.browser)
                except UsageError as error:
                    self.lacks = str(error)
                    raise AssetError(self.lacks) from None
                self.dataset.raws.mkdir(parents=True, exist_ok=True)
                self.lock.downloader = f"yt-dlp {yt_dlp.version()}"
            return self.downloader

    def _one(
        self,
        piece: Piece,
        path: Path,
        chunk: bool,
        entries: dict[str, dict[str, Any]],
        missing: dict[str, str],
    ) -> None:
        try:
            raw = open_raw(path)
            where = piece.chunk(raw) if chunk else piece.locate(raw, self.manner)
            target = self.dataset.file(piece.name)
            written = cut(raw, where, target, published=self.manner == AS_PUBLISHED)
        except StoreError:
            raise
        except TalkbenchError as error:
            missing[piece.name] = str(error)
            return
        made = FROM_CHUNK if chunk and self.manner != AS_PUBLISHED else _MADE[self.manner]
        entry = self._entry(
            piece, target, asdict(written), made,
            short=where.short, displaced=where.displaced, first=where.first, crop=list(where.crop),
            cut_from=path.name,
        )  # fmt: skip
        entries[piece.name] = entry
        self._note(piece, entry)

    def _note(self, piece: Piece, entry: dict[str, Any]) -> None:
        """Put a clip in the lock at once, so that a kill does not make it one that others made.

        A long lock is not written for each clip: that takes a twentieth of the time at most.
        """
        with self.guard:
            self.lock.clips[piece.name] = entry
            begun = time.monotonic()
            if begun - self.saved >= 20 * self.saving:
                self.lock.save()
                self.saved = time.monotonic()
                self.saving = self.saved - begun
