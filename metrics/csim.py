"""Cosine similarity of identities."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ..core.video import Frames
from . import arcface
from .arcface import ARCFACE, ARCFACE_PAPER, SCRFD, Identity, identities
from .face_metric import FaceMetric


class Csim(FaceMetric[Identity]):
    """Cosine similarity of the identities in the decoded frame and in its reference (1: the same).

    SCRFD finds the largest face, insightface's own alignment brings its five points to ArcFace's, and
    ArcFace (MobileFaceNet on WebFace600K) makes 512 numbers of it; the cosine of their angle to the same
    frame's of the reference is a frame's value. Two people are near 0, one person in two pictures mostly
    above .5; such thresholds belong to this network alone. A clip's value is the mean over the frames in
    which both have a face, frame 0 left out unless run.count_first is set. csim_miss is the share of frames
    whose reference has a face in which the decoded one has none, and csim_unseen the share in which the
    reference has none.
    Source: Zakharov et al., ICCV 2019, sec. 4 (the measure); Deng et al., CVPR 2019, by insightface.
    """

    name = "csim"
    direction = "higher"
    unit = ""
    source = f"Zakharov et al., ICCV 2019, sec. 4; {ARCFACE_PAPER}, by insightface"
    assets = (SCRFD, ARCFACE)
    detector = arcface.DETECTOR
    measures = ("csim",)

    def settings(self) -> Mapping[str, Any]:
        return {**arcface.settings(), "pool": "mean"}

    def find(self, frames: Frames) -> Sequence[Identity | None]:
        return identities(frames)

    def compare(self, reference: Identity, decoded: Identity) -> Mapping[str, float]:
        return {"csim": float(np.dot(reference, decoded))}
