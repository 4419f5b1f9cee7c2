"""fid and kid: closed forms, pytorch-fid and scikit-learn on the same numbers, frozen numbers, bad input."""

from __future__ import annotations

import warnings
import zipfile
from fractions import Fraction

import numpy as np
import pytest
from talkbench.core.assets import path
from talkbench.core.errors import AssetError, MetricError
from talkbench.core.metric import Shape
from talkbench.core.set_metric import FeatureSet
from talkbench.metrics import inception
from talkbench.metrics.fid import frechet_distance
from talkbench.metrics.kid import mmd2, paired_kernel


def gaussian(mean, covariance, count=60, seed=0) -> np.ndarray:
    """A sample, (count, d), whose own mean and covariance are exactly these."""
    mean, covariance = np.asarray(mean, float), np.asarray(covariance, float)
    drawn = np.random.default_rng(seed).normal(size=(count, len(mean)))
    drawn -= drawn.mean(0)
    white = drawn @ np.linalg.inv(np.linalg.cholesky(np.cov(drawn, rowvar=False))).T
    return white @ np.linalg.cholesky(covariance).T + mean


def by_pytorch_fid(first: np.ndarray, second: np.ndarray) -> float:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # scipy's, on the way in which its root is asked for
        from pytorch_fid.fid_score import calculate_frechet_distance

        moments = [part for side in (first, second) for part in (side.mean(0), np.cov(side, rowvar=False))]
        return float(calculate_frechet_distance(*moments))


def sets(first: np.ndarray, second: np.ndarray, clips: int = 2) -> tuple[FeatureSet, FeatureSet]:
    return tuple(FeatureSet(np.array_split(side.astype(np.float32), clips)) for side in (first, second))  # type: ignore[return-value]


@pytest.fixture(scope="module")
def inception_weights(fetch_weights) -> None:
    fetch_weights("fid")


@pytest.mark.parametrize("shape", [(40, 2048), (200, 16)])
def test_a_set_is_at_no_distance_from_itself(metric, shape):
    features = np.random.default_rng(1).gamma(0.3, size=shape)
    assert frechet_distance(features, features) == pytest.approx(0, abs=1e-9)
    assert metric("fid").compare(*sets(features, features))["fid"].value == pytest.approx(0, abs=1e-6)
    kid = metric("kid").compare(*sets(features, features))["kid"]
    assert (kid.value, kid.standard_error) == (0, 0)


def test_gaussians_of_axes_have_the_closed_form():
    first, second = gaussian([0, 1, 2], np.diag([1, 4, 9])), gaussian([2, 1, 0], np.diag([4, 4, 1]), seed=5)
    assert frechet_distance(first, second) == pytest.approx(8 + (1 + 0 + 4))


def test_gaussians_that_do_not_commute_have_the_closed_form():
    one, other = np.array([[2, 0.8], [0.8, 1]]), np.array([[1, -0.5], [-0.5, 3]])
    product = one @ other  # the root's trace of a 2x2 matrix, by Cayley and Hamilton
    root = np.sqrt(np.trace(product) + 2 * np.sqrt(np.linalg.det(product)))
    expected = 5 + np.trace(one) + np.trace(other) - 2 * root
    found = frechet_distance(gaussian([0, 0], one), gaussian([1, 2], other, seed=3))
    assert found == pytest.approx(expected)


@pytest.mark.parametrize(("count", "width", "tolerance"), [(300, 24, 1e-8), (300, 200, 1e-6), (12, 64, 1e-4)])
def test_frechet_distance_agrees_with_pytorch_fid(count, width, tolerance):
    rng = np.random.default_rng(2)
    first = rng.gamma(0.5, size=(count, width)) @ rng.normal(size=(width, width)) / width**0.5
    second = first + 0.3 * rng.normal(size=(count, width)) + 0.1
    assert frechet_distance(first, second) == pytest.approx(by_pytorch_fid(first, second), abs=tolerance)


def test_kid_is_the_mean_of_its_kernel_over_different_pictures():
    rng = np.random.default_rng(3)
    x, y = (rng.gamma(0.5, size=(9, 32)).astype(np.float32) for _ in range(2))
    own, other, between = (
        (a.astype(float) @ b.astype(float).T / 32 + 1) ** 3 for a, b in ((x, x), (y, y), (x, y))
    )
    off = ~np.eye(9, dtype=bool)
    expected = own[off].mean() + other[off].mean() - 2 * between[off].mean()
    found = mmd2(paired_kernel(x, y), np.zeros(9, np.int64))
    assert found.value == pytest.approx(expected, rel=1e-6)
    assert found.standard_error is None  # one clip says nothing of others


def test_kid_is_unbiased_by_the_number_of_pictures(metric):
    rng = np.random.default_rng(4)
    for count in (4, 16):
        drawn = [
            metric("kid")
            .compare(*sets(rng.normal(size=(count, 8)), rng.normal(size=(count, 8))))["kid"]
            .value
            for _ in range(600)
        ]
        assert abs(np.mean(drawn)) < 3 * np.std(drawn) / len(drawn) ** 0.5
        assert min(drawn) < 0


