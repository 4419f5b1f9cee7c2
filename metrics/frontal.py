"""Whether a turned face looks straight ahead and is still the same person's."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..core.errors import UsageError
from ..core.metric import Column
from ..core.shared_assets import FACE_LANDMARKER
from ..core.video import Frames
from . import arcface, head_pose
from .arcface import ARCFACE, SCRFD, Identity, identities
from .face_metric import FaceMetric
from .head_pose import HEAD_POSE, Rotation, rotations


@dataclass(frozen=True)
class Head:
    """Who is seen, and how the head is turned."""

    identity: Identity
    rotation: Rotation


class Frontal(FaceMetric[Head]):
    """Identity distance and angle of faces that were to be turned until they look straight ahead.

    frontal_distance is 1 minus the cosine of the identities (csim's ArcFace) in the decoded frame and in
    its reference, frontal_angle the angle in degrees between the head's rotation in the decoded frame
    (pose_error's 6DRepNet360) and none at all, roll included. A picture is good by identity when the
    distance is below `identity`, by angle when the angle is within `angle`; frontal_good_identity, _angle
    and _both are the shares of good pictures, frontal_good_identity_D and _angle_A those at other
    thresholds. The paper's identity threshold of 0.05 belongs to a network of its own: of another network
    it is another claim, so the shares are swept, and a picture in which no face is found is not good. All
    are means over the frames whose reference has a face, frame 0 left out unless run.count_first is set (as
    the recipe does); frontal_miss and frontal_unseen: as akd's.
    Source: Wang et al., CVPR 2021, sec. 4.2.
    """

    name = "frontal"
    direction = "higher"
    unit = "share"
    source = "Wang et al., CVPR 2021, sec. 4.2 (the criterion); csim's and pose_error's networks"
    assets = (SCRFD, ARCFACE, HEAD_POSE, FACE_LANDMARKER)
    detector = "SCRFD or MediaPipe"

    def __init__(
        self,
        *,
        identity: float = 0.5,
        angle: float = 15,
        identities: Sequence[float] = (0.05, 0.2, 0.35, 0.65),
        angles: Sequence[float] = (5, 10, 30),
        count_first: bool = False,
    ) -> None:
        super().__init__(count_first=count_first)
        for key, values in (("identity", [identity, *identities]), ("angle", [angle, *angles])):
            most = 2 if key == "identity" else 180
            if not all(isinstance(value, int | float) and 0 < value <= most for value in values):
                raise UsageError(
                    f"metrics.frontal: {key} thresholds {values} found; give numbers above 0, at most {most}"
                )
        self.identity, self.angle = identity, angle
        self.distances = {f"frontal_good_identity_{value:g}": float(value) for value in identities}
        self.turns = {f"frontal_good_angle_{value:g}": float(value) for value in angles}

    @property
    def measures(self) -> tuple[str, ...]:  # type: ignore[override]
        shares = (
            "frontal_good_identity",
            "frontal_good_angle",
            "frontal_good_both",
            *self.distances,
            *self.turns,
        )
        return ("frontal_distance", "frontal_angle", *shares)

    def column(self, name: str) -> Column:
        if name == "frontal_angle":
            return Column("deg", "lower")
        return Column("", "lower") if name == "frontal_distance" else super().column(name)

    def settings(self) -> Mapping[str, Any]:
        return {
            "identity": f"<{self.identity:g}",
            "angle": f"<={self.angle:g}deg",
            **{f"id_{key}": value for key, value in arcface.settings().items()},
            **{f"pose_{key}": value for key, value in head_pose.settings().items()},
        }

    def find(self, frames: Frames) -> Sequence[Head | None]:
        seen = zip(identities(frames), rotations(frames), strict=True)
        return [None if who is None or turn is None else Head(who, turn) for who, turn in seen]

    def compare(self, reference: Head, decoded: Head) -> Mapping[str, float]:
        distance = 1 - float(np.dot(reference.identity, decoded.identity))
        turned = head_pose.angle(decoded.rotation, np.eye(3))
        return {
            "frontal_distance": distance,
            "frontal_angle": turned,
            **self.good(distance, turned),
        }

    def lost(self, reference: Head) -> Mapping[str, float]:
        return self.good(np.inf, np.inf)

    def good(self, distance: float, turned: float) -> dict[str, float]:
        """1 or 0 by column: whether a picture of such a distance and angle is good."""
        same, ahead = distance < self.identity, turned <= self.angle
        return {
            "frontal_good_identity": float(same),
            "frontal_good_angle": float(ahead),
            "frontal_good_both": float(same and ahead),
            **{column: float(distance < value) for column, value in self.distances.items()},
            **{column: float(turned <= value) for column, value in self.turns.items()},
        }
