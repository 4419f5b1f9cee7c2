"""Benchmarks whose frames are made and not coded: pairs, who can take part, resuming, verifying."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from talkbench.benchmarks.frontalization import Frontalization
from talkbench.benchmarks.pairs import Pair, draw_pairs
from talkbench.benchmarks.plan import build_plan, compose_run
from talkbench.benchmarks.scoring import score_pictures
from talkbench.benchmarks.transfer import Transfer
from talkbench.core.errors import UsageError
from talkbench.core.points import Point
from talkbench.core.store import read_failures, read_manifest, read_scores, read_units
from talkbench.core.video import Clip, Frames, Source, first_frame
from talkbench.methods.freeze import Freeze
from talkbench.metrics.l1 import L1

Bench = Callable[..., "subprocess.CompletedProcess[str]"]
TRANSFER = (
    "run", "--benchmark", "transfer", "--methods", "mover,freeze", "--dataset", "testcard", "--frames", "4",
    "data.clips=3", "--size", "32", "--metrics", "l1,bpp", "run.workers=1", "run.videos=false", "--out",
)  # fmt: skip


class Grey(Source):
    """Frames of one grey each, so many levels brighter from one to the next."""

    def __init__(self, first: int, frames: int, step: int = 1) -> None:
        self.levels = [first + step * number for number in range(frames)]

    def frames(self) -> Iterator[Frames]:
        for level in self.levels:  # a block a frame
            yield np.full((1, 4, 6, 3), level, np.uint8)

    def fingerprint(self) -> str:
        return str(self.levels)


def grey(name: str, first: int, frames: int, identity: str = "") -> Clip:
    return Clip(name, Grey(first, frames), 6, 4, Fraction(25), identity)


def names(pairs: list[Pair]) -> list[str]:
    return [pair.name for pair in pairs]


def test_pairs_are_of_two_people_and_follow_from_the_seed() -> None:
    people = ["ann", "ann", "ben", "cleo", "dan", ""]
    clips = [grey(f"clip{number}", 10 * number, 3, person) for number, person in enumerate(people)]
    drawn = draw_pairs(clips, 1, seed=0)
    assert [pair.shown.name for pair in drawn] == [clip.name for clip in clips]
    person = {clip.name: clip.identity or clip.name for clip in clips}
    assert all(person[pair.shown.name] != person[pair.driving] for pair in drawn)
    assert names(draw_pairs(clips, 1, seed=0)) == names(drawn)
    assert any(names(draw_pairs(clips, 1, seed=seed)) != names(drawn) for seed in range(1, 5))
    assert len({pair.sha256 for pair in drawn}) == len(drawn)
    assert len(draw_pairs(clips, 9, seed=0)) == 2 * 4 + 4 * 5


def test_a_pair_lasts_as_long_as_both_its_clips() -> None:
    (pair, _) = draw_pairs([grey("short", 10, 3), grey("long", 100, 7)], 1, seed=0)
    assert pair.shown.name == "short"
    assert [block[0, 0, 0, 0] for block in pair.frames()] == [100, 101, 102]
    (_, pair) = draw_pairs([grey("short", 10, 3), grey("long", 100, 7)], 1, seed=0)
    assert [block[0, 0, 0, 0] for block in pair.frames()] == [10, 11, 12]


def test_clips_of_other_sizes_or_of_one_person_are_refused_in_one_line() -> None:
    with pytest.raises(UsageError, match="clips of two people"):
        draw_pairs([grey("a", 1, 3, "ann"), grey("b", 1, 3, "ann")], 1, seed=0)
    with pytest.raises(UsageError, match="--size"):
        draw_pairs([grey("a", 1, 3), replace(grey("b", 1, 3), width=8)], 1, seed=0)


def test_each_metric_gets_its_own_reference() -> None:
    recipe = Transfer(["absolute"], 1)
    (pair, _) = draw_pairs([grey("ann", 10, 3), grey("ben", 100, 5)], 1, seed=0)
    black = Clip("black", Grey(0, 3, 0), 6, 4, Fraction(25))
    metrics = {"l1": L1(count_first=True), "csim": L1(count_first=True), "fid": L1(count_first=True)}
    (scored,) = score_pictures(pair, [black], metrics, 3, recipe.references(pair), recipe.against)
    assert scored.errors == {}
    by_frame = {name: list(result.frames["l1"]) for name, result in scored.scores.items()}
    assert by_frame == {"l1": [100, 101, 102], "csim": [10, 10, 10], "fid": [10, 11, 12]}


def test_the_source_picture_is_looked_at_once() -> None:
    (pair, _) = draw_pairs([grey("ann", 10, 3), grey("ben", 100, 5)], 1, seed=0)
    blocks = pair.still.frames()
    assert next(blocks) is next(blocks)


def test_a_method_that_cannot_take_part_says_why(mover: None) -> None:
    freeze = Freeze(codec="png", qp=22)
    able = Point("mover", "", {"way": "well"}).build()
    assert "codes pixels" in Transfer(["absolute"], 1).lacks(freeze)
    assert Transfer(["absolute"], 1).lacks(able) == ""
    assert "cannot turn a head" in Frontalization().lacks(able)


@pytest.mark.parametrize("motion", ["sideways", "[]", "[relative,relative]"])
def test_a_wrong_motion_is_refused(motion: str) -> None:
    config = compose_run(["freeze"], "testcard", "transfer", ["l1"], [f"benchmark.motion={motion}"])
    with pytest.raises(UsageError, match=r"benchmark\.motion"):
        build_plan(config, "testcard", "transfer")


def test_presets_are_the_recipe_s_and_the_command_s_come_after() -> None:
    plain = compose_run(["ours", "h264"], "testcard", "transfer", ["l1"])
    assert plain["methods"]["ours"]["point"] == ["k20"]
    assert plain["run"]["count_first"] is True
    told = ["methods.ours.point=[k10,k15]", "run.count_first=false"]
    config = compose_run(["ours", "h264"], "testcard", "transfer", ["l1"], told)
    assert config["methods"]["ours"]["point"] == ["k10", "k15"]
    assert config["run"]["count_first"] is False
    with pytest.raises(UsageError, match="by their own names"):
        compose_run(["h264"], "testcard", "transfer", ["l1"], ["benchmark.presets=[]"])


@pytest.fixture(scope="module")
def finished(bench: Bench, mover_plugin: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished run of `transfer`."""
    out = tmp_path_factory.mktemp("runs") / "transfer"
    done = bench(*TRANSFER, out, PYTHONPATH=str(mover_plugin))
    assert done.returncode == 0, done.stderr
    return out


