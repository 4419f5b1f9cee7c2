"""Average Euclidean distance of identities."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ..core.video import Frames
from . import dlib_identities
from .dlib_identities import DLIB_RECOGNITION, Identity, identities
from .dlib_landmarks import DETECTOR, DLIB_LANDMARKS
from .face_metric import FaceMetric


class Aed(FaceMetric[Identity]):
    """Average Euclidean distance of identities, in the space of dlib's recognition network (0: the same).

    dlib finds the largest face and its landmarks, as for akd, cuts it out upright at 150x150 and makes 128
    numbers of it; the distance to the same frame's of the reference is a frame's value. The network was
    trained so that pictures of one person are less than 0.6 apart; strangers mostly 0.65 to 1. FOMM and
    its successors take OpenFace in its place (128 numbers too, of the whole frame, without alignment), so
    their figures are of another scale. A clip's value is the mean over the frames in which both have a face,
    frame 0 left out unless run.count_first is set. aed_miss is the share of frames whose reference has a
    face in which the decoded one has none, and aed_unseen the share in which the reference has none.
    Source: Siarohin et al., NeurIPS 2019, sec. 4 (the measure); King, 2017 (the network).
    """

    name = "aed"
    direction = "lower"
    unit = ""
    source = "Siarohin et al., NeurIPS 2019, sec. 4; the network: King, blog.dlib.net, 2017, by dlib"
    assets = (DLIB_LANDMARKS, DLIB_RECOGNITION)
    detector = DETECTOR
    measures = ("aed",)

    def settings(self) -> Mapping[str, Any]:
        return {**dlib_identities.settings(), "distance": "euclidean", "pool": "mean"}

    def find(self, frames: Frames) -> Sequence[Identity | None]:
        return identities(frames)

    def compare(self, reference: Identity, decoded: Identity) -> Mapping[str, float]:
        return {"aed": float(np.linalg.norm(reference - decoded))}
