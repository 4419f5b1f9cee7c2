"""TalkingHead-1KH, of the paper on face-vid2vid (Wang, Mallya, Liu, CVPR 2021).

A line of ``SPLIT_video_tubes.txt`` is ``name, H, W, S, E, L, T, R, B``: the name is the video's id, ``_``
and the number of a one-minute chunk; S and E are frames of that chunk, both inclusive; the box is in a
picture of H x W and scales to the real one. The published scripts cut chunks at key frames without coding
again, so that where a chunk begins depends on how the site had coded the video; then each clip is coded
with libx264 as it is set by default.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from ..core.assets import Asset
from ..core.errors import UsageError, unknown
from ..core.timeline import Timeline
from .cutting import Cut, Raw, within
from .listed import Listed
from .pieces import AS_PUBLISHED, EXACT, KEY_FRAMES, Piece

PAPER = (
    "Wang, Mallya, Liu, One-shot free-view neural talking-head synthesis for video conferencing, CVPR 2021"
)
SPLITS = ("small", "val", "train")
ARCHIVE = (
    "https://raw.githubusercontent.com/tcwang0509/TalkingHead-1KH/"
    "2f293089c204da9a97e8a476256bda5869584c4c/data_list.zip"
)
MINUTE = 60
_LINE = re.compile(r"(?P<id>.+)_(?P<chunk>\d{4,})")
_NAME = re.compile(r".+_\d{4,}_S\d+_E\d+_L\d+_T\d+_R\d+_B\d+")


def _lists(split: str, sha256: str, size: int) -> Asset:
    return Asset(
        f"talkinghead1kh_{split}_video_tubes.txt", f"TalkingHead-1KH: the clips of the split {split}, a list",
        "", "", f"{split}_video_tubes.txt", sha256, size, "MIT", PAPER, ARCHIVE,
    )  # fmt: skip


LISTS: Mapping[str, Asset] = {
    "small": _lists("small", "c4f8700820b130b6db314d0298cda109b55d1904f3df523759853c05cad7f1ab", 231),
    "val": _lists("val", "e72d4817a942801fb6ff5d4d409b6b21aabc7e8717ec8766974b9a384d2c4da3", 2228),
}
"""The lists that are fetched. That of train lies in the same archive, of half a million lines; it is unpacked
by hand."""


def minutes(times: Timeline) -> Iterator[int]:
    """The frames at which the published scripts begin a chunk.

    After each minute of the whole video, the next chunk begins at the next key frame.
    """
    begin, number = 0, 0
    while begin < len(times):
        yield begin
        number += 1
        begin = max(
            times.key_at(MINUTE * number), next((key for key in times.keys if key > begin), len(times))
        )


@dataclass(frozen=True)
class Tube(Piece):
    """A line of the list.

    Attributes:
        minute: the number of its chunk.
        start, end: its first and last frame in that chunk.
        picture: height and width of the picture that the box is in.
        box: left, top, right, bottom.
    """

    minute: int = 0
    start: int = 0
    end: int = 0
    picture: tuple[int, int] = (0, 0)
    box: tuple[int, int, int, int] = (0, 0, 0, 0)

    @property
    def chunk_stem(self) -> str:
        return f"{self.stem}_{self.minute:04d}"

    def locate(self, raw: Raw, manner: str) -> Cut:
        """Where it lies in the whole video."""
        times = raw.times
        exact = times.at(MINUTE * self.minute)
        begins = [*minutes(times), len(times), len(times)]
        published = begins[min(self.minute, len(begins) - 1)]
        if manner == EXACT:
            return self._cut(raw, manner, exact, len(times), max(0, published - exact))
        return self._cut(raw, manner, published, begins[min(self.minute + 1, len(begins) - 1)])

    def chunk(self, raw: Raw) -> Cut:
        """Where it lies in its one-minute file."""
        return self._cut(raw, KEY_FRAMES, 0, len(raw.times))

    def _cut(self, raw: Raw, manner: str, begin: int, end: int, displaced: int = 0) -> Cut:
        """The cut out of a chunk that begins at a frame and ends before another."""
        listed = f"frames {self.start} to {self.end} of chunk {self.minute} are"
        first, last = begin + self.start, begin + self.end
        return within(raw, listed, first, last, end, self._crop(raw, manner), displaced)

    def _crop(self, raw: Raw, manner: str) -> tuple[int, int, int, int]:
        (height, width), (left, top, right, bottom) = self.picture, self.box
        if manner == AS_PUBLISHED:  # in floating point, as there: int(13 / 720 * 720) is 12
            wide, high = raw.info.width, raw.info.height
            left, right = int(left / width * wide), int(right / width * wide)
            top, bottom = int(top / height * high), int(bottom / height * high)
        else:
            left, right = (x * raw.info.width // width for x in (left, right))
            top, bottom = (y * raw.info.height // height for y in (top, bottom))
        return left, top, right - left, bottom - top


def read_tubes(path: Path) -> list[Tube]:
    """The tubes of a list.

    Raises:
        UsageError: a line is not as the list's lines are; the message names it.
    """
    try:
        lines = path.read_text("utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{path} cannot be read ({error}); give the published list") from None
    tubes: dict[str, Tube] = {}
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        name, *cells = (cell.strip() for cell in line.split(","))
        named = _LINE.fullmatch(name)
        if (
            named is None
            or "/" in name
            or len(cells) != 8
            or not all(re.fullmatch(r"-?\d+", c) for c in cells)
        ):
            raise UsageError(
                f"{path}, line {number}: '{line.strip()[:80]}' found; "
                "expected name_0000, H, W, S, E, L, T, R, B"
            )
        height, width, start, end, left, top, right, bottom = map(int, cells)
        if min(height, width) < 1 or not 0 <= start <= end:
            raise UsageError(
                f"{path}, line {number}: H {height}, W {width}, S {start}, E {end} found; "
                "expected H and W above 0 and S from 0 to E"
            )
        inside = 0 <= left < right <= width and 0 <= top < bottom <= height
        box = f"L {left}, T {top}, R {right}, B {bottom}"
        tube = Tube(
            name=f"{name}_S{start}_E{end}_L{left}_T{top}_R{right}_B{bottom}",
            video=named["id"],
            stem=named["id"],
            identity=named["id"],
            wrong="" if inside else f"its box ({box}) leaves its frame of {width}x{height}",
            minute=int(named["chunk"]),
            start=start,
            end=end,
            picture=(height, width),
            box=(left, top, right, bottom),
        )
        if tube.name in tubes:
            raise UsageError(
                f"{path}, line {number}: {tube.name} stands there a second time; delete one line"
            )
        tubes[tube.name] = tube
    if not tubes:
        raise UsageError(f"{path} holds no line; give the published list")
    return list(tubes.values())


class TalkingHead1KH(Listed):
    """TalkingHead-1KH: faces cut out of 1080p and 720p videos on YouTube; `bench data prepare` makes it.

    ``ROOT/SPLIT/cropped_clips`` holds the clips under their official names; what others made there is taken
    as it is. A clip whose box is smaller than `size` is enlarged.

    Args:
        root: the folder.
        split: small, val, train, or another one with a list of that format.
        size: side of the square to scale to, 512 as in the paper; null keeps each clip's own.
        lists: the folder of the published lists (``SPLIT_video_tubes.txt``), or one such file.

    Raises:
        UsageError: a setting is out of range.
    """

    name = "talkinghead1kh"
    assets: ClassVar[tuple[Asset, ...]] = tuple(LISTS.values())
    manners = (EXACT, KEY_FRAMES, AS_PUBLISHED)

    def __init__(
        self,
        root: str | None = None,
        split: str = "val",
        size: int | None = 512,
        lists: str | None = None,
    ) -> None:
        super().__init__(root, size, lists)
        self.split = str(split)
        known = self.split in SPLITS or lists is not None or self.folder.is_dir()
        if not re.fullmatch(r"\w[\w-]*", self.split) or not known:
            raise unknown("split of talkinghead1kh", self.split, SPLITS)

    @property
    def title(self) -> str:
        return f"{self.name} {self.split}"

    @property
    def folder(self) -> Path:
        return self.root / self.split / "cropped_clips"

    @property
    def raws(self) -> Path:
        return self.root / self.split / "raw_videos"

    @property
    def chunks(self) -> Path:
        return self.root / self.split / "1min_clips"

    def list_files(self) -> Mapping[str, Asset | None]:
        return {f"{self.split}_video_tubes.txt": LISTS.get(self.split)}

    list_source = f"unpack {ARCHIVE}"

    def read(self, files: Mapping[str, Path]) -> Sequence[Piece]:
        return read_tubes(files[f"{self.split}_video_tubes.txt"])

    def official(self, stem: str) -> bool:
        return _NAME.fullmatch(stem) is not None

    def identity(self, name: str) -> str:
        return name.rsplit("_S", 1)[0].rsplit("_", 1)[0]

    def command(self) -> str:
        return f"bench data prepare {self.name} --split {self.split} --root {self.root}"
