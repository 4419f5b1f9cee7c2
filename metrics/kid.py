"""Kernel Inception distance."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..core.errors import MetricError
from ..core.set_metric import FeatureSet, SetValue
from .inception import InceptionMetric


def paired_kernel(first: NDArray[np.float32], second: NDArray[np.float32]) -> NDArray[np.float64]:
    """h(i, j) = k(x_i, x_j) + k(y_i, y_j) - k(x_i, y_j) - k(x_j, y_i), k(x, y) = (x·y / d + 1)^3.

    Args:
        first, second: (n, d) each, a row a picture.

    Returns:
        (n, n), symmetric; the mean of what is off its diagonal estimates MMD² without bias.

    Source: Gretton et al., A kernel two-sample test, JMLR 2012, lemma 6.
    """
    from sklearn.metrics.pairwise import polynomial_kernel

    x, y = first.astype(np.float64), second.astype(np.float64)
    own, other, between = (polynomial_kernel(a, b, degree=3, coef0=1) for a, b in ((x, x), (y, y), (x, y)))
    result: NDArray[np.float64] = own + other - between - between.T
    return result


def _mean_off_diagonal(kernel: NDArray[np.float64]) -> float:
    n = len(kernel)
    return float((kernel.sum() - np.trace(kernel)) / (n * (n - 1)))


def mmd2(kernel: NDArray[np.float64], clips: NDArray[np.int64]) -> SetValue:
    """The estimate of MMD² and its standard error by leaving out one clip after the other.

    Args:
        kernel: from `paired_kernel`, (n, n) with n at least 2.
        clips: (n,), which clip each picture is of.

    Source of the error: Efron and Tibshirani, An Introduction to the Bootstrap, 1993, ch. 11.
    """
    value = _mean_off_diagonal(kernel)
    names = np.unique(clips)
    left = [clips != name for name in names]
    if len(names) < 2 or min(kept.sum() for kept in left) < 2:
        return SetValue(value)
    without = np.array([_mean_off_diagonal(kernel[np.ix_(kept, kept)]) for kept in left])
    spread = np.square(without - without.mean()).sum()
    return SetValue(value, float(np.sqrt(spread * (len(names) - 1) / len(names))))


class Kid(InceptionMetric):
    """Kernel Inception distance of all decoded pictures to all original ones (0: identical sets).

    Squared maximum mean discrepancy under the kernel (x·y / 2048 + 1)^3 of the features that fid takes, of
    the same frames; frame 0 left out unless run.count_first is set. Estimated from all pairs of different
    pictures at once: without bias by their number N (so it may fall below 0), and nothing is drawn, so there
    is no seed. A decoded picture and its own original never meet, since they are no
    independent pair; estimators that let them meet (torch-fidelity, torchmetrics) come out lower here. The
    standard error is a jackknife over clips. Still compared at equal clips and frames only.
    Source: Bińkowski et al., ICLR 2018; the estimator is Gretton et al., JMLR 2012, lemma 6.
    """

    name = "kid"
    direction = "lower"
    unit = ""
    source = "Bińkowski et al., Demystifying MMD GANs, ICLR 2018"

    def settings(self) -> Mapping[str, Any]:
        return {
            **super().settings(),
            "kernel": "poly3",
            "estimator": "u-statistic",
            "error": "jackknife-clips",
        }

    def compare(self, reference: FeatureSet, decoded: FeatureSet) -> Mapping[str, SetValue]:
        lengths = [len(clip) for clip in decoded.clips]
        if lengths != [len(clip) for clip in reference.clips] or sum(lengths) < 2:
            raise MetricError(
                f"kid needs two sets of as many pictures, at least 2: {len(decoded)} decoded and "
                f"{len(reference)} original found; score the same frames of both, and more of them"
            )
        clips = np.repeat(np.arange(len(lengths)), lengths)
        return {self.name: mmd2(paired_kernel(reference.pictures, decoded.pictures), clips)}