def test_a_run_of_pairs_leaves_what_the_store_promises(finished: Path) -> None:
    manifest = read_manifest(finished)
    assert manifest["coded"] is False
    pairs = manifest["dataset"]["clips"]
    assert {pair["shown"] for pair in pairs} == {"card0", "card1", "card2"}
    assert all(pair["name"] == f"{pair['shown']}-by-{pair['driving']}" for pair in pairs)
    assert all(pair["shown"] != pair["driving"] and pair["frames"] == 4 for pair in pairs)
    units = read_units(finished)
    points = {(unit["method"], unit["point"]) for unit in units}
    assert points == {("mover", "well-absolute"), ("mover", "well-relative"), ("freeze", "none")}
    assert all(unit["stream"] is None for unit in units)
    assert not list(finished.glob("streams/**/*.tkb"))
    scores = read_scores(finished).set_index("method")
    assert set(scores["benchmark"]) == {"transfer"}
    assert scores.loc["mover"].query("metric == 'l1'")["value"].notna().all()
    assert scores.loc["freeze"]["value"].isna().all()
    assert scores.query("metric == 'bpp_total'")["value"].isna().all()
    assert read_failures(finished) == []
    page = (finished / "report" / "index.html").read_text()
    assert "freeze cannot give a picture the motion of another clip" in page
    assert "nothing is coded here and no bytes are stated" in page
    assert "another process decoded them" not in page


def test_what_is_finished_is_kept_and_what_is_lost_is_made_again(
    bench: Bench, finished: Path, mover_plugin: Path, tmp_path: Path
) -> None:
    run = Path(shutil.copytree(finished, tmp_path / "run"))
    victim = next(unit for unit in read_units(run) if unit["method"] == "mover")
    (run / "units" / f"{victim['key']}.json").unlink()
    done = bench(*TRANSFER, run, PYTHONPATH=str(mover_plugin))
    assert "1 computed, 8 kept" in done.stdout, done.stdout + done.stderr
    again = next(unit for unit in read_units(run) if unit["key"] == victim["key"])
    assert again["decoded_sha256"] == victim["decoded_sha256"]
    assert again["values"] == victim["values"]
    scored = bench("score", run, "--metrics", "psnr", PYTHONPATH=str(mover_plugin))
    assert scored.returncode == 0, scored.stderr
    values = read_scores(run).query("metric == 'psnr' and method == 'mover'")["value"]
    assert len(values) == 6
    assert values.notna().all()
    assert bench("verify", run).stdout.startswith("0 of 0 streams")


def test_one_clip_is_no_pair_and_that_is_said_in_one_line(bench: Bench, tmp_path: Path) -> None:
    done = bench(
        "run", "--benchmark", "transfer", "--methods", "freeze", "--dataset", "testcard", "--clips", "1",
        "--metrics", "l1", "--out", tmp_path / "run",
    )  # fmt: skip
    assert done.returncode == 2
    assert len(done.stderr.splitlines()) == 1
    assert "clips of two people" in done.stderr


def test_motions_agree_where_the_picture_is_the_clip_s_first(mover: None) -> None:
    clip = grey("ann", 10, 5)
    method = Point("mover", "", {"way": "well"}).build()
    own = replace(draw_pairs([clip, grey("ben", 100, 5)], 1, seed=0)[0], source=clip.source)
    absolute, relative = (
        np.concatenate(list(Transfer([motion], 1).make(method, Point("mover", "", {}, motion), own)))
        for motion in ("absolute", "relative")
    )
    assert np.array_equal(absolute, relative)
    assert np.array_equal(first_frame(clip), absolute[0])


def test_what_a_recipe_calls_optional_is_not_applicable_and_no_failure(bench: Bench, tmp_path: Path) -> None:
    command = (
        "run", "--benchmark", "reconstruction", "--methods", "freeze", "--dataset", "testcard",
        "--frames", "3", "--clips", "1", "--size", "32", "--metrics", "psnr,lmd,ms_ssim", "run.workers=1",
        "run.videos=false", "--out", tmp_path / "run",
    )  # fmt: skip
    done = bench(*command, TORCH_HOME=str(tmp_path))
    assert done.returncode == 0, done.stderr
    values = read_scores(tmp_path / "run").set_index("metric")["value"]
    assert values.notna()["psnr"]
    assert values.isna()[["lmd", "ms_ssim"]].all()
    assert read_failures(tmp_path / "run") == []
    assert "lmd is left out" in (tmp_path / "run" / "report" / "index.html").read_text()
    assert "0 computed, 1 kept" in bench(*command, TORCH_HOME=str(tmp_path)).stdout
