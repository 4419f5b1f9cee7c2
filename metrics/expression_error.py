"""Whether the face expresses what the original's does."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ..core.face_landmarks import BLENDSHAPES, Face
from ..core.face_landmarks import settings as face_settings
from ..core.shared_assets import FACE_LANDMARKER
from ..core.video import Frames
from .face_metric import FaceMetric
from .mesh_faces import faces

PARTS = {
    "expression_error": [i for i, shape in enumerate(BLENDSHAPES) if shape != "neutral"],
    "expression_error_eyes": [i for i, shape in enumerate(BLENDSHAPES) if shape.startswith("eye")],
    "expression_error_mouth": [
        i for i, shape in enumerate(BLENDSHAPES) if shape.startswith(("jaw", "mouth"))
    ],
}
"""Blendshapes by column."""


class ExpressionError(FaceMetric[Face]):
    """Mean absolute difference of the face's blendshapes, 0-1 each (0: the same expression).

    Blendshapes are how much a face does each of 51 things (blink, smile, open the jaw, ...), from the
    shape of the face and not where it is or turns; MediaPipe's, of the largest face, all but its
    'neutral'. expression_error is the mean over all 51, most of which rest near 0, so that figures are
    small; expression_error_eyes that over the 14 of eyes and lids, expression_error_mouth over the 27 of
    jaw and lips. A clip's value is the mean over the frames in which both faces are found, frame 0 left
    out unless run.count_first is set; expression_error_miss and _unseen: as akd's.
    Source: Grishchenko et al., Blendshapes GHUM, 2023.
    """

    name = "expression_error"
    direction = "lower"
    unit = "0-1"
    detector = "MediaPipe"
    measures = tuple(PARTS)
    source = "blendshapes: Grishchenko et al., Blendshapes GHUM, 2023"
    assets = (FACE_LANDMARKER,)

    def settings(self) -> Mapping[str, Any]:
        return {"blendshapes": "all-but-neutral", "norm": "l1", "pool": "mean", **face_settings()}

    def find(self, frames: Frames) -> Sequence[Face | None]:
        return faces(frames)

    def compare(self, reference: Face, decoded: Face) -> Mapping[str, float]:
        errors = np.abs(decoded.blendshapes.astype(np.float64) - reference.blendshapes)
        return {column: float(errors[part].mean()) for column, part in PARTS.items()}
