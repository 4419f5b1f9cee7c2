"""Faces turned until they look straight ahead."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from ..core.method import Animator, Method
from ..core.points import Point
from ..core.video import Clip, Frame, Frames
from .recipe import Recipe


class Frontalization(Recipe):
    """Every frame is a picture of its own, whose head is turned until it looks straight ahead.

    Reproduces Table 3 of Wang et al., CVPR 2021: the share of good pictures by identity, by angle, by both,
    and FID. The head is turned by the inverse of the rotation that the method itself sees, and stays in its
    place; a method whose idea of straight ahead is wrong is found out by the metrics' head-pose network.
    Each picture is compared with the frame that it was made of. Nothing is coded, so there are no rates.
    """

    name = "frontalization"
    coded = False

    def lacks(self, method: Method) -> str:
        if isinstance(method, Animator) and type(method).redirect is not Animator.redirect:
            return ""
        return f"{method.name} cannot turn a head: it has no head pose that could be set"

    def make(self, method: Method, point: Point, clip: Clip) -> Iterator[Frames]:
        assert isinstance(method, Animator)
        for block in clip.frames():
            yield np.stack([frontal(method, frame) for frame in block])


def frontal(method: Animator, frame: Frame) -> Frame:
    """A picture (H, W, 3) uint8 RGB, its head turned until the method sees no rotation."""
    return method.redirect(frame, method.head_rotation(frame).T, np.zeros(3))
