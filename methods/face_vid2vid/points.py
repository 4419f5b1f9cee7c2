"""What `ours` sends for a frame at each of its operating points."""

from __future__ import annotations

from dataclasses import dataclass

ANGLE, TRANSLATION, DEFORMATION = 0.5, 1 / 128, 1 / 256
"""Steps of the point `predictive`: in degrees, and in half pictures."""


@dataclass(frozen=True)
class Point:
    """What is sent for a frame.

    Attributes:
        keypoints: deformations of the first so many keypoints, or None for all that there are.
        scale: size of the steps in those of the point `predictive`, or None for fp16 numbers.
        adaptive: whether the encoder chooses for every frame how many deformations it sends.
    """

    keypoints: int | None
    scale: float | None
    adaptive: bool = False


POINTS = {
    "adaptive": Point(None, None, adaptive=True),
    "k20": Point(20, None),
    "k15": Point(15, None),
    "k10": Point(10, None),
    "predictive-fine": Point(None, 0.5),
    "predictive": Point(None, 1.0),
    "predictive-coarse": Point(None, 2.0),
}


def steps(keypoints: int, scale: float) -> list[float]:
    """Step of each of the 3K + 6 numbers: angles, translation, deformations."""
    return [scale * step for step in [ANGLE] * 3 + [TRANSLATION] * 3 + [DEFORMATION] * 3 * keypoints]
