"""Average keypoint distance as FOMM's script has it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ..core.assets import Asset
from ..core.errors import unknown
from ..core.metric import Scorer, Shape
from ..core.video import Frames
from . import dlib_landmarks, fan_landmarks
from .dlib_landmarks import DLIB_LANDMARKS
from .face_metric import FaceMetric
from .landmark_distances import SIDE, Landmarks, per_coordinate

FINDERS = {"dlib": dlib_landmarks, "fan": fan_landmarks}


class AkdFomm(FaceMetric[Landmarks]):
    """Average keypoint distance by FOMM's own definition: mean absolute difference per coordinate.

    As akd, but the mean of |dx| and |dy| over the 68 landmarks, in pixels at 256x256: half to seven tenths
    of akd. FOMM's script scores the frames in which both faces are found and silently drops the others, and
    so does akd_fomm: a decoder gains by painting no face where it would be wrong. Read akd_fomm_miss beside
    it, the share of frames whose reference has a face in which the decoded one has none; akd_fomm_unseen is
    the share in which the reference has none. The script finds landmarks by FAN (landmarks=fan), whose files
    are on no package index; by default it is dlib (landmarks=dlib), as for akd. Of several faces the largest
    counts. Frame 0 is left out of a clip's mean unless run.count_first is set; the script counts it.
    Source: Siarohin et al., NeurIPS 2019, sec. 4, and their repository pose-evaluation.
    """

    name = "akd_fomm"
    direction = "lower"
    unit = "px@256"
    source = "Siarohin et al., First order motion model for image animation, NeurIPS 2019, sec. 4"
    assets = (DLIB_LANDMARKS,)
    measures = ("akd_fomm",)

    def __init__(self, *, landmarks: str = "dlib", count_first: bool = False) -> None:
        super().__init__(count_first=count_first)
        if str(landmarks) not in FINDERS:
            raise unknown("metrics.akd_fomm.landmarks", str(landmarks), FINDERS)
        self.landmarks = landmarks
        self.detector = FINDERS[landmarks].DETECTOR

    def needs(self) -> tuple[Asset, ...]:
        return self.assets if self.landmarks == "dlib" else ()

    def settings(self) -> Mapping[str, Any]:
        found = FINDERS[self.landmarks].settings()
        return {**found, "distance": "per-coordinate", "px": f"longer-side-{SIDE}", "pool": "mean"}

    def start(self, shape: Shape) -> Scorer:
        if self.landmarks == "fan":
            fan_landmarks.check(self.name)
        return super().start(shape)

    def find(self, frames: Frames) -> Sequence[Landmarks | None]:
        found: Sequence[Landmarks | None] = FINDERS[self.landmarks].landmarks(frames)
        return found

    def compare(self, reference: Landmarks, decoded: Landmarks) -> Mapping[str, float]:
        return {"akd_fomm": per_coordinate(reference, decoded)}
