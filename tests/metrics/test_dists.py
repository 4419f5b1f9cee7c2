"""dists: piq called in the usual way on the same frames, its resizing, a frozen number, missing weights."""

from __future__ import annotations

import numpy as np
import pytest
from talkbench.core.errors import AssetError, MetricError
from talkbench.metrics import dists

pytestmark = pytest.mark.network


@pytest.fixture(autouse=True)
def _weights(fetch_weights):
    fetch_weights("dists")


def by_piq(reference: np.ndarray, decoded: np.ndarray) -> np.ndarray:
    """The module's own forward pass, which takes pictures on [0, 1]."""
    import torch

    pictures = [
        torch.from_numpy(np.ascontiguousarray(clip)).permute(0, 3, 1, 2).float() / 255
        for clip in (decoded, reference)
    ]
    with torch.inference_mode():
        return dists.model()(*pictures).numpy()


def test_dists_agrees_with_piq(metric, score, pair, frozen):
    reference, decoded = (clip[-2:] for clip in pair)
    scores = score(metric("dists", count_first=True), reference, decoded, blocks=(1,))
    assert scores.frames["dists"] == pytest.approx(by_piq(reference, decoded), abs=1e-6)
    frozen("dists", scores.values["dists"], 1e-5)


def test_identical_pictures_are_at_no_distance(metric, score, pair):
    frames = pair[0][:2]
    scores = score(metric("dists"), frames, frames)
    assert len(scores.frames["dists"]) == 2
    assert scores.values["dists"] == pytest.approx(0, abs=1e-5)


def test_texture_that_is_only_moved_costs_less_than_texture_that_is_lost(metric, score):
    rng = np.random.default_rng(0)
    grain = rng.integers(0, 256, (1, 96, 96, 3), dtype=np.uint8)
    flat = np.full_like(grain, grain.mean().round())
    dists_of = [
        score(metric("dists", count_first=True), grain, other).values["dists"]
        for other in (np.roll(grain, 5, axis=2), flat)
    ]
    assert dists_of[0] < 0.5 * dists_of[1]


def test_larger_pictures_are_resized_to_256(metric, score, pair):
    reference, decoded = (np.kron(clip[-1:], np.ones((1, 2, 2, 1), np.uint8)) for clip in pair)
    value = score(metric("dists", count_first=True), reference, decoded).values["dists"]
    assert value == pytest.approx(by_piq(reference, decoded)[0], abs=1e-6)
    features = metric("dists").prepare(reference)[0]
    assert tuple(features[0].shape) == (1, 3, 256, 279)


def test_small_pictures_are_refused(metric, score, pair):
    with pytest.raises(MetricError, match="at least 16 pixels, this clip is 192x15"):
        score(metric("dists"), *(clip[:, :15] for clip in pair))


def test_missing_weights_are_named_with_the_remedy(metric, score, pair, monkeypatch):
    def missing(asset):
        raise AssetError(f"{asset.name} is missing")

    monkeypatch.setattr(dists, "locate", missing)
    dists.model.cache_clear()
    with pytest.raises(AssetError, match=r"dists_weights\.pt is missing"):
        score(metric("dists"), *pair)
