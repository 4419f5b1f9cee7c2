"""Metrics of sets, by a third party's plugin: stored features, one value a point, equal sets only."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from talkbench.core.feature_store import read_features, read_sets
from talkbench.core.store import read_failures, read_manifest, read_scores, read_units
from talkbench.datasets.testcard import Cards

Bench = Callable[..., "subprocess.CompletedProcess[str]"]

PLUGIN = '''
from pathlib import Path

import numpy as np
from talkbench.core.errors import CodecError, MetricError
from talkbench.core.set_metric import SetMetric, SetValue
from talkbench.methods.raw import Raw


class MeanColour(SetMetric):
    """Distance of two sets' mean colours; frame 0 is left out. Source: none."""

    name = "mean_colour"
    extractor = "colour"
    direction = "lower"
    unit = "0-255"
    source = "none"

    def extraction(self):
        return {"space": "rgb"}

    def features(self, pictures):
        with Path(__file__).with_name("extracted.txt").open("a") as file:
            file.write(f"{len(pictures)}\\n")
        return pictures.mean((1, 2))

    def compare(self, reference, decoded):
        gap = np.linalg.norm(reference.pictures.mean(0) - decoded.pictures.mean(0))
        return {self.name: SetValue(gap, 0.5)}

    def caution(self, pictures):
        return "These are few" if pictures < 100 else ""


class Spread(MeanColour):
    """Difference of two sets' variances; frame 0 is left out. Source: none."""

    name = "spread"

    def compare(self, reference, decoded):
        if len(decoded) < 10:
            raise MetricError("spread needs 10 pictures")
        return {self.name: SetValue(abs(reference.pictures.var() - decoded.pictures.var()))}


class Picky(Raw):
    """Raw, but it refuses one clip."""

    name = "picky"

    def encode(self, clip):
        if clip.name == "card1":
            raise CodecError("not this one")
        return super().encode(clip)
