"""Scoring without the background: where the face is, and that nothing else counts."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from talkbench.benchmarks import background
from talkbench.benchmarks.background import BLACK, KEPT, as_scored, face_regions
from talkbench.benchmarks.plan import build_metrics, compose_run, needed_assets
from talkbench.core.errors import UsageError, VideoError
from talkbench.core.shared_assets import FACE_LANDMARKER
from talkbench.core.store import read_units
from talkbench.core.video import Clip, Frame, Frames, block_length
from talkbench.datasets.testcard import read_number

Bench = Callable[..., "subprocess.CompletedProcess[str]"]
ON: dict[str, Any] = {"run": {"background": BLACK}}
SQUARE = np.array([(8, 16), (23, 16), (23, 47), (8, 47), (15, 30)], np.float32)
"""Points around columns 8 to 23 and rows 16 to 47, and one within."""


@pytest.fixture
def finds(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Puts a detector that reads a test card's number, and finds no face where it is told."""

    def put(*blind: int) -> None:
        class Landmarks(SimpleNamespace):
            def __enter__(self) -> Landmarks:
                return self

            def __exit__(self, *_: object) -> None:
                pass

            def __call__(self, frame: Frame) -> Any:
                number = read_number(frame)
                return None if number in blind else SQUARE + np.array([number, 0])

        monkeypatch.setattr(background, "FaceLandmarks", Landmarks)

    return put


def whole(clip: Clip) -> Frames:
    return np.concatenate(list(clip.frames()))


def test_only_the_face_is_left_in_any_clip(
    finds: Callable[..., None], make_testcard: Callable[..., Clip]
) -> None:
    finds()
    frames = block_length(512, 512) + 3
    clip, other = (make_testcard(size=512, frames=frames, seed=seed) for seed in (0, 1))
    shown = as_scored(ON, clip)
    for each in (clip, other):
        before, after = whole(each), whole(shown(each))
        assert [len(block) for block in shown(each).frames()] == [len(block) for block in each.frames()]
        for k in range(frames):
            inside = np.zeros((512, 512, 1), np.uint8)
            inside[16:48, 8 + k : 24 + k] = 1
            np.testing.assert_array_equal(after[k], before[k] * inside)
    assert shown(clip).sha256 not in (clip.sha256, shown(other).sha256)
    assert as_scored({"run": {"background": KEPT}}, clip)(other) is other
    assert as_scored({"run": {}}, clip)(other) is other


def test_a_frame_without_a_face_has_the_nearest_ones(finds: Callable[..., None], testcard: Clip) -> None:
    finds(0, 1, 6, 7, 11)
    found = face_regions(testcard).of(0, whole(testcard))[..., 0]
    left = [int(np.flatnonzero(region.any(0))[0]) - 8 for region in found]
    assert left == [2, 2, 2, 3, 4, 5, 5, 8, 8, 9, 10, 10]


def test_nobody_at_all_is_refused(finds: Callable[..., None], testcard: Clip) -> None:
    finds(*range(12))
    with pytest.raises(VideoError, match=r"no face is found in its 12 frames.*run\.background=kept"):
        face_regions(testcard)


def test_signatures_and_features_of_sets_say_so() -> None:
    def built(*overrides: str) -> dict[str, Any]:
        return build_metrics(
            compose_run(["raw"], "testcard", "compression", ["psnr", "fid", "bpp"], overrides)
        )

    plain, black = built(), built("run.background=black")
    assert "background" not in plain["psnr"].signature
    for name in ("psnr", "fid"):
        assert "background:black,outside-convex-hull-of-face" in black[name].signature
        assert FACE_LANDMARKER.sha256[:12] in black[name].signature
    assert plain["fid"].space != black["fid"].space
    assert plain["bpp"].signature == black["bpp"].signature
    config = compose_run(["raw"], "testcard", "compression", ["psnr"], ["run.background=black"])
    assert FACE_LANDMARKER in needed_assets(config, "testcard")


@pytest.mark.parametrize(
    ("benchmark", "value", "message"),
    [
        ("compression", "green", r"run\.background=green found; give kept or black"),
        ("transfer", "black", "show other people or poses; use it with compression"),
    ],
)
def test_what_cannot_be_scored_so_is_refused(benchmark: str, value: str, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        compose_run(["ours"], "testcard", benchmark, ["psnr"], [f"run.background={value}"])


@pytest.mark.network
def test_a_background_that_changes_costs_nothing(
    bench: Bench, face: Frame, write_video: Callable[..., Path], tmp_path: Path
) -> None:
    dice = np.random.default_rng(0)
    frames = np.stack([face] * 4)
    frames[:, :24] = dice.integers(0, 256, (4, 24, 256, 3))  # above the head
    frames[:, :, :24] = dice.integers(0, 256, (4, 256, 24, 3))
    (tmp_path / "clips").mkdir()
    write_video(tmp_path / "clips" / "changing.mkv", frames=frames)
    psnr = {}
    for value in (KEPT, BLACK):
        done = bench(
            "run", "--methods", "freeze", "--dataset", "folder", f"data.root={tmp_path / 'clips'}",
            "--size", "256", "--metrics", "psnr", f"run.background={value}",
            "run.workers=1", "--out", tmp_path / "run",
        )  # fmt: skip
        assert (done.returncode, done.stderr) == (0, "")
        (unit,) = read_units(tmp_path / "run")
        psnr[value] = unit["values"]["psnr"]["value"]
    assert psnr[KEPT] < 20
    assert 35 < psnr[BLACK] < 60  # the frozen face has been coded
