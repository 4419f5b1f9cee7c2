"""Recognition: who is known by which pictures, the nearest neighbour, and a run."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from talkbench.benchmarks.recognition import Lineup, Recognition, spread
from talkbench.core.errors import MetricError, UsageError, VideoError
from talkbench.core.store import read_scores, read_units
from talkbench.core.video import Clip, Frames, Source
from talkbench.metrics.recognition import Described, nearest_is
from talkbench.metrics.recognition import Recognition as RecognitionMetric

Bench = Callable[..., "subprocess.CompletedProcess[str]"]


class Numbered(Source):
    """Frames whose pixels are their numbers, two a block."""

    def __init__(self, name: str, frames: int) -> None:
        self.name, self.count = name, frames

    def frames(self) -> Iterator[Frames]:
        numbers = np.arange(self.count, dtype=np.uint8)
        for at in range(0, self.count, 2):
            yield np.broadcast_to(
                numbers[at : at + 2, None, None, None], (len(numbers[at : at + 2]), 2, 2, 3)
            )

    def fingerprint(self) -> str:
        return f"{self.name} {self.count}"


def clip(name: str, identity: str, frames: int = 9) -> Clip:
    return Clip(name, Numbered(name, frames), 2, 2, Fraction(25), identity)


def numbers(frames: Frames) -> list[int]:
    return [int(frame[0, 0, 0]) for frame in frames]


def test_one_clip_is_parted_and_a_second_one_is_asked_about_whole() -> None:
    clips = [clip("a1", "ann"), clip("b1", "ben"), clip("a2", "ann"), clip("c1", "")]
    recipe = Recognition(8)
    lineups = [one for one in recipe.clips(clips, 0) if isinstance(one, Lineup)]
    assert [(one.name, one.person, one.part) for one in lineups] == [
        ("b1", "ben", "last"),
        ("a2", "ann", "all"),
        ("c1", "c1", "last"),
    ]
    known = {one.person: (one.clip.name, one.part) for one in lineups[0].known}
    assert known == {"ann": ("a1", "all"), "ben": ("b1", "first"), "c1": ("c1", "first")}
    assert recipe.about(lineups[1])["known_by"] == "a1"
    assert recipe.about(lineups[0])["known_by"] == "its first third"
    assert len({one.sha256 for one in lineups}) == 3


def test_one_person_is_refused_in_one_line() -> None:
    with pytest.raises(UsageError, match="two people at least"):
        Recognition(8).clips([clip("a1", "ann"), clip("a2", "ann")], 0)


def test_thirds_do_not_meet_and_pictures_are_spread() -> None:
    nine = clip("a", "ann", 9)
    assert numbers(spread(nine, 8, "first")) == [0, 1, 2]
    assert numbers(spread(nine, 8, "last")) == [6, 7, 8]
    assert numbers(spread(nine, 3, "all")) == [1, 4, 7]
    with pytest.raises(VideoError, match="3 at least"):
        spread(clip("a", "ann", 2), 8, "last")


def test_the_nearest_known_picture_decides() -> None:
    gallery = np.array([[0.0, 0], [10, 0], [np.nan, 0]])
    probes = np.array([[1.0, 0], [9, 0], [np.nan, 0]])
    described = Described(gallery, ["ann", "ben", "cleo"], probes)
    assert list(nearest_is(described, "ann")) == [1, 0, 0]
    assert list(nearest_is(described, "ben")) == [0, 1, 0]
    with pytest.raises(MetricError, match="any known picture"):
        nearest_is(Described(gallery[2:], ["cleo"], probes), "cleo")


def test_values_stand_beside_chance_and_landmarks() -> None:
    near = Described(np.array([[0.0], [10]]), ["ann", "ben"], np.array([[1.0], [2]]))
    unseen = Described(np.full((2, 1), np.nan), ["ann", "ben"], np.full((2, 1), np.nan))
    scores = RecognitionMetric().compare(near, near, "ann")
    assert scores.values == {"recognition": 1, "recognition_landmarks": 1, "recognition_chance": 0.5}
    scores = RecognitionMetric().compare(near, unseen, "ann")
    assert "dlib finds no face" in scores.absent["recognition_landmarks"]


@pytest.mark.network
def test_a_run_recognises_by_keypoints(bench: Bench, tmp_path: Path) -> None:
    command = (
        "run", "--benchmark", "recognition", "--methods", "ours,freeze", "--dataset", "testcard",
        "data.clips=2", "--frames", "6", "--size", "64", "run.workers=1", "benchmark.pictures=2",
        "--out", tmp_path / "run",
    )  # fmt: skip
    done = bench(*command)
    assert done.returncode == 0, done.stderr
    values = read_scores(tmp_path / "run").set_index(["method", "metric", "clip"])["value"].sort_index()
    assert set(values.loc["ours", "recognition_chance"]) == {0.5}
    assert values.loc["ours", "recognition"].between(0, 1).all()
    assert values.loc["freeze"].isna().all()
    assert all(unit["stream"] is None for unit in read_units(tmp_path / "run"))
    assert "0 computed, 4 kept" in bench(*command).stdout
