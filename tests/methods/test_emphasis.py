"""Expressions that the sender enlarges: what is learnt of them, and what becomes of a frame's numbers."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from talkbench.core.errors import UsageError
from talkbench.core.motion_statistics import MotionStatistics, emphasised
from talkbench.methods.face_vid2vid.training.face_vid2vid import FaceVid2VidTraining
from talkbench.methods.training.emphasis import learn_emphasis
from talkbench.methods.training.settings import Emphasis, read_settings

HEAD, NUMBERS = 2, 12


@pytest.fixture
def acting() -> SimpleNamespace:
    """A codec whose numbers mix eyes, mouth and three things else, and clips of which it reads them."""
    dice = np.random.default_rng(0)
    mixing = np.linalg.qr(dice.normal(size=(NUMBERS, NUMBERS)))[0][:, :5]
    clips, tracks = [], {}
    for number in range(6):
        factors = dice.normal(size=(100, 5))
        faces = 3 + dice.normal(size=NUMBERS) + factors @ mixing.T
        tracks[number] = np.hstack([dice.normal(size=(100, HEAD)), faces]).astype(np.float32)
        frames = np.full((100, 1, 1, 3), number, np.uint8)
        clips.append(
            SimpleNamespace(frames=frames, valid=np.arange(100), eyes=factors[:, 0], mouth=factors[:, 1])
        )

    def track(blocks: Any) -> Any:
        for block in blocks:
            yield tracks[int(block[0, 0, 0, 0])]

    return SimpleNamespace(codec=SimpleNamespace(head=HEAD, track=track), clips=clips, mixing=mixing)


def test_lids_and_lips_move_further_and_nothing_else(acting: Any) -> None:
    matrix = learn_emphasis(acting.codec, acting.clips, Emphasis(eyes=1.5, mouth=2.0))
    assert (matrix.shape, matrix.dtype) == ((HEAD + NUMBERS,) * 2, np.float32)
    for factor, further in zip(np.eye(5), (1.5, 2, 1, 1, 1), strict=True):
        moved = np.concatenate([np.zeros(HEAD), acting.mixing @ factor])
        found = emphasised(moved[None].astype(np.float32), np.zeros((1, HEAD + NUMBERS), np.float32), matrix)
        np.testing.assert_allclose(found[0], further * moved, atol=0.08)
    posed = np.eye(HEAD + NUMBERS, dtype=np.float32)[:HEAD]
    assert np.array_equal(posed @ matrix.T, posed)


def test_without_emphasis_there_is_no_matrix(acting: Any) -> None:
    assert learn_emphasis(acting.codec, acting.clips, Emphasis()).shape == (0, 0)


@pytest.mark.parametrize("factor", [0, -1, 5])
def test_a_factor_out_of_range_is_refused(factor: float) -> None:
    with pytest.raises(UsageError, match=r"emphasis\.mouth=.* is out of range"):
        read_settings(FaceVid2VidTraining(), [f"emphasis.mouth={factor}"])


@pytest.mark.parametrize("point", ["k20", "k10", "adaptive", "predictive"])
def test_the_sender_enlarges_what_differs_from_the_source(
    point: str, make_method: Any, networks: Any, testcard: Any, whole: Any, tmp_path: Any
) -> None:
    files = networks["ours"]
    matrix = np.eye(66, dtype=np.float32)
    matrix[6:, 6:] *= 3
    emphatic = replace(MotionStatistics.load(Path(files["statistics"])), emphasis=matrix).save(tmp_path)
    plain = make_method("ours", point=point, **files)
    method = make_method("ours", point=point, weights=files["weights"], statistics=str(emphatic))
    frames = whole(testcard.frames())
    source, later = frames[0], frames[1:]

    def sent(by: Any) -> Any:
        return np.concatenate(list(by.estimate(source, iter([later]))))[:, -(6 + 3 * by.keypoints) :]

    own = next(plain.track(iter([source[None]])))
    before, after = sent(plain), sent(method)
    np.testing.assert_allclose(after[:, :6], before[:, :6], atol=1e-5)
    np.testing.assert_allclose(after[:, 6:] - own[:, 6:], 3 * (before[:, 6:] - own[:, 6:]), atol=1e-5)
    assert method.describe()["emphasis"] != plain.describe()["emphasis"]
    stream = method.encode(testcard)
    assert len(whole(plain.decode(stream))) == 12  # receivers need not know
