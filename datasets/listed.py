"""Data sets that are published as lists: videos to download, and what to cut out of them."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable, Iterator, Mapping, Sequence, Sized
from fractions import Fraction
from pathlib import Path

from ..core.assets import Asset, fetch, locate
from ..core.assets import present as fetched
from ..core.bitstream import MAX_SIDE
from ..core.dataset import Coverage, whole
from ..core.errors import AssetError, TalkbenchError, UsageError, VideoError
from ..core.pngs import PngFolder, numbered
from ..core.preparation import Preparable, Preparation, Say
from ..core.reading import Crop, VideoFile, centred_square, probe
from ..core.signature import sha256_once
from ..core.video import Clip, Source, Unreadable
from .clip_lock import NAME, ClipLock, read_lock
from .pieces import EXACT, Piece


class Listed(Preparable):
    """A published list, and what `bench data prepare` has made of it under a folder.

    Args:
        root: the folder.
        size: side of the square to scale to, or None to keep each clip's own size.
        lists: where the published lists lie; by default under root, else fetched.
    """

    manners: tuple[str, ...] = (EXACT,)
    """How clips can be cut."""

    list_source = ""
    """How to get a list that is not fetched."""

    suffix = ".mp4"

    stretched = False
    """Whether `size` makes a box square by stretching it, as the published script does; else it is cut."""

    def __init__(self, root: str | None, size: int | None, lists: str | None) -> None:
        if root is None:
            raise UsageError(f"data.root is not set; give the folder of {self.name}: data.root=PATH")
        self.root = Path(str(root)).expanduser()
        if self.root.exists() and not self.root.is_dir():
            raise UsageError(f"data.root={root}: it is a file; give a folder")
        self.size = None if size is None else whole("data.size", size, 16, MAX_SIDE)
        self.lists = None if lists is None else Path(str(lists)).expanduser()
        if self.lists is not None and not self.lists.exists():
            raise UsageError(f"data.lists={lists}: nothing is there; give the folder of the published lists")

    # What a data set says of itself.

    @property
    @abstractmethod
    def title(self) -> str:
        """Its name and split."""

    @property
    @abstractmethod
    def folder(self) -> Path:
        """Where the clips lie."""

    @property
    @abstractmethod
    def raws(self) -> Path:
        """Where downloaded videos lie."""

    @property
    def chunks(self) -> Path | None:
        """Where the published script leaves intermediate files that clips can be cut from."""
        return None

    @abstractmethod
    def list_files(self) -> Mapping[str, Asset | None]:
        """The list's files: name to where each is fetched from, if it is not at hand; None for nowhere."""

    @abstractmethod
    def read(self, files: Mapping[str, Path]) -> Sequence[Piece]:
        """The pieces of the list.

        Args:
            files: where each file of `list_files` is.

        Raises:
            UsageError: a line cannot be read; the message names file and line.
        """

    @abstractmethod
    def official(self, stem: str) -> bool:
        """Whether a file's stem is one that the published script gives in this split."""

    @abstractmethod
    def command(self) -> str:
        """The command that prepares it."""

    # The list.

    def needs(self) -> tuple[Asset, ...]:
        """None: a run takes what is prepared, and fetches nothing."""
        return ()

    def pieces(self, fetch_list: bool = False) -> Sequence[Piece] | None:
        """The list's pieces, or None where the list is not at hand and may not be fetched.

        Raises:
            UsageError: the list cannot be read, or is not where data.lists says.
            AssetError: it cannot be fetched.
        """
        wanted = self.list_files()
        found = {name: self._at_hand(name, asset) for name, asset in wanted.items()}
        lacking = [name for name, path in found.items() if path is None]
        if lacking and self.lists is not None:
            raise UsageError(f"data.lists={self.lists} holds no {lacking[0]}; give the folder of the lists")
        if lacking and not fetch_list:
            return None
        from_afar = {name: asset for name in lacking if (asset := wanted[name]) is not None}
        if len(from_afar) < len(lacking):
            raise UsageError(
                f"{lacking[0]} is not in {self.root / 'data_list'}; {self.list_source}, and "
                "give its folder with --lists"
            )
        try:
            found |= dict(zip(from_afar, fetch(*from_afar.values()), strict=True))
        except AssetError as error:
            raise AssetError(f"{error}; or give the folder that holds {lacking[0]} with --lists") from None
        return self.read({name: path for name, path in found.items() if path is not None})

    def _at_hand(self, name: str, asset: Asset | None) -> Path | None:
        places = [self.root / "data_list", self.root] if self.lists is None else [self.lists]
        for place in places:
            for path in (place / name, place):
                if path.is_file() and (path.name == name or self.lists is not None):
                    return path
        return locate(asset) if asset and self.lists is None and fetched(asset) else None

    # The clips.

    @property
    def lock_path(self) -> Path:
        """Where the lock lies."""
        return self.folder.parent / NAME

    def file(self, name: str) -> Path:
        """Where a clip lies, or is to lie."""
        return self.folder / f"{name}{self.suffix}"

    def files(self) -> dict[str, Path]:
        """The official files that are there, by clip name: videos, or folders of numbered PNGs."""
        if not self.folder.is_dir():
            return {}
        paths = (path for path in self.folder.iterdir() if path.suffix == self.suffix)
        return {path.stem: path for path in sorted(paths) if self.official(path.stem)}

    def _stock(self) -> tuple[dict[str, Path], ClipLock | None, dict[str, str], Sequence[Piece] | None]:
        """The clips by name, the lock, why others are missing, and the list, if it is at hand."""
        lock, files, missing = read_lock(self.lock_path), self.files(), {}
        pieces = self.pieces()
        if lock is not None:
            missing = dict(lock.missing)
            for name in lock.clips:
                if name not in files:
                    missing[name] = "its file is gone since it was prepared; prepare again"
            return {name: files[name] for name in sorted(lock.clips) if name in files}, lock, missing, pieces
        if pieces is not None:
            listed = {piece.name: piece for piece in pieces}
            missing = {
                name: piece.wrong or "it is not there" for name, piece in listed.items() if name not in files
            }
            files = {name: path for name, path in files.items() if name in listed}
        return files, None, missing, pieces

    def coverage(self) -> Coverage:
        """How much of the list is here."""
        files, lock, missing, pieces = self._stock()
        listed = None
        if lock is not None:
            listed = len(lock.clips) + len(lock.missing)
        elif pieces is not None:
            listed = len({piece.name for piece in pieces})
        remarks = {name: entry.get("remark", "") for name, entry in lock.clips.items()} if lock else {}
        remarks |= {piece.name: piece.remark for piece in pieces or ()}
        notes = [*_remarked(files, remarks), *self._notes(files, lock)]
        return Coverage(self.title, listed, len(files), missing, tuple(notes))

    def _notes(self, files: Mapping[str, Path], lock: ClipLock | None) -> Iterator[str]:
        entries = [lock.clips[name] for name in files] if lock else []
        for made in sorted({entry["made"] for entry in entries}):
            count = sum(entry["made"] == made for entry in entries)
            yield f"{count} of {len(entries)} clips: {made}"
        short = {e["file"]: e["short"] for e in entries if e["short"]}
        if short:
            each = ", ".join(f"{file} by {frames}" for file, frames in short.items())
            yield f"fewer frames than listed, since the video ends there: {_clips(short)} ({each})"
        small = [e for e in entries if "width" in e and min(e["width"], e["height"]) < (self.size or 0)]
        if small and not self.stretched:
            yield (
                f"smaller than data.size={self.size}, and enlarged: {_clips(small)} "
                f"(select.side={self.size} leaves them out)"
            )
        late = [entry["displaced"] for entry in entries if entry.get("displaced")]
        if late:
            yield (
                "earlier than the published scripts would cut them, which wait for a key frame: "
                f"{_clips(late)}, by up to {max(late)} frames (--at-key-frames begins where they do)"
            )

    def clips(self) -> Sequence[Clip]:
        files, lock, missing, pieces = self._stock()
        if not files:
            raise UsageError(self._nothing(missing))
        people = {piece.name: piece.identity for piece in pieces or ()}
        clips = []
        for name in sorted(files):
            entry = lock.clips[name] if lock else {}
            identity = entry.get("identity") or people.get(name) or self.identity(name)
            clips.append(self._clip(name, files[name], identity, entry.get("sha256")))
        return clips

    def identity(self, name: str) -> str:
        """Who is seen, as far as a clip's name tells."""
        return ""

    def _nothing(self, missing: Mapping[str, str]) -> str:
        why = next(iter(missing.values()), "")
        first = f" ({len(missing)} are missing: {why})" if missing and why != "it is not there" else ""
        place = self.folder.relative_to(self.root).as_posix()
        holds = "its clips" if place == "." else place
        return (
            f"no clip of {self.title} is in {self.folder}{first}; run `{self.command()}`, which downloads "
            "them with yt-dlp (with --videos FOLDER it cuts videos that are there), or give the folder that "
            f"holds {holds} as data.root"
        )

    def _clip(self, name: str, path: Path, identity: str, sha256: str | None) -> Clip:
        square = None if self.size is None else (self.size, self.size)
        source: Source
        try:
            if path.is_dir():
                pngs = PngFolder(numbered(path))
                width, height, _ = pngs.picture()
                crop = self._square(width, height, Fraction(1))
                source, fps = PngFolder(pngs.files, square, crop), Fraction(25)
            else:
                if sha256 is not None and sha256_once(path) != sha256:
                    raise VideoError(
                        f"{path} is not the file that was prepared (its sha256 differs from "
                        f"{self.lock_path.name}); delete it and prepare again"
                    )
                info = probe(path)
                width, height, fps = info.width, info.height, info.fps
                crop = self._square(width, height, info.aspect)
                source = VideoFile(path, square, crop)
        except TalkbenchError as error:
            side = self.size or 16
            return Clip(name, Unreadable(str(error)), side, side, Fraction(25), identity)
        width, height = square or (width, height)
        return Clip(name, source, width, height, fps, identity)

    def _square(self, width: int, height: int, aspect: Fraction) -> Crop | None:
        return None if self.size is None or self.stretched else centred_square(width, height, aspect)

    def prepare(self, how: Preparation, say: Say) -> bool:
        """Download and cut what is not there yet."""
        from .making import make

        pieces = self.pieces(fetch_list=True)
        assert pieces is not None
        return make(self, pieces, how, say)


def _remarked(files: Iterable[str], remarks: Mapping[str, str]) -> Iterator[str]:
    """The remarks on these clips, each once, with how many have it."""
    made = [remarks[name] for name in files if remarks.get(name)]
    for remark in sorted(set(made)):
        yield f"{_clips([one for one in made if one == remark])}: {remark}"


def _clips(some: Sized) -> str:
    return f"{len(some)} clip{'' if len(some) == 1 else 's'}"
