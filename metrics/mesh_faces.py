"""The faces of a block by MediaPipe's mesh, found once for all metrics that read them."""

from __future__ import annotations

import functools
from importlib.metadata import version

from ..core.face_landmarks import CONFIDENCE, Face, FaceLandmarks
from ..core.shared_assets import FACE_LANDMARKER
from ..core.video import Frames
from .block_memory import once_a_block


def settings() -> dict[str, str]:
    """What stands in the signature of every metric that reads these faces."""
    return {
        "detector": f"mediapipe-{version('mediapipe')},confidence{CONFIDENCE},largest",
        "landmarker": FACE_LANDMARKER.sha256[:12],
    }


@functools.cache
def _landmarks() -> FaceLandmarks:
    return FaceLandmarks()


@once_a_block
def faces(block: Frames) -> list[Face | None]:
    """The largest face in each frame of (t, H, W, 3), or None.

    Raises:
        AssetError: the model's file is missing, or not the declared one.
    """
    return [_landmarks().face(frame) for frame in block]