'''


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that, on the module path, installs two set metrics of one feature space and a method."""
    folder = tmp_path_factory.mktemp("colours")
    (folder / "colours.py").write_text(PLUGIN)
    (folder / "mean_colour.yaml").write_text("mean_colour:\n  frames_per_clip: 4\n")
    (folder / "spread.yaml").write_text("spread:\n  frames_per_clip: 4\n")
    (folder / "picky.yaml").write_text("picky:\n  level: 1\n")
    info = folder / "colours-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: colours\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(
        "[talkbench.metrics]\nmean_colour = colours:MeanColour\nspread = colours:Spread\n"
        "[talkbench.methods]\npicky = colours:Picky\n"
    )
    return folder


@pytest.fixture(autouse=True)
def _installed(
    folder: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> Iterator[None]:
    from talkbench.core.registry import plugins

    monkeypatch.setenv("PYTHONPATH", str(folder))
    monkeypatch.setenv("TALKBENCH_CACHE", str(folder / "cache"))
    monkeypatch.syspath_prepend(str(folder))
    plugins.cache_clear()
    yield
    plugins.cache_clear()


SMALL = ("--dataset", "testcard", "data.clips=2", "--frames", "9", "--size", "64", "run.workers=1")
RUN = ("run", "--methods", "h264,raw", *SMALL, "methods.h264.crf=[30,51]", "run.videos=false")


def extracted(folder: Path) -> int:
    """Pictures whose features have been made so far, by any process."""
    path = folder / "extracted.txt"
    return sum(map(int, path.read_text().split())) if path.is_file() else 0


@pytest.fixture(scope="module")
def finished(folder: Path, bench: Bench, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished run of three points and two clips, scored with one set metric."""
    import os

    out = tmp_path_factory.mktemp("runs") / "sets"
    env = {"PYTHONPATH": str(folder), "TALKBENCH_CACHE": str(folder / "cache")}
    done = bench(*RUN, "--metrics", "mean_colour,psnr,bpp", "--out", out, **{**os.environ, **env})
    assert done.returncode == 0, done.stderr
    return out


@pytest.fixture
def copied(finished: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(finished, tmp_path / "run"))


def test_a_point_has_one_value_of_all_its_clips(finished: Path) -> None:
    scores = read_scores(finished)
    mine = scores[scores["metric"] == "mean_colour"]
    assert list(mine["clip"]) == ["", "", ""]
    assert mine["signature"].str.contains("|n:8|clips:2|set:", regex=False).all()
    assert mine["signature"].nunique() == 1
    by_point = dict(zip(zip(mine["method"], mine["point"], strict=True), mine["value"], strict=True))
    assert by_point["raw", "default"] == 0
    assert by_point["h264", "crf51"] > by_point["h264", "crf30"] > 0
    stored = read_sets(finished)
    assert {(score.pictures, score.clips) for score in stored} == {(8, ("card0", "card1"))}
    assert read_manifest(finished)["metrics"]["mean_colour"]["kind"] == "set"
    assert pd.read_csv(finished / "scores.csv").shape == scores.shape


def test_features_are_of_the_fixed_sample_of_frames(finished: Path) -> None:
    space = next((finished / "features").iterdir()).name
    clips = {clip.name: clip for clip in Cards(size=64, frames=9, clips=2).clips()}
    for unit in read_units(finished):
        if unit["method"] == "raw":
            decoded = read_features(finished, space, unit["key"])
            assert (decoded == read_features(finished, space, unit["clip_sha256"])).all()
            frames = np.concatenate(list(clips[unit["clip"]].frames()))
            taken = frames[[2, 4, 6, 8]]  # the middles of four equal stretches of frames 1 to 8
            assert decoded == pytest.approx(taken.mean((1, 2)), abs=1e-3)


def test_nothing_is_decoded_or_extracted_again(bench: Bench, folder: Path, copied: Path) -> None:
    before, text = extracted(folder), (copied / "sets.json").read_text()
    done = bench(*RUN, "--metrics", "mean_colour,psnr,bpp", "--out", copied)
    assert "0 computed, 6 kept" in done.stdout
    assert (copied / "sets.json").read_text() == text
    done = bench("score", copied, "--metrics", "spread")  # of the same space: from the stored features
    assert done.returncode == 1, done.stdout + done.stderr
    assert extracted(folder) == before
    reasons = {score.reason for score in read_sets(copied) if score.metric == "spread"}
    assert reasons == {"spread needs 10 pictures"}
    assert len([score for score in read_sets(copied) if score.metric == "mean_colour"]) == 3


@pytest.mark.usefixtures("finished")  # the other run
def test_references_come_from_the_cache_of_other_runs(bench: Bench, folder: Path, tmp_path: Path) -> None:
    before = extracted(folder)
    arguments = ("run", "--methods", "raw", *SMALL, "run.videos=false", "--metrics")
    assert bench(*arguments, "mean_colour,spread", "--out", tmp_path / "run").returncode == 1
    assert extracted(folder) == before + 2 * 4  # the decoded clips', and for both metrics once


def test_sets_of_other_clips_are_not_compared(bench: Bench, copied: Path) -> None:
    from talkbench.reports.aggregate import load

    values = {(score.method, score.point): score.value for score in read_sets(copied)}
    arguments = ("run", "--methods", "picky", *SMALL, "run.videos=false", "--metrics", "mean_colour,psnr,bpp")
    assert bench(*arguments, "--out", copied).returncode == 1
    assert [row["clip"] for row in read_failures(copied)] == ["card1"]
    scores = {(score.method, score.point): score for score in read_sets(copied)}
    assert {point: score.value for point, score in scores.items() if point in values} == values
    assert scores["picky", "default"].pictures == 4
    assert scores["picky", "default"].set != scores["raw", "default"].set
    results = load(copied)
    assert ("picky", "default") not in results.aggregates["mean_colour"]
    assert results.aggregates["mean_colour"]["raw", "default"].low == pytest.approx(-0.98, abs=1e-3)
    page = (copied / "report" / "index.html").read_text()
    assert "N = 4 pictures of 1 clips, the others 8 of 2: not compared" in page
    assert "These are few" in page
    assert "not compared: N = 4" in page


def test_damaged_features_are_made_again(bench: Bench, folder: Path, copied: Path) -> None:
    unit = next(unit for unit in read_units(copied) if unit["point"] == "crf51")
    path = next((copied / "features").glob(f"*/{unit['key']}.npz"))
    path.write_bytes(path.read_bytes()[:100])
    text, before = (copied / "sets.json").read_text(), extracted(folder)
    done = bench("score", copied, "--metrics", "mean_colour")
    assert done.returncode == 0, done.stderr
    assert extracted(folder) == before + 4
    assert (copied / "sets.json").read_text() == text


def test_a_clip_too_short_for_the_sample_gives_all_its_frames(bench: Bench, tmp_path: Path) -> None:
    out = tmp_path / "run"
    arguments = ("run", "--methods", "raw", "--dataset", "testcard", "--frames", "2", "--size", "64")
    assert bench(*arguments, "run.videos=false", "--metrics", "mean_colour", "--out", out).returncode == 0
    assert [score.pictures for score in read_sets(out)] == [1]
