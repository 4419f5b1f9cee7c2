"""Multi-scale structural similarity."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..core.metric import check_sides
from ..core.video import Frames
from .ssim import Moments, Plane, Ssim, centred, contrast_structure, luminance, moments

WEIGHTS = (0.0448, 0.2856, 0.3001, 0.2363, 0.1333)


def _halved(plane: Plane) -> Plane:
    """Means of 2x2 pixels, (H, W * 3) to (ceil(H / 2), ceil(W / 2) * 3); an odd edge is repeated."""
    picture = plane.reshape(len(plane), -1, 3)
    odd = len(picture) % 2, picture.shape[1] % 2
    if any(odd):
        picture = np.pad(picture, ((0, odd[0]), (0, odd[1]), (0, 0)), mode="edge")
    pairs = (picture[0::2] + picture[1::2]).reshape(len(picture) // 2, -1, 2, 3)
    half = np.empty((len(pairs), pairs.shape[1], 3), np.float32)
    for channel in range(3):  # long strided loops: over three adjacent channels numpy crawls
        np.add(pairs[:, :, 0, channel], pairs[:, :, 1, channel], out=half[:, :, channel])
    half *= np.float32(0.25)
    return half.reshape(len(half), -1)


def _channels(similarity: Plane) -> NDArray[np.float64]:
    """Mean of a map for each channel, (3,)."""
    columns = similarity.sum(axis=0, dtype=np.float64)
    mean: NDArray[np.float64] = columns.reshape(-1, 3).sum(axis=0) * 3 / similarity.size
    return mean


class MsSsim(Ssim):
    """Multi-scale structural similarity of RGB (1: identical).

    Wang, Simoncelli and Bovik: ssim's windows and constants at five scales, each half the one before
    (mean of 2x2 pixels), weights 0.0448, 0.2856, 0.3001, 0.2363, 0.1333; contrast and structure at every
    scale, luminance at the last. For each channel of 8-bit RGB the means over positions are multiplied,
    a negative one counting as 0; then the channels are averaged. A clip's value is the mean over its
    frames, frame 0 left out unless run.count_first is set. The smallest scale must hold one 11x11
    window: pictures with a side below 161 pixels are refused.
    Source: Wang, Simoncelli and Bovik, Asilomar 2003.
    """

    name = "ms_ssim"
    source = "Wang, Simoncelli and Bovik, Asilomar 2003"
    smallest = 161

    def settings(self) -> Mapping[str, Any]:
        return {**super().settings(), "downsampling": "mean2x2", "weights": ",".join(map(str, WEIGHTS))}

    def prepare(self, reference: Frames) -> list[list[Moments]]:
        check_sides(self.name, reference.shape[2], reference.shape[1], self.smallest)
        return [self._scales(centred(frame)) for frame in reference]

    @staticmethod
    def _scales(plane: Plane) -> list[Moments]:
        scales = [moments(plane)]
        for _ in WEIGHTS[1:]:
            scales.append(moments(_halved(scales[-1].pixels)))
        return scales

    def frame(self, x: list[Moments], decoded: NDArray[np.uint8]) -> float:
        error, product = centred(decoded) - x[0].pixels, np.ones(3)
        for scale, (at, weight) in enumerate(zip(x, WEIGHTS, strict=True)):
            if scale:
                error = _halved(error)
            similarity, mean = contrast_structure(at, error)
            if at is x[-1]:
                similarity *= luminance(at.mean, mean)
            product *= np.maximum(_channels(similarity), 0) ** weight
        return float(product.mean())
