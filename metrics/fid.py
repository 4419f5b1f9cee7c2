"""Fréchet Inception distance."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..core.errors import MetricError
from ..core.set_metric import FeatureSet, SetValue
from .inception import WIDTH, InceptionMetric

FLOAT = NDArray[np.float64]


def _moments(features: FLOAT) -> tuple[FLOAT, FLOAT]:
    """Mean (d,) and an upper triangle R (m, d), m at most d, with R'R the sample covariance."""
    mean: FLOAT = features.mean(0)
    centred = (features - mean) / np.sqrt(len(features) - 1)
    return mean, np.asarray(np.linalg.qr(centred, mode="r"))


def frechet_distance(first: FLOAT, second: FLOAT) -> float:
    """Squared Fréchet (2-Wasserstein) distance of the Gaussians with the moments of two samples.

    |m1 - m2|^2 + tr(C1 + C2 - 2 (C1 C2)^(1/2)). With C1 = R'R and C2 = S'S, the trace of the root is the sum
    of the singular values of R S', which are as many as the smaller sample has pictures: exact for
    covariances that have not full rank, where the root of a matrix loses digits, and much faster.

    Args:
        first, second: (n, d) and (m, d), a row a picture; n and m at least 2.

    Source: Dowson and Landau, The Fréchet distance between multivariate normal distributions, 1982.
    """
    (mean, one), (other_mean, other) = _moments(first), _moments(second)
    root = np.linalg.svd(one @ other.T, compute_uv=False).sum()
    gap = mean - other_mean
    return float(gap @ gap + np.square(one).sum() + np.square(other).sum() - 2 * root)


class Fid(InceptionMetric):
    """Fréchet Inception distance of all decoded pictures to all original ones (0: identical sets).

    The distance of two Gaussians, fitted to 2048 features of the Inception network of 2015-12-05, by
    pytorch-fid's own network and preparation (8-bit RGB, resized bilinearly to 299x299 without smoothing,
    mapped to [-1, 1]). Pictures: up to 16 frames of each clip (frames_per_clip), in the middles of equal
    stretches; frame 0 left out unless run.count_first is set. A point has one value of all its clips, never
    one of a clip, and no interval: resampled clips repeat pictures, which moves the distance itself. It is
    biased by the number N of pictures: comparable at equal N, clips and frames only. Below N = 2048 the
    covariance has not full rank: such values order methods, and are no match for published ones. Equal to
    pytorch-fid's command on the same pictures within 1e-3; the root's trace is a sum of singular values.
    Source: Heusel et al., NeurIPS 2017; pytorch-fid 0.3.0; Dowson and Landau, 1982.
    """

    name = "fid"
    direction = "lower"
    unit = ""
    source = "Heusel et al., GANs trained by a two time-scale update rule, NeurIPS 2017; pytorch-fid"

    def caution(self, pictures: int) -> str:
        if pictures >= WIDTH:
            return ""
        return (
            f"N is below {WIDTH}, so that the covariance has not full rank: the values order these methods "
            "and are no match for published ones; kid has no such bias"
        )

    def settings(self) -> Mapping[str, Any]:
        return {**super().settings(), "root": "singular-values"}

    def compare(self, reference: FeatureSet, decoded: FeatureSet) -> Mapping[str, SetValue]:
        if min(len(reference), len(decoded)) < 2:
            raise MetricError(
                f"fid needs at least 2 pictures a set, {len(decoded)} decoded and {len(reference)} original "
                "found; score more frames or clips"
            )
        sets = (side.pictures.astype(np.float64) for side in (reference, decoded))
        return {self.name: SetValue(frechet_distance(*sets))}
