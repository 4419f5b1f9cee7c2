"""Raw videos made of test cards, and a yt-dlp that gives them."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from talkbench.core.preparation import Preparation
from talkbench.core.video import Clip, Frames
from talkbench.datasets.talkinghead1kh import TalkingHead1KH
from talkbench.datasets.testcard import read_number

HIDDEN_KEYS = "-c:v libx264rgb -qp 0 -preset ultrafast -bf 3 -b_strategy 0 -g 400 -sc_threshold 0"
"""Without loss, frames coded out of order, and a key frame every 400."""

YT_DLP = """#!{python}
import os, pathlib, shutil, sys, time
words = sys.argv[1:]
if "--version" in words:
    sys.exit(print("2000.01.01"))
log = pathlib.Path(os.environ["FAKE_LOG"])
with log.open("a") as file:
    file.write("\\t".join(words) + "\\n")
assert words[-2] == "--", words
video = words[-1].partition("watch?v=")[2]
template = words[words.index("--output") + 1]
target = pathlib.Path(template.replace("%(ext)s", "mp4").replace("%%", "%"))
said = pathlib.Path(os.environ["FAKE_VIDEOS"]) / (video + ".says")
if said.exists():
    print("WARNING: something else", file=sys.stderr)
    sys.exit("ERROR: [youtube] " + video + ": " + said.read_text())
part = target.with_name(target.name + ".part")
source = (pathlib.Path(os.environ["FAKE_VIDEOS"]) / (video + ".mp4")).read_bytes()
had = part.stat().st_size if part.exists() else 0
with log.open("a") as file:
    file.write("continued at %d\\n" % had)
with part.open("ab") as file:
    file.write(source[had : len(source) // 2])
    file.flush()
    while (pathlib.Path(os.environ["FAKE_VIDEOS"]) / "wait").exists():
        time.sleep(0.05)
    file.write(source[max(had, len(source) // 2) :])
part.rename(target)
"""


@pytest.fixture(scope="session")
def long_card(make_testcard: Callable[..., Clip]) -> Frames:
    """130 seconds of a test card: (1300, 72, 128, 3), 10 frames a second."""
    clip = make_testcard(width=128, height=72, frames=1300, fps=10)
    return np.concatenate(list(clip.frames()))


@pytest.fixture(scope="session")
def raw_video(
    tmp_path_factory: pytest.TempPathFactory, write_video: Callable[..., Path], long_card: Frames
) -> Path:
    """The long card as a video, without loss; a cut at key frames is not where it should be."""
    path = tmp_path_factory.mktemp("raw") / "raw.mp4"
    return write_video(path, HIDDEN_KEYS, frames=long_card, fps=10)


@pytest.fixture
def yt_dlp(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Puts a yt-dlp on the path that copies videos out of the folder that is returned.

    ID.says in it holds the error for a video; while `wait` is there, downloads stop in the middle; `log`
    beside it lists the calls.
    """
    from talkbench.core import yt_dlp as tool

    folder, programs = tmp_path / "site", tmp_path / "programs"
    folder.mkdir()
    programs.mkdir()
    program = programs / "yt-dlp"
    program.write_text(YT_DLP.format(python=sys.executable))
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{programs}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("FAKE_VIDEOS", str(folder))
    monkeypatch.setenv("FAKE_LOG", str(tmp_path / "log"))
    tool.program.cache_clear()
    yield folder
    tool.program.cache_clear()


class Place:
    """Where TalkingHead-1KH is prepared: called with a list's lines, it writes them and returns settings.

    `videos` is a folder of two whole videos, `dash` and `plain`.
    """

    dash, plain = "-_da_sh-01", "plainvideo0"

    def __init__(self, folder: Path, raw_video: Path) -> None:
        self.folder, self.videos = folder, folder / "videos"
        self.videos.mkdir()
        for video in (self.dash, self.plain):
            shutil.copy(raw_video, self.videos / f"{video}.mp4")

    def __call__(self, *lines: str, split: str = "val", root: str = "root") -> dict[str, Any]:
        folder = self.folder / root / "data_list"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{split}_video_tubes.txt").write_text("\n".join(lines))  # no final newline, as published
        return {"root": str(self.folder / root), "split": split, "size": None}

    @staticmethod
    def tube(video: str, chunk: int, start: int, end: int, box: str = "0, 0, 256, 144") -> str:
        """A line of the list, for a picture twice as large as the video's."""
        return f"{video}_{chunk:04d}, 144, 256, {start}, {end}, {box}"

    @staticmethod
    def stem(line: str) -> str:
        """The official name of a line's clip."""
        name, _, _, start, end, left, top, right, bottom = line.split(", ")
        return f"{name}_S{start}_E{end}_L{left}_T{top}_R{right}_B{bottom}"

    @staticmethod
    def prepare(settings: dict[str, Any], **how: Any) -> tuple[bool, list[str], TalkingHead1KH]:
        """Whether all is there, what was said, and the data set."""
        lines: list[str] = []
        dataset = TalkingHead1KH(**settings)
        return dataset.prepare(Preparation(**how), lines.append), lines, dataset

    @staticmethod
    def pixels(clip: Clip) -> Frames:
        return np.concatenate(list(clip.frames()))

    @classmethod
    def numbers(cls, clip: Clip) -> list[int]:
        return [read_number(frame) for frame in cls.pixels(clip)]


@pytest.fixture
def place(tmp_path: Path, raw_video: Path) -> Place:
    return Place(tmp_path, raw_video)
