"""MediaPipe's face mesh: 478 points of the largest face in a picture.

Source: Kartynnik, Ablavatski, Grishchenko, Grundmann, Real-time facial surface geometry from monocular
video on mobile GPUs, CVPR workshops 2019; the last ten points are the irises'.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .assets import locate
from .shared_assets import FACE_LANDMARKER
from .video import Frame

POINTS = 478
CONFIDENCE = 0.3
"""Least score of a face that is found; heads in talking-head clips turn far and blur."""
FACES = 4
"""Faces that are looked for, so that a larger one is not missed behind a smaller one."""

Points = NDArray[np.float32]
"""Points of a face in a picture: (n, 2) float32, x and y in pixels from the upper left corner."""


class FaceLandmarks:
    """The detector. It looks at each picture by itself, so that a result depends on the picture alone.

    A context: what it holds is given back at its end.

    Raises:
        AssetError: the model's file is missing, or not the declared one.
    """

    def __init__(self) -> None:
        model = str(locate(FACE_LANDMARKER))
        import mediapipe
        from mediapipe.tasks import python as tasks
        from mediapipe.tasks.python import vision

        self._wrapped = mediapipe.Image
        self._format = mediapipe.ImageFormat.SRGB
        options = vision.FaceLandmarkerOptions(
            base_options=tasks.BaseOptions(model_asset_path=model),
            min_face_detection_confidence=CONFIDENCE,
            num_faces=FACES,
        )
        with quiet():
            self._detector: Any = vision.FaceLandmarker.create_from_options(options)
            self(np.zeros((32, 32, 3), np.uint8))  # its threads greet at their first picture

    def __call__(self, frame: Frame) -> Points | None:
        """The points (478, 2) of the largest face in a picture (H, W, 3), or None where none is found."""
        height, width = frame.shape[:2]
        found = self._detector.detect(self._wrapped(self._format, np.ascontiguousarray(frame)))
        faces = [np.array([(point.x, point.y) for point in face]) for face in found.face_landmarks]
        if not faces:
            return None
        scaled = [face * (width, height) for face in faces]
        largest: Points = max(scaled, key=lambda face: np.ptp(face, axis=0).prod()).astype(np.float32)
        return largest

    def __enter__(self) -> FaceLandmarks:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._detector.close()


@contextmanager
def quiet() -> Iterator[None]:
    """Nothing reaches stderr: the library greets there, and has no setting against it."""
    sys.stderr.flush()
    kept = os.dup(2)
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 2)
    try:
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nowhere)
