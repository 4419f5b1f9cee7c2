"""Videos that somebody else coded and decoded."""

from __future__ import annotations

import csv
import functools
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

from ..core.bitstream import Kind
from ..core.errors import CodecError, UnsetError, UsageError, VideoError, unknown
from ..core.pngs import PngFolder, numbered
from ..core.reading import VIDEOS, open_clip
from ..core.recorded import Recorded, Stated
from ..core.signature import code, digest, sha256_once
from ..core.version import __version__
from ..core.video import Clip, Frames, Source

_COLUMNS = ("clip", "file", "bytes", "source")
_SAME_RATE = Fraction(1, 2000)


@dataclass(frozen=True)
class _Row:
    """A line of the table."""

    file: str
    bytes: int | None
    source: int


class Precomputed(Recorded):
    """A folder of decoded videos, each called as its clip, with any ending; or folders of numbered PNGs.

    They are read as any video is (`core.reading`), and must have the clip's size, frames and frame rate (PNGs
    state none): nothing is scaled, cut or repeated. What a video file lost when it was stored counts against
    the codec: PNGs, or lossless video, are better. The rate is that of files that lie beside them, or what
    a table states. Where it does not say how much of that is the source picture, every accounting counts all.

    Args:
        root: the folder.
        folder: below it, where there are several operating points; or None.
        streams: folder, from the videos' own, of the coded files, each called as its clip; or None.
        table: CSV there with the column clip and any of file, bytes and source; or None.
        name: of the codec.
    """

    name = "precomputed"

    def __init__(
        self,
        *,
        root: str | None,
        folder: str | None,
        streams: str | None,
        table: str | None,
        name: str = "precomputed",
    ) -> None:
        self.called = name
        self.root, self.point, self.stream_folder, self.table = root, folder, streams, table

    def check(self) -> None:
        of = f"methods.{self.called}"
        if not self._folder.is_dir():
            raise UsageError(f"{of}: there is no folder {self._folder}; give the one that holds the videos")
        if not self._videos():
            raise UsageError(f"{of}: {self._folder} holds no videos and no PNGs; give another folder")
        if self._counted and self.stream_folder is not None:
            raise UsageError(
                f"{of} has streams and a table of bytes; keep the streams, which are files that exist"
            )
        if self.stream_folder is not None and not (self._folder / self.stream_folder).is_dir():
            raise UsageError(
                f"{of}.streams: there is no folder {self._folder / self.stream_folder}; correct it"
            )

    @functools.cached_property
    def _folder(self) -> Path:
        if self.root is None:
            raise UnsetError(f"methods.{self.called}.root is not set; give the folder of decoded videos")
        return Path(str(self.root)).expanduser() / str(self.point or "")

    def _videos(self) -> list[Path]:
        return [
            Path(folder) / file
            for folder, _, files in sorted(os.walk(self._folder))
            for file in sorted(files)
            if Path(file).suffix.lower() in (*VIDEOS, ".png") and not file.startswith(".")
        ]

    @functools.cached_property
    def _rows(self) -> Mapping[str, _Row]:
        """The lines of the table by clip."""
        if self.table is None:
            return {}
        path = self._folder / self.table
        rows: dict[str, _Row] = {}
        try:
            with path.open(newline="", encoding="utf-8-sig") as file:
                reader = csv.DictReader(file, strict=True)
                for column in reader.fieldnames or ():
                    if column not in _COLUMNS:
                        raise UsageError(f"{path}, line 1: {unknown('column', column, _COLUMNS)}")
                for row in reader:
                    where = f"{path}, line {reader.line_num}"
                    name = row.get("clip") or ""
                    if not name or name in rows:
                        raise UsageError(f"{where}, column clip: '{name}' found; name each clip once")
                    whole, source = (_bytes(row.get(column), column, where) for column in ("bytes", "source"))
                    if (source or 0) > (whole or 0):
                        raise UsageError(
                            f"{where}, column source: more than the whole stream's {whole} bytes"
                        )
                    rows[name] = _Row(row.get("file") or "", whole, source or 0)
        except (OSError, UnicodeDecodeError, csv.Error) as error:
            raise UsageError(f"{path} cannot be read as CSV in UTF-8 ({error}); correct it") from None
        return rows

    @property
    def _counted(self) -> bool:
        return any(row.bytes is not None for row in self._rows.values())

    def _video(self, clip: Clip) -> Path:
        row = self._rows.get(clip.name)
        if row is not None and row.file:
            path = self._folder / row.file
            if not path.exists():
                raise CodecError(f"there is no {path}, which {self.table} names for clip '{clip.name}'")
            return path
        found = _called(self._folder, clip.name)
        found = [path for path in found if path.suffix.lower() in VIDEOS or path.is_dir()]
        if len(found) != 1:
            what = " and ".join(path.name for path in found) or "none"
            raise CodecError(
                f"one video of clip '{clip.name}' is expected in {self._folder}, {what} found; call it "
                f"{clip.name}.mp4, or with another ending, or name its file in a table"
            )
        return found[0]

    def frames(self, clip: Clip) -> Iterator[Frames]:
        path = self._video(clip)
        try:
            source: Source
            if path.is_dir():
                pictures = PngFolder(numbered(path))
                if not pictures.files:
                    raise CodecError(f"{path} holds no PNGs; put the decoded frames there, numbered")
                (width, height, _), fps, source = pictures.picture(), clip.fps, pictures
            else:
                video = open_clip(path)
                width, height, fps, source = video.width, video.height, video.fps, video.source
            if (width, height) != (clip.width, clip.height):
                raise CodecError(
                    f"{path} is {width}x{height}, clip '{clip.name}' {clip.width}x{clip.height}; nothing is "
                    "scaled: choose the size (--size) or crops of the clips that the videos were made from"
                )
            if abs(fps / clip.fps - 1) > _SAME_RATE:
                raise CodecError(
                    f"{path} has {fps} frames a second, clip '{clip.name}' {clip.fps}; name another"
                )
            yield from source.frames()
        except VideoError as error:
            raise CodecError(f"{self.called} cannot be read: {error}") from None

    def stated(self, clip: Clip) -> Stated | None:
        if self.stream_folder is not None:
            folder = self._folder / self.stream_folder
            found = [path for path in _called(folder, clip.name) if path.is_file() and path.stat().st_size]
            if len(found) != 1:
                what = " and ".join(path.name for path in found) or "none"
                raise CodecError(
                    f"one coded file of clip '{clip.name}', not empty, is expected in {folder}, {what} found"
                )
            return _stated(found[0].stat().st_size, 0, f"{found[0].name}, sha256 {sha256_once(found[0])}")
        row = self._rows.get(clip.name)
        if row is None or row.bytes is None:
            return None
        return _stated(row.bytes, row.source, f"{self.table}: nobody here has seen the file")

    def describe(self) -> Mapping[str, str]:
        rate = (
            "of coded files" if self.stream_folder else "as a table states it" if self._counted else "unknown"
        )
        streams = _contents(self._folder / self.stream_folder) if self.stream_folder else ""
        return {
            "decoding": "not sealed: frames that somebody else decoded",
            "rate": rate,
            "folder": str(self.point or ""),
            "videos": digest([_hashed(self._folder, path) for path in self._videos()])[:12],
            "streams": streams,
            "table": sha256_once(self._folder / self.table)[:12] if self.table and self._rows else "",
            "code": code(type(self)),
            "version": __version__,
        }


def _called(folder: Path, name: str) -> list[Path]:
    """What lies under a clip's name in a folder, with any ending or none."""
    place = folder / name
    if place.resolve().parent == place.parent.resolve() and place.parent.is_dir():
        return sorted(path for path in place.parent.iterdir() if place.name in (path.name, path.stem))
    return []


def _bytes(text: str | None, column: str, where: str) -> int | None:
    if not text:
        return None
    if not (text.isascii() and text.isdigit() and int(text) > 0):
        raise UsageError(f"{where}, column {column}: '{text}' found; give a number of bytes, above 0")
    return int(text)


def _stated(whole: int, source: int, origin: str) -> Stated:
    sizes = {kind.name.lower(): 0 for kind in Kind}
    return Stated({**sizes, "source": source, "motion": whole - source}, origin)


def _hashed(folder: Path, path: Path) -> list[str]:
    return [path.relative_to(folder).as_posix(), sha256_once(path)]


def _contents(folder: Path) -> str:
    return digest([_hashed(folder, path) for path in sorted(folder.rglob("*")) if path.is_file()])[:12]
