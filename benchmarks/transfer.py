"""Another person's motion: nothing is coded, and there is no original to compare with."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, ClassVar

from ..core.dataset import whole
from ..core.errors import UsageError
from ..core.method import Animator, Method
from ..core.points import Point
from ..core.video import Clip, Frames, first_frame
from .pairs import Pair, draw_pairs
from .recipe import Recipe

MOTIONS = ("absolute", "relative")


class Transfer(Recipe):
    """One person's picture takes the motion of another person's clip, in absolute or relative motion.

    Reproduces Table 2 of Wang et al., CVPR 2021 (absolute), Table 1 of its appendix (relative) and 'cross
    identity' of Table 2.1 of Agarwal's thesis. Pairs are drawn by `run.seed` and stored in the manifest.
    There is no original: identity (csim, aed) is compared with the source picture, the distribution of
    pictures (fid, kid) with the frames of the source's own clip, and what the face does (pose, expression,
    mouth, eyes) with the driving clip, frame by frame. Relative motion keeps the difference between the two
    heads' first poses and expressions by design, so its pose_error and expression_error are not to be held
    against absolute motion's. Both clips of a pair are cut to the shorter one.
    Frames are made by the method's model in one process: nothing is coded, so there are no rates.

    Args:
        motion: `absolute`, the driving frames' motion as it is; `relative`, what changes since the first of
            them, added to the source's own; or both.
        drivers: clips that drive each picture.
    """

    name = "transfer"
    coded = False
    against: ClassVar[Mapping[str, str]] = {
        "csim": "picture",
        "aed": "picture",
        "fid": "person",
        "kid": "person",
    }

    def __init__(self, motion: Sequence[str], drivers: int) -> None:
        chosen = [motion] if isinstance(motion, str) else list(motion)
        if not chosen or len(set(chosen)) < len(chosen) or not set(chosen) <= set(MOTIONS):
            raise UsageError(f"benchmark.motion={motion} found; give some of [{', '.join(MOTIONS)}]")
        self.motion = chosen
        self.drivers = whole("benchmark.drivers", drivers, 1)

    def clips(self, clips: Sequence[Clip], seed: int) -> Sequence[Clip]:
        return draw_pairs(clips, self.drivers, seed)

    def points(self, points: Sequence[Point]) -> Sequence[Point]:
        return [
            replace(point, name=f"{point.name}-{motion}", mode=motion)
            for point in points
            for motion in self.motion
        ]

    def lacks(self, method: Method) -> str:
        if isinstance(method, Animator):
            return ""
        return f"{method.name} cannot give a picture the motion of another clip: it codes pixels"

    def make(self, method: Method, point: Point, clip: Clip) -> Iterator[Frames]:
        assert isinstance(method, Animator)
        assert isinstance(clip, Pair)
        return method.animate(first_frame(clip.shown), clip, relative=point.mode == "relative")

    def references(self, clip: Clip) -> Mapping[str, Clip]:
        assert isinstance(clip, Pair)
        return {"picture": clip.still, "person": clip.shown}

    def about(self, clip: Clip) -> Mapping[str, Any]:
        assert isinstance(clip, Pair)
        return {"shown": clip.shown.name, "driving": clip.driving}
