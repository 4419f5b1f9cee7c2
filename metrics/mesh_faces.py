"""The faces of a block by MediaPipe's mesh, found once for all metrics that read them."""

from __future__ import annotations

import functools

from ..core.face_landmarks import Face, FaceLandmarks
from ..core.video import Frames
from .block_memory import once_a_block


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
