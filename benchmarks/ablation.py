"""What each part of `ours` is worth."""

from __future__ import annotations

from .recipe import Recipe


class Ablation(Recipe):
    """Every clip at every variant of a method: fewer keypoints, coarser numbers.

    After Table 2 of the appendix of Wang et al., CVPR 2021 (10, 15, 20 keypoints), with one difference: here
    one network sends fewer of its numbers, there a network is trained for each. Variants that need other
    weights or settings, such as corrections (`methods.ours.refresh=picture`), are runs of their own.
    """

    name = "ablation"
