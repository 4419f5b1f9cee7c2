"""HDTF: Zhang, Li, Ding, Fan, Flow-guided one-shot talking face generation, CVPR 2021.

For each of RD, WDA and WRA four tables of words: ``video_url`` (name, address), ``annotion_time`` (name.mp4,
spans mm:ss-mm:ss), ``crop_wh`` (name_SPAN.mp4, x, width, y, height) and ``resolution`` (name.mp4, the height
that the boxes are for). The published script leaves ``SUBSET_NAME_NNN.mp4``, NNN counting the spans that have
a box; fifteen have none, and are no clips.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar
from urllib.parse import parse_qs, urlsplit

from ..core.assets import Asset
from ..core.errors import UsageError, unknown
from .cutting import Cut, Raw, within
from .listed import Listed
from .pieces import Piece

PAPER = "Zhang, Li, Ding, Fan, Flow-guided one-shot talking face generation, CVPR 2021"
SUBSETS = ("RD", "WDA", "WRA")
TABLES = ("video_url", "annotion_time", "crop_wh", "resolution")
_NAME = re.compile(r"(RD|WDA|WRA)_.+_\d{3}")
_FILES = {
    "RD_video_url": ("ae197ad34dc155082897637db41a298fe19fa937df4bfdc1b6aad021fcf2418e", 2965),
    "RD_annotion_time": ("6e0e3b8139697d64ce92f252c9eb62d268b9262c628682803b9aed282f2068a7", 1455),
    "RD_crop_wh": ("5887006297bc96b91af5f2dae51ffc2f46816dcf1018325666fda756dabeb6f6", 1799),
    "RD_resolution": ("b4797a0fada19918ffef4f39447675fe1187f48d1292955ecfb7e7754092e384", 921),
    "WDA_video_url": ("a8cee0c92ac59f27fead5a2e6a5387beadcca8b80134f7dcb433f18f1ee86586", 10521),
    "WDA_annotion_time": ("b7fb834e95918d6e87deb7afc9da8dc1c1c17ab454dc33887fe16fe945586f61", 5478),
    "WDA_crop_wh": ("3a2c1ba0255e05ec4a3d2a47180f16b0eba1e60976ee146d0162b872e473e151", 6316),
    "WDA_resolution": ("b9dbc35320b09b57771ec79c1aedc3624bda872c51390232631cce3444e0c10d", 3983),
    "WRA_video_url": ("04fd736a4c312a25309071d4b9e55c1989de5e3f37d2e54081c8bfc4dad84def", 7387),
    "WRA_annotion_time": ("7a49a55a841a45ab41cd1ff64f18bb83e79fa5799d1178d3ca36490eed54f1ed", 4295),
    "WRA_crop_wh": ("fd08b34596f0b5d3df7859bac7f4fd339aaf35b466ee018b3fdb8feab75838f2", 5581),
    "WRA_resolution": ("10108707a870259fde4f404eb3ab1617bbece3bbb8a176eb1120db1c7d3d9fc5", 2776),
}

LISTS: Mapping[str, Asset] = {
    f"{table}.txt": Asset(
        f"hdtf_{table}.txt", f"HDTF: the table {table}", "", "", "", sha256, size, "none stated", PAPER,
        "https://raw.githubusercontent.com/MRzzm/HDTF/bbde889bbab954c9a9ebcabe9962885c29f2165e/"
        f"HDTF_dataset/{table}.txt",
    )
    for table, (sha256, size) in _FILES.items()
}  # fmt: skip


@dataclass(frozen=True)
class Span(Piece):
    """A span of a video.

    Attributes:
        title: of the video.
        start, end: in seconds, the end exclusive.
        height: of the picture that the box is in, or 0 where it is not stated.
        box: x, y, width, height.
    """

    title: str = ""
    start: int = 0
    end: int = 0
    height: int = 0
    box: tuple[int, int, int, int] = (0, 0, 0, 0)

    @property
    def stems(self) -> tuple[str, ...]:
        return (self.stem, self.title, self.video)

    def locate(self, raw: Raw, manner: str) -> Cut:
        """Where it lies in its video: the frames that begin within the span."""
        times, rate = raw.times, raw.info.fps
        first, end = times.at(self.start), times.at(self.end)
        if end == len(times):  # the video may end before the span does
            end = max(end, first, round(self.end * rate))
        scale = (raw.info.height, self.height or raw.info.height)
        x, y, width, height = (edge * scale[0] // scale[1] for edge in self.box)
        return within(
            raw, f"seconds {self.start} to {self.end} are", first, end - 1, len(times), (x, y, width, height)
        )


def _table(path: Path) -> Iterator[tuple[int, str, list[str]]]:
    """Line number, first word and the others of each line."""
    try:
        lines = path.read_text("utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{path} cannot be read ({error}); give the published table") from None
    for number, line in enumerate(lines, 1):
        if line.strip():
            name, *words = line.split()
            if not words or "/" in name:
                raise _wrong(path, number, line, "a name and what belongs to it")
            yield number, name.removesuffix(".mp4"), words


def _wrong(path: Path, line: int, found: str, expected: str) -> UsageError:
    return UsageError(f"{path}, line {line}: '{found[:80]}' found; expected {expected}")


def _seconds(path: Path, line: int, word: str) -> tuple[int, int]:
    found = re.fullmatch(r"(\d+):(\d\d)-(\d+):(\d\d)", word)
    if not found:
        raise _wrong(path, line, word, "a span such as 00:30-01:00")
    start, end = 60 * int(found[1]) + int(found[2]), 60 * int(found[3]) + int(found[4])
    if start >= end:
        raise _wrong(path, line, word, "a span that ends after it begins")
    return start, end


def _numbers(path: Path, count: int) -> dict[str, list[int]]:
    table = {}
    for line, name, words in _table(path):
        if len(words) != count or not all(map(str.isdecimal, words)):
            raise _wrong(path, line, f"{name} {' '.join(words)}", f"a name and {count} whole numbers")
        table[name] = [int(word) for word in words]
    return table


def read_spans(subset: str, files: Mapping[str, Path]) -> Iterator[Span]:
    """The clips of a subset.

    Args:
        subset: RD, WDA or WRA.
        files: the tables by file name.

    Raises:
        UsageError: a line is not as the table's lines are; the message names it.
    """
    addresses, times, crops, heights = (files[f"{subset}_{table}.txt"] for table in TABLES)
    boxes, pictures = _numbers(crops, 4), _numbers(heights, 1)
    ids = {}
    for line, title, words in _table(addresses):
        found = parse_qs(urlsplit(words[0]).query).get("v")
        if not found:
            raise _wrong(addresses, line, words[0], "an address that ends in watch?v=ID")
        ids[title] = found[0]
    for line, title, words in _table(times):
        if title not in ids:
            raise _wrong(times, line, title, f"a name that {addresses.name} holds")
        spans = [_seconds(times, line, word) for word in words]
        boxed = [(span, f"{title}_{at}") for at, span in enumerate(spans) if f"{title}_{at}" in boxes]
        for number, ((start, end), key) in enumerate(boxed):
            x, width, y, height = boxes[key]
            yield Span(
                name=f"{subset}_{title}_{number:03d}",
                video=ids[title],
                stem=f"{subset}_{title}",
                identity=title if subset == "RD" else title.rstrip("0123456789"),
                title=title,
                start=start,
                end=end,
                height=pictures.get(title, [0])[0],
                box=(x, y, width, height),
            )


class HDTF(Listed):
    """HDTF: speakers cut out of 720p and 1080p videos on YouTube; `bench data prepare` makes it.

    ``ROOT`` holds the clips as ``SUBSET_NAME_NNN.mp4``; what others made there is taken as it is. Who is
    seen is taken from a video's name.

    Args:
        root: the folder.
        split: a subset (RD, WDA, WRA) or all.
        size: side of the square to scale to, 512 as in the paper; null keeps each clip's own.
        lists: the folder of the published tables.

    Raises:
        UsageError: a setting is out of range.
    """

    name = "hdtf"
    assets: ClassVar[tuple[Asset, ...]] = tuple(LISTS.values())

    def __init__(
        self,
        root: str | None = None,
        split: str = "all",
        size: int | None = 512,
        lists: str | None = None,
    ) -> None:
        super().__init__(root, size, lists)
        self.split = str(split)
        if self.split not in (*SUBSETS, "all"):
            raise unknown("split of hdtf", self.split, (*SUBSETS, "all"))
        self.subsets = SUBSETS if self.split == "all" else (self.split,)

    @property
    def title(self) -> str:
        return f"{self.name} {self.split}"

    @property
    def folder(self) -> Path:
        return self.root

    @property
    def lock_path(self) -> Path:
        return self.root / f"{self.split}.clips.lock.json"

    @property
    def raws(self) -> Path:
        return self.root / "_videos_raw"

    def list_files(self) -> Mapping[str, Asset | None]:
        names = [f"{subset}_{table}.txt" for subset in self.subsets for table in TABLES]
        return {name: LISTS[name] for name in names}

    def read(self, files: Mapping[str, Path]) -> Sequence[Piece]:
        return [span for subset in self.subsets for span in read_spans(subset, files)]

    def official(self, stem: str) -> bool:
        found = _NAME.fullmatch(stem)
        return found is not None and found[1] in self.subsets

    def identity(self, name: str) -> str:
        subset, _, rest = name.partition("_")
        title = rest.rpartition("_")[0]
        return title if subset == "RD" else title.rstrip("0123456789")

    def command(self) -> str:
        return f"bench data prepare {self.name} --split {self.split} --root {self.root}"