def test_kids_standard_error_leaves_out_one_clip_after_the_other(metric):
    rng = np.random.default_rng(5)
    x, y = rng.normal(size=(12, 8)), rng.normal(0.3, 1, size=(12, 8))
    kid = metric("kid")
    without = []
    for clip in range(3):
        kept = [k for k in range(12) if k // 4 != clip]
        without.append(kid.compare(*sets(x[kept], y[kept]))["kid"].value)
    found = kid.compare(*sets(x, y, clips=3))["kid"]
    assert found.standard_error == pytest.approx(np.std(without) * 2**0.5, rel=1e-4)


def test_too_few_pictures_or_unlike_sets_are_refused(metric):
    one, many = np.ones((1, 4)), np.random.default_rng(0).normal(size=(6, 4))
    with pytest.raises(MetricError, match="fid needs at least 2 pictures a set, 1 decoded and 1 original"):
        metric("fid").compare(*sets(one, one, clips=1))
    with pytest.raises(MetricError, match="kid needs two sets of as many pictures, at least 2: 1 decoded"):
        metric("kid").compare(*sets(one, one, clips=1))
    with pytest.raises(MetricError, match="4 decoded and 6 original found"):
        metric("kid").compare(*sets(many, many[:4]))
    assert metric("fid").compare(*sets(many, many[:4]))["fid"].value > 0


def test_few_pictures_carry_a_caution(metric):
    assert "below 2048" in metric("fid").caution(2047)
    assert metric("fid").caution(2048) == metric("kid").caution(10) == ""


def test_fid_and_kid_share_their_features_and_say_what_they_are(metric):
    fid, kid = metric("fid"), metric("kid")
    assert fid.space == kid.space
    assert metric("kid", frames_per_clip=8).space != kid.space != metric("kid", count_first=True).space
    for field in ("sample:middles-16", "frame0:left-out", f"weights:{inception.TENSORS[:12]}"):
        assert f"|{field}|" in fid.signature


def test_missing_weights_are_named_with_the_remedy(metric, monkeypatch, tmp_path, pair):
    monkeypatch.setenv("TALKBENCH_CACHE", str(tmp_path))
    inception.network.cache_clear()
    with pytest.raises(AssetError, match=r"fid_inception.*is missing; run `bench assets fetch fid_inception"):
        metric("fid").features(pair[0])


@pytest.mark.parametrize("spoil", ["text", "few", "sizes", "numbers"])
def test_another_file_in_its_place_is_refused(monkeypatch, tmp_path, spoil):
    monkeypatch.setenv("TALKBENCH_CACHE", str(tmp_path))
    file = path(inception.INCEPTION)
    file.parent.mkdir(parents=True)
    file.write_text("no archive")
    if spoil != "text":
        with zipfile.ZipFile(file, "w") as archive:
            for index in range(376 if spoil == "sizes" else 8):
                archive.writestr(f"out_jit_module/data/{index}", bytes(8))
    monkeypatch.setattr(inception, "locate", lambda asset: file)
    if spoil == "numbers":  # of the right shapes, but not the declared ones
        monkeypatch.setattr(inception, "_state", lambda file: {})
    expected = {
        "text": "holds no weights of FID's Inception .File is not a zip file",
        "few": "8 tensors found, 376 expected",
        "sizes": r"Conv2d_1a_3x3.conv.weight has 2 numbers, expected 864",
        "numbers": r"its tensors hash to \w{64}, expected faa37c74cec4",
    }
    with pytest.raises(AssetError, match=expected[spoil]):
        inception._load()


@pytest.mark.network
@pytest.mark.slow
@pytest.mark.usefixtures("inception_weights")
def test_features_and_distances_are_the_frozen_ones(metric, pair, frozen):
    features = [metric("fid").features(frames) for frames in pair]
    assert features[0].shape == (6, 2048)
    assert features[0].dtype == np.float32
    single = np.concatenate([metric("fid").features(pair[0][at : at + 1]) for at in range(6)])
    assert single == pytest.approx(features[0], abs=1e-4)
    frozen("fid", metric("fid").compare(*sets(*features))["fid"].value, 1e-3)
    kid = metric("kid").compare(*sets(*features))["kid"]
    frozen("kid", kid.value, 1e-5)
    frozen("kid_error", kid.standard_error, 1e-5)


@pytest.mark.network
@pytest.mark.slow
@pytest.mark.usefixtures("inception_weights")
def test_fid_is_that_of_pytorch_fids_command_on_the_same_pictures(metric, pair, tmp_path, monkeypatch):
    from PIL import Image

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from pytorch_fid import fid_score
        from pytorch_fid import inception as theirs

    state = inception._state(path(inception.INCEPTION))
    monkeypatch.setattr(theirs, "load_state_dict_from_url", lambda *args, **kwargs: state)
    blocks = []
    for name, frames in zip(("original", "decoded"), pair, strict=True):
        (tmp_path / name).mkdir()
        for number, frame in enumerate(frames[1:]):
            Image.fromarray(frame).save(tmp_path / name / f"{number}.png")
        scorer = metric("fid").start(Shape(192, 176, Fraction(25), 6))
        for at in (0, 4):
            scorer.update(frames[at : at + 4], frames[at : at + 4])
        blocks.append(scorer.finish().features)
    folders = [str(tmp_path / name) for name in ("original", "decoded")]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        expected = fid_score.calculate_fid_given_paths(folders, 5, "cpu", 2048, num_workers=0)
    found = metric("fid").compare(*(FeatureSet([block]) for block in blocks))["fid"].value
    assert found == pytest.approx(expected, abs=1e-3)
