"""Landmark distance, by FAN."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ..core.errors import AssetError
from ..core.metric import Scorer, Shape
from ..core.video import Frames
from . import fan_landmarks
from .face_metric import FaceMetric
from .fan_landmarks import FAN_PAPER, landmarks
from .landmark_distances import MOUTH, SIDE, Landmarks, euclidean


class Lmd(FaceMetric[Landmarks]):
    """Landmark distance: akd with the landmarks of FAN instead of dlib's (0: all in place).

    The library face-alignment finds the largest face (S3FD) and its 68 landmarks (FAN, 2D, without the
    flipped picture) in the reference and in the decoded frame. lmd is the mean Euclidean distance of
    corresponding landmarks, in pixels of a picture whose longer side is 256, and lmd_mouth that of the
    mouth's 20. A clip's value is the mean over the frames in which both have a face, frame 0 left out
    unless run.count_first is set. lmd_miss is the share of frames whose reference has a face in which the
    decoded one has none, and lmd_unseen the share in which the reference has none. Papers that give FOMM's
    measure this name take the mean absolute difference per coordinate: akd_fomm with landmarks=fan. The
    two files are on no package index and are never fetched: a message says where they are to be put.
    Source: Chen et al., ECCV 2018, sec. 4 (the measure); Bulat and Tzimiropoulos, ICCV 2017 (FAN).
    """

    name = "lmd"
    direction = "lower"
    unit = "px@256"
    source = f"Chen et al., ECCV 2018, sec. 4; {FAN_PAPER}, by face-alignment"
    by_hand = fan_landmarks.ADDRESSES
    detector = fan_landmarks.DETECTOR
    measures = ("lmd", "lmd_mouth")

    def settings(self) -> Mapping[str, Any]:
        return {
            **fan_landmarks.settings(),
            "distance": "euclidean",
            "px": f"longer-side-{SIDE}",
            "pool": "mean",
        }

    def lacks(self) -> str:
        try:
            fan_landmarks.check(self.name)
        except AssetError as error:
            return str(error)
        return ""

    def start(self, shape: Shape) -> Scorer:
        fan_landmarks.check(self.name)
        return super().start(shape)

    def find(self, frames: Frames) -> Sequence[Landmarks | None]:
        return landmarks(frames)

    def compare(self, reference: Landmarks, decoded: Landmarks) -> Mapping[str, float]:
        return {
            "lmd": euclidean(reference, decoded),
            "lmd_mouth": euclidean(reference[MOUTH], decoded[MOUTH]),
        }
