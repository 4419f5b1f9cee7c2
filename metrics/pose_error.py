"""Whether the head is turned as the original's is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ..core.shared_assets import FACE_LANDMARKER
from ..core.video import Frames
from . import head_pose
from .face_metric import FaceMetric
from .head_pose import Rotation


class PoseError(FaceMetric[Rotation]):
    """Angle between the rotations of the head in the decoded frame and in its reference, in degrees.

    Each frame's rotation is that of 6DRepNet360 on a square crop around MediaPipe's mesh of the largest
    face. pose_error is the geodesic distance, the angle of the one rotation that takes the one to the
    other; pose_error_yaw, _pitch and _roll are absolute differences of the angles in Rz(roll) Ry(yaw)
    Rx(pitch). The network itself is some degrees off the truth, mostly alike in both clips: sample pictures
    turned in their plane by 10 degrees have 9 to 11, by 25 degrees 23.5 to 26.5. A clip's value is the mean
    over the frames in which both faces are found, frame 0 left out unless run.count_first is set;
    pose_error_miss and _unseen: as akd's.
    Source: Hempel, Abdelrahman and Al-Hamadi, IEEE TIP 33, 2024.
    """

    name = "pose_error"
    direction = "lower"
    unit = "deg"
    detector = "MediaPipe"
    measures = ("pose_error", "pose_error_yaw", "pose_error_pitch", "pose_error_roll")
    source = "Hempel et al., IEEE TIP 33, 2024 (6DRepNet360)"
    assets = (head_pose.HEAD_POSE, FACE_LANDMARKER)

    def settings(self) -> Mapping[str, Any]:
        return {"pool": "mean", **head_pose.settings()}

    def find(self, frames: Frames) -> Sequence[Rotation | None]:
        return head_pose.rotations(frames)

    def compare(self, reference: Rotation, decoded: Rotation) -> Mapping[str, float]:
        turns = head_pose.euler(decoded) - head_pose.euler(reference)
        apart = np.abs((turns + 180) % 360 - 180)
        values = (head_pose.angle(reference, decoded), *apart.tolist())
        return dict(zip(self.measures, values, strict=True))
