"""How a codec's numbers move lids and lips, and what makes them move further."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from ..neural_codec import NeuralCodec
from .clips import TrainingClip
from .settings import Emphasis

FRAMES = 100
"""Of a clip, evenly spaced, that are looked at."""
RIDGE = 0.03
"""Of the mean variance of a number: added to each, so that what hardly varies tells nothing."""


def learn_emphasis(
    codec: NeuralCodec, clips: Sequence[TrainingClip], emphasis: Emphasis
) -> NDArray[np.float32]:
    """The matrix of a motion statistics' `emphasis`.

    The openings of eyes and mouth are read off the numbers by ridge regression, about each clip's mean. Each
    is enlarged along the numbers' covariance with what is read (Haufe et al., On the interpretation of
    weight vectors of linear models, NeuroImage 2014), so that what goes with it grows with it and the other
    reading stays. Numbers that belong to no keypoint (pose) stay as they are.

    Args:
        codec: whose numbers are meant.
        clips: with labels.
        emphasis: how far.

    Returns:
        (n, n) float32; (0, 0) where nothing is emphasised.
    """
    if not emphasis:
        return np.zeros((0, 0), np.float32)
    tracks, openings = [], []
    for clip in clips:
        chosen = np.unique(np.linspace(0, len(clip.valid) - 1, FRAMES).round().astype(int))
        frames = np.ascontiguousarray(clip.frames[clip.valid[chosen]])
        track = np.concatenate(list(codec.track(iter([frames]))))
        opened = np.stack([clip.eyes[chosen], clip.mouth[chosen]], axis=1)
        tracks.append(track[:, codec.head :].astype(np.float64) - track[:, codec.head :].mean(0))
        openings.append(opened - opened.mean(0))
    numbers, targets = np.concatenate(tracks), np.concatenate(openings)
    spread = numbers.T @ numbers / len(numbers)
    ridge = RIDGE * np.trace(spread) / len(spread) * np.eye(len(spread))
    read = np.linalg.solve(spread + ridge, numbers.T @ targets / len(numbers))
    along = spread @ read
    along = along @ np.linalg.inv(read.T @ along)
    matrix = np.eye(codec.head + len(spread))
    further = np.diag([emphasis.eyes - 1, emphasis.mouth - 1])
    matrix[codec.head :, codec.head :] += along @ further @ read.T
    return matrix.astype(np.float32)
