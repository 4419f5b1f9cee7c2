"""VoxCeleb as FOMM and face-vid2vid use it: faces cut out of videos on YouTube, listed in one CSV.

A line is ``video_id, start, end, bbox, fps, width, height, partition, person_id``: start and end are frames
at the stated rate, the end exclusive; the box is left-top-right-bottom in the stated picture and scales
to the real one; where it leaves the picture, it ends there. The published script leaves
``PARTITION/PERSON#VIDEO#START#END.mp4``, stretched to 256 x 256; of lines of one name, the last counts.

Source: Siarohin, Lathuilière, Tulyakov, Ricci, Sebe, First order motion model for image animation, NeurIPS
2019 (its repository video-preprocessing); Nagrani, Chung, Zisserman, VoxCeleb, Interspeech 2017.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path

from ..core.assets import Asset
from ..core.errors import UsageError, unknown
from .clip_lock import NAME
from .cutting import Cut, Raw, within
from .listed import Listed
from .pieces import Piece

LIST = "vox-metadata.csv"
PARTITIONS = ("test", "train")
COLUMNS = ("video_id", "start", "end", "bbox", "fps", "width", "height", "partition", "person_id")
_NAME = re.compile(r"[^#/]+#[^#/]+#\d{6,}#\d{6,}")


@dataclass(frozen=True)
class Track(Piece):
    """A line of the list.

    Attributes:
        partition: that it stands in.
        start, end: frames at the listed rate, the end exclusive.
        rate: listed frames per second.
        picture: listed width and height.
        box: left, top, right, bottom.
    """

    partition: str = ""
    start: int = 0
    end: int = 0
    rate: Fraction = Fraction(25)
    picture: tuple[int, int] = (0, 0)
    box: tuple[int, int, int, int] = (0, 0, 0, 0)

    def locate(self, raw: Raw, manner: str) -> Cut:
        """Where it lies in its video: frame i where start / rate <= i / fps < end / rate."""
        ratio = raw.info.fps / self.rate
        first, end = (-(-at * ratio.numerator // ratio.denominator) for at in (self.start, self.end))
        (width, height), (left, top, right, bottom) = self.picture, self.box
        left, right = (min(x * raw.info.width // width, raw.info.width) for x in (left, right))
        top, bottom = (min(y * raw.info.height // height, raw.info.height) for y in (top, bottom))
        crop = (left, top, right - left, bottom - top)
        return within(raw, f"frames {first} to {end - 1} are", first, end - 1, len(raw.times), crop)


def read_tracks(path: Path) -> list[Track]:
    """The tracks of a list, of all partitions; people who stand in several are remarked.

    Raises:
        UsageError: a line is not as the list's lines are; the message names it.
    """
    tracks: dict[tuple[str, str], Track] = {}
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            reader = csv.DictReader(file, strict=True)
            if set(COLUMNS) - set(reader.fieldnames or ()):
                raise UsageError(
                    f"{path}, line 1: the columns {', '.join(reader.fieldnames or ()) or 'none'} found; "
                    f"expected {', '.join(COLUMNS)}"
                )
            for row in reader:
                track = _track(path, reader.line_num, row)
                tracks[track.partition, track.name] = track
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise UsageError(f"{path} cannot be read ({error}); give the published list") from None
    if not tracks:
        raise UsageError(f"{path} holds no line; give the published list")
    partitions: dict[str, set[str]] = {}
    for track in tracks.values():
        partitions.setdefault(track.identity, set()).add(track.partition)
    return [
        replace(track, remark=f"{track.identity} stands in the partitions {' and '.join(sorted(both))}")
        if len(both := partitions[track.identity]) > 1
        else track
        for track in tracks.values()
    ]


def _track(path: Path, line: int, row: Mapping[str, str | None]) -> Track:
    cells = {column: row[column] or "" for column in COLUMNS}
    numbers = [cells[column] for column in ("start", "end", "width", "height")]
    box = re.fullmatch(r"(\d+)-(\d+)-(\d+)-(\d+)", cells["bbox"])
    rate = re.fullmatch(r"\d+(\.\d+)?", cells["fps"])
    texts = [cells[column] for column in ("video_id", "partition", "person_id")]
    if (
        not all(map(str.isdecimal, numbers))
        or not box
        or not rate
        or any(not t or "/" in t or "#" in t for t in texts)
    ):
        raise UsageError(
            f"{path}, line {line}: '{','.join(map(str, row.values()))[:80]}' found; expected a line such as "
            "WMh3ye5tBsE,3657,3994,624-48-1018-553,25,1280,720,train,id10005"
        )
    start, end, width, height = map(int, numbers)
    if not start < end or min(width, height) < 1 or not Fraction(cells["fps"]):
        raise UsageError(
            f"{path}, line {line}: start {start}, end {end}, width {width}, height {height}, fps "
            f"{cells['fps']} found; expected start below end, and the others above 0"
        )
    left, top, right, bottom = (int(edge) for edge in box.groups())
    inside = left < min(right, width) and top < min(bottom, height)
    return Track(
        name=f"{cells['person_id']}#{cells['video_id']}#{start:06d}#{end:06d}",
        video=cells["video_id"],
        stem=cells["video_id"],
        identity=cells["person_id"],
        wrong="" if inside else f"its box {cells['bbox']} has no part in its frame of {width}x{height}",
        partition=cells["partition"],
        start=start,
        end=end,
        rate=Fraction(cells["fps"]),
        picture=(width, height),
        box=(left, top, right, bottom),
    )


class VoxCeleb(Listed):
    """What `voxceleb1` and `voxceleb2` have in common.

    Args:
        root: the folder.
        split: the partition.
        size: side of the square that boxes are stretched to; null keeps each clip's own shape.
        lists: the folder of the published list, or a file of its format.

    Raises:
        UsageError: a setting is out of range.
    """

    stretched = True
    list_source = "make one in the format of FOMM's vox-metadata.csv"
    listed_in: Asset | None = None
    """Where the list is fetched from."""

    def __init__(
        self,
        root: str | None = None,
        split: str = "test",
        size: int | None = 256,
        lists: str | None = None,
    ) -> None:
        super().__init__(root, size, lists)
        self.split = str(split)
        if self.split not in PARTITIONS:
            raise unknown(f"partition of {self.name}", self.split, PARTITIONS)

    @property
    def title(self) -> str:
        return f"{self.name} {self.split}"

    @property
    def folder(self) -> Path:
        return self.root / self.split

    @property
    def lock_path(self) -> Path:
        return self.folder / NAME

    @property
    def raws(self) -> Path:
        return self.root / "raw_videos"

    def list_files(self) -> Mapping[str, Asset | None]:
        return {LIST: self.listed_in}

    def read(self, files: Mapping[str, Path]) -> Sequence[Piece]:
        return [track for track in read_tracks(files[LIST]) if track.partition == self.split]

    def official(self, stem: str) -> bool:
        return _NAME.fullmatch(stem) is not None

    def identity(self, name: str) -> str:
        return name.partition("#")[0]

    def command(self) -> str:
        return f"bench data prepare {self.name} --split {self.split} --root {self.root}"
