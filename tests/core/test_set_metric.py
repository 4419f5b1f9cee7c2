"""The sample of frames that stands for a clip, the scorer that takes it, and the features' files."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from talkbench.core.errors import MetricError, StoreError, UsageError
from talkbench.core.feature_store import (
    SetScore,
    features_path,
    has_features,
    read_features,
    read_sets,
    write_features,
    write_sets,
)
from talkbench.core.metric import Shape
from talkbench.core.set_metric import FeatureSet, SetMetric, SetValue, sampled_frames


class Means(SetMetric):
    """Distance of mean colours. Source: none."""

    name = "means"
    extractor = "colour"
    direction = "lower"
    unit = ""
    source = "none"

    def extraction(self):
        return {"space": "rgb"}

    def features(self, pictures):
        return pictures.mean((1, 2))

    def compare(self, reference, decoded):
        return {"means": SetValue(float(np.abs(reference.pictures.mean() - decoded.pictures.mean())))}


@pytest.mark.parametrize(
    ("frames", "most", "count_first", "expected"),
    [
        (9, 4, False, [2, 4, 6, 8]),
        (9, 4, True, [1, 3, 5, 7]),
        (9, 1, False, [5]),
        (5, 16, False, [1, 2, 3, 4]),
        (5, 16, True, [0, 1, 2, 3, 4]),
        (2, 3, False, [1]),
    ],
)
def test_the_sample_is_the_middles_of_equal_stretches(frames, most, count_first, expected):
    assert list(sampled_frames(frames, most, count_first)) == expected


@pytest.mark.parametrize("most", [1, 3, 16, 50])
def test_the_sample_holds_each_frame_once_and_is_spread_evenly(most):
    for frames in range(2, 120, 7):
        taken = sampled_frames(frames, most, False)
        assert len(taken) == min(most, frames - 1)
        assert 1 <= taken.min() <= taken.max() < frames
        steps = np.diff(taken)
        assert not len(steps) or 1 <= steps.min() <= steps.max() <= steps.min() + 1


def test_one_frame_has_no_sample_unless_frame_0_counts():
    with pytest.raises(MetricError, match=r"1 frames were scored .* run\.count_first"):
        sampled_frames(1, 4, False)
    assert list(sampled_frames(1, 4, True)) == [0]


@pytest.mark.parametrize("blocks", [[9], [1] * 9, [4, 5]])
def test_the_scorer_takes_the_sample_whatever_the_blocks(blocks):
    frames = np.random.default_rng(0).integers(0, 256, (9, 6, 8, 3), dtype=np.uint8)
    scorer = Means(frames_per_clip=4).start(Shape(8, 6, Fraction(25), 9))
    at = 0
    for length in blocks:
        scorer.update(frames[at : at + length], frames[at : at + length])
        at += length
    scores = scorer.finish()
    assert scores.values == scores.frames == {}
    assert scores.features.dtype == np.float32
    assert scores.features == pytest.approx(frames[[2, 4, 6, 8]].mean((1, 2)), rel=1e-6)


def test_the_number_of_frames_must_be_known_and_true():
    with pytest.raises(MetricError, match="whose number was not given"):
        Means().start(Shape(8, 6, Fraction(25)))
    scorer = Means().start(Shape(8, 6, Fraction(25), 9))
    frames = np.zeros((5, 6, 8, 3), np.uint8)
    scorer.update(frames, frames)
    with pytest.raises(MetricError, match="5 frames were scored, 9 expected"):
        scorer.finish()
    with pytest.raises(MetricError, match="decoded frames are"):
        scorer.update(frames, frames[:, :4])


@pytest.mark.parametrize("wrong", [0, -1, 2.5, True, "many"])
def test_a_sample_of_no_whole_number_is_refused(wrong):
    with pytest.raises(UsageError, match=r"metrics\.means\.frames_per_clip=.* give a whole number"):
        Means(frames_per_clip=wrong)


def test_the_space_and_the_signature_tell_what_was_compared():
    assert Means().space == Means().space != Means(frames_per_clip=4).space != Means(count_first=True).space
    assert Means().space.startswith("colour-")
    text = Means().set_signature(80, 5, "abc")
    assert text.startswith("means|space:rgb|sample:middles-16|frame0:left-out|n:80|clips:5|set:abc|version:")


def test_a_set_joins_its_clips_in_order():
    joined = FeatureSet([np.zeros((2, 3), np.float32), np.ones((1, 3), np.float32)])
    assert len(joined) == 3
    assert list(joined.pictures[:, 0]) == [0, 0, 1]


def test_features_come_back_as_they_were_written_or_not_at_all(tmp_path: Path):
    features = np.random.default_rng(0).normal(size=(4, 7)).astype(np.float32)
    write_features(tmp_path, "space", "key", features)
    assert (read_features(tmp_path, "space", "key") == features).all()
    path = features_path(tmp_path, "space", "key")
    whole = path.read_bytes()
    for spoilt in (whole[:60], b"", whole[:-40], b"PK" + bytes(100)):
        path.write_bytes(spoilt)
        assert not has_features(tmp_path, "space", "key")
        with pytest.raises(StoreError, match="is damaged"):
            read_features(tmp_path, "space", "key")
    np.savez(path, schema=np.int64(1), features=np.array([None, 1], object))
    assert not has_features(tmp_path, "space", "key")  # nothing is unpickled


def test_sets_come_back_as_they_were_written_or_are_refused(tmp_path: Path):
    assert read_sets(tmp_path) == []
    score = SetScore(
        "h264", "crf23", "fid", 1.5, None, 80, ("a", "b"), "", "", "abc", "", "lower", "fid|…", "d"
    )
    write_sets(tmp_path, [score])
    assert read_sets(tmp_path) == [score]
    (tmp_path / "sets.json").write_text('{"schema": 1, "sets": [{"method": "h264"}]}')
    with pytest.raises(StoreError, match="is damaged"):
        read_sets(tmp_path)
