"""Average keypoint distance, by dlib."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ..core.video import Frames
from . import dlib_landmarks
from .dlib_landmarks import DLIB_LANDMARKS, landmarks
from .face_metric import FaceMetric
from .landmark_distances import EYES, MOUTH, SIDE, Landmarks, euclidean, spread


class Akd(FaceMetric[Landmarks]):
    """Average keypoint distance: how far the face's 68 landmarks lie from where they should (0: in place).

    dlib finds the largest face and its 68 landmarks in the reference and in the decoded frame. akd is the
    mean Euclidean distance of corresponding landmarks, in pixels of a picture whose longer side is 256;
    akd_eyes is that of the 12 landmarks of the eyes, akd_mouth of the 20 of the mouth. A clip's value is
    the mean over the frames in which both have a face, frame 0 left out unless run.count_first is set.
    akd_miss is the share of frames whose reference has a face in which the decoded one has none, and
    akd_unseen the share in which the reference has none. akd_penalised is akd where a missed frame counts
    as a face shrunk to a point in its place: the mean distance of the reference's landmarks from their
    centre (some 45 pixels for a face that fills half the height).
    Source: Wang et al., CVPR 2021, appendix B.2; landmarks: Kazemi and Sullivan, CVPR 2014, by dlib.
    """

    name = "akd"
    direction = "lower"
    unit = "px@256"
    source = "Wang et al., CVPR 2021, appendix B.2; landmarks: Kazemi and Sullivan, CVPR 2014, by dlib"
    assets = (DLIB_LANDMARKS,)
    detector = dlib_landmarks.DETECTOR
    measures = ("akd", "akd_eyes", "akd_mouth", "akd_penalised")

    def settings(self) -> Mapping[str, Any]:
        return {
            **dlib_landmarks.settings(),
            "distance": "euclidean",
            "px": f"longer-side-{SIDE}",
            "pool": "mean",
        }

    def find(self, frames: Frames) -> Sequence[Landmarks | None]:
        return landmarks(frames)

    def compare(self, reference: Landmarks, decoded: Landmarks) -> Mapping[str, float]:
        distance = euclidean(reference, decoded)
        return {
            "akd": distance,
            "akd_eyes": euclidean(reference[EYES], decoded[EYES]),
            "akd_mouth": euclidean(reference[MOUTH], decoded[MOUTH]),
            "akd_penalised": distance,
        }

    def lost(self, reference: Landmarks) -> Mapping[str, float]:
        return {"akd_penalised": spread(reference, euclidean)}
