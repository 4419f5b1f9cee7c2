"""The user's own videos."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import ClassVar

from ..core.assets import Asset, fetch
from ..core.bitstream import MAX_SIDE
from ..core.dataset import rate, whole
from ..core.errors import UsageError, VideoError, printable, unknown
from ..core.pngs import PngFolder, numbered
from ..core.preparation import Preparable, Preparation, Say
from ..core.raw_yuv import SUFFIX, RawYuv, described
from ..core.reading import VIDEOS, Crop, VideoFile, centred_square, probe
from ..core.shared_assets import FACE_LANDMARKER
from ..core.store import write_rows
from ..core.video import Clip, Source, Unreadable
from .face_boxes import Detector, as_row, seen_faces, steady_box

_BOX = ("x", "y", "width", "height")
_COLUMNS = ("file", *_BOX, "identity")
TABLE = "data.csv"
"""Where `prepare` writes boxes, unless told otherwise."""


@dataclass(frozen=True)
class _Row:
    """A line of the CSV: the file as written there, its crop, and who is seen."""

    line: int
    file: str
    crop: Crop | None
    identity: str

    def as_cells(self) -> dict[str, str | int]:
        return {**as_row(self.file, self.crop), "identity": self.identity}


def _cell(table: Path, line: int, column: str, text: str) -> int:
    least = 1 if column in ("width", "height") else 0
    if text.isascii() and text.isdigit() and int(text) >= least:
        return int(text)
    raise UsageError(
        f"{table}, line {line}, column {column}: '{text}' found; "
        f"give a whole number of pixels, at least {least}"
    )


def _rows(table: Path) -> Iterator[_Row]:
    """The lines of a CSV of crops and identities.

    Raises:
        UsageError: the file, its columns or a cell cannot be read; the message names line and column.
    """
    from csv import DictReader, Error

    try:
        with table.open(newline="", encoding="utf-8-sig") as file:
            reader = DictReader(file, strict=True)
            columns = reader.fieldnames or []
            for column in columns:
                if column not in _COLUMNS:
                    raise UsageError(f"{table}, line 1: {unknown('column', column, _COLUMNS)}")
            box = [column for column in _BOX if column in columns]
            if "file" not in columns or len(box) not in (0, 4) or len(set(columns)) < len(columns):
                raise UsageError(
                    f"{table}, line 1: the columns {', '.join(columns) or 'none'} found; expected file, "
                    "then x, y, width, height (all or none) and identity, each once"
                )
            for row in reader:
                line = reader.line_num
                if None in row or None in row.values():
                    raise UsageError(f"{table}, line {line}: {len(columns)} cells expected; correct the line")
                if not row["file"]:
                    raise UsageError(f"{table}, line {line}, column file: it is empty; name a file")
                texts = {column: row[column].strip() for column in box}
                crop = None
                if any(texts.values()):
                    x, y, width, height = (_cell(table, line, column, text) for column, text in texts.items())
                    crop = (x, y, width, height)
                yield _Row(line, row["file"], crop, row.get("identity") or "")
    except (OSError, UnicodeDecodeError, Error) as error:
        raise UsageError(f"{table} cannot be read as CSV in UTF-8 ({error}); check data.csv") from None


class Folder(Preparable):
    """A folder of videos, of folders of numbered PNGs, of test sequences (y4m, yuv), at any depth.

    A ``.yuv`` file's name says what it holds, such as ``BasketballDrive_1920x1080_50fps_10bit_420.yuv`` or
    ``akiyo_cif.yuv`` (core/raw_yuv.py). `bench data prepare folder --root DIR` finds the faces and writes
    ``DIR/data.csv``, a table for `csv` that can be edited.

    A clip's name is its path below the folder without the ending; clips are sorted by name. Files and
    folders whose names begin with a dot, and files that do not end like a video, are passed over. A video
    that cannot be opened stays in the list: its `frames` raises the VideoError, so that a run records the
    failure and goes on with the rest.

    Args:
        root: the folder.
        csv: a table that chooses the clips: the column `file` (path below root), and, if wanted, `x`,
            `y`, `width`, `height` (crop, in upright pixels; empty cells for none) and `identity`.
        size: side of the square to scale to, or None to keep each clip's own size. Without a crop in
            the table, the largest centred square is cut out first.
        fps: frames per second of the folders of PNGs, and of .yuv files whose names state none.

    Raises:
        UsageError: no such folder or table, a wrong cell, or two clips of one name.
    """

    name = "folder"
    assets: ClassVar[tuple[Asset, ...]] = (FACE_LANDMARKER,)

    def __init__(
        self,
        root: str | None = None,
        csv: str | None = None,
        size: int | None = None,
        fps: float | str = 25,
    ) -> None:
        if root is None:
            raise UsageError("data.root is not set; give the folder of videos: data.root=PATH")
        self.root = Path(str(root)).expanduser()
        if not self.root.is_dir():
            found = "it is a file" if self.root.exists() else "there is no such folder"
            raise UsageError(f"data.root={root}: {found}; give a folder of videos")
        self.size = None if size is None else whole("data.size", size, 16, MAX_SIDE)
        self.fps = rate("data.fps", fps)
        self.table = None if csv is None else self._table(Path(str(csv)).expanduser())

    def _table(self, csv: Path) -> Path:
        for path in (csv, self.root / csv):
            if path.is_file():
                return path
        raise UsageError(
            f"data.csv={csv}: no such file here or in {self.root}; give a CSV with a column file"
        )

    def _paths(self) -> Iterator[Path]:
        for folder, inner, files in os.walk(self.root):
            inner[:] = [name for name in inner if not name.startswith(".")]
            seen = [Path(folder) / name for name in files if not name.startswith(".")]
            yield from (path for path in seen if path.suffix.lower() in (*VIDEOS, SUFFIX))
            if any(path.suffix == ".png" for path in seen):
                yield Path(folder)

    def needs(self) -> tuple[Asset, ...]:
        return ()

    def clips(self) -> Sequence[Clip]:
        if self.table is None:
            chosen: Mapping[Path, _Row | None] = dict.fromkeys(self._paths())
        else:
            chosen = self._listed(self.table)
        named: dict[str, Path] = {}
        for path in sorted(chosen):
            name = self._name(path)
            if name in named:
                raise UsageError(
                    f"two clips are called '{name}': {named[name].name} and {path.name} in {path.parent}; "
                    "rename one"
                )
            named[name] = path
        if not named:
            raise UsageError(
                f"data.root={self.root} holds no videos and no numbered PNGs; give another folder"
            )
        return [self._clip(name, named[name], chosen[named[name]]) for name in sorted(named)]

    def _listed(self, table: Path) -> dict[Path, _Row | None]:
        listed: dict[Path, _Row | None] = {}
        for row in _rows(table):
            path = self.root / row.file
            if not path.exists():
                raise UsageError(
                    f"{table}, line {row.line}, column file: there is no {path}; correct or delete the line"
                )
            if path in listed:
                raise UsageError(
                    f"{table}, line {row.line}, column file: '{row.file}' a second time; keep one"
                )
            listed[path] = row
        return listed

    def _name(self, path: Path) -> str:
        if path == self.root:
            return printable(path.resolve().name) or "root"
        below = path.relative_to(self.root) if path.is_relative_to(self.root) else Path(path.name)
        return printable((below if path.is_dir() else below.with_suffix("")).as_posix())

    def _clip(self, name: str, path: Path, row: _Row | None) -> Clip:
        identity = row.identity if row else ""
        source: Source
        try:
            if printable(str(path)) != str(path):
                raise VideoError(f"{path}: its name holds control signs or is no UTF-8; rename it")
            if path.is_dir():
                files = numbered(path)
                if not files:
                    raise VideoError(f"{path}: it holds no PNGs; number them, or name a video")
                width, height, _ = PngFolder(files).picture()
                crop = self._crop(width, height, Fraction(1), row)
                source, fps = PngFolder(files, self._square, crop), self.fps
            else:
                raw = path.suffix.lower() == SUFFIX
                info = described(path, self.fps) if raw else probe(path)
                width, height, fps = info.width, info.height, info.fps
                crop = self._crop(width, height, info.aspect, row)
                source = (
                    RawYuv(path, info, self._square, crop) if raw else VideoFile(path, self._square, crop)
                )
        except VideoError as error:
            side = self.size or 16
            return Clip(name, Unreadable(str(error)), side, side, self.fps, identity)
        width, height = self._square or (crop[2:] if crop else (width, height))
        return Clip(name, source, width, height, fps, identity)

    @property
    def _square(self) -> tuple[int, int] | None:
        return None if self.size is None else (self.size, self.size)

    def _crop(self, width: int, height: int, aspect: Fraction, row: _Row | None) -> Crop | None:
        """The row's crop, else the centred square (as shown) if a size is wanted, else none.

        Args:
            width, height: of the picture.
            aspect: width of a pixel over its height.
            row: of the table.
        """
        if row is not None and row.crop is not None:
            x, y, wide, high = row.crop
            if x + wide > width or y + high > height:
                problem = f"the crop {row.crop} leaves the {width}x{height} picture of {row.file}"
            elif self.size is not None and abs(wide * aspect / high - 1) > 0.02:
                problem = (
                    f"the crop {row.crop} of {row.file} is not square as shown, but data.size wants squares"
                )
            else:
                return row.crop
            raise UsageError(f"{self.table}, line {row.line}, column width: {problem}; correct it")
        if self.size is None:
            return None
        return centred_square(width, height, aspect)

    def prepare(self, how: Preparation, say: Say) -> bool:
        """Find the face of each video, and write its box into a table; rows that are there stay.

        Returns:
            whether a face was found in each.

        Raises:
            UsageError: an option that is for downloads, or a table that cannot be read.
            StoreError: the table cannot be written.
        """
        if replace(how, workers=Preparation.workers) != Preparation():
            raise UsageError("data set 'folder' downloads and cuts nothing; give --root (and data.csv) alone")
        from ..core.face_landmarks import FaceLandmarks

        table = self.table or self.root / TABLE
        rows = [row.as_cells() for row in _rows(table)] if table.is_file() else []
        listed = {row["file"] for row in rows}
        new = [path for path in sorted(self._paths()) if self._file(path) not in listed]
        fetch(FACE_LANDMARKER)
        whole = Folder(root=str(self.root), fps=str(self.fps))
        lacking = 0
        with FaceLandmarks() as detector:
            for path in new:
                file = self._file(path)
                try:
                    box = whole.face_box(path, detector)
                except VideoError as error:
                    say(f"left out: {error}")
                    lacking += 1
                    continue
                lacking += box is None
                found = "no face found: its cells are empty, and it is used whole" if box is None else box
                say(f"{file}: {found}")
                rows.append(as_row(file, box))
                write_rows(table, _COLUMNS, rows)
        say(f"{table}: {len(rows)} rows, {len(rows) - len(listed)} of them new; use it with data.csv={table}")
        return lacking == 0

    def _file(self, path: Path) -> str:
        return path.relative_to(self.root).as_posix()

    def face_box(self, path: Path, detector: Detector) -> Crop | None:
        """The box of a video's face, or None where no face is found.

        Raises:
            VideoError: it cannot be read.
        """
        clip = self._clip(self._name(path), path, None)
        aspect = probe(path).aspect if isinstance(clip.source, VideoFile) else Fraction(1)
        return steady_box(seen_faces(clip, detector), clip.width, clip.height, aspect)
