"""The labels of a picture: MediaPipe's face mesh, with blendshapes and head pose."""

from __future__ import annotations

from types import TracebackType
from typing import Any, TypedDict

import numpy as np
from numpy.typing import NDArray

from ...core.assets import locate
from ...core.face_landmarks import CONFIDENCE, quiet
from ...core.shared_assets import FACE_LANDMARKER
from ...core.video import Frame

BLENDSHAPES = 52


class Labels(TypedDict):
    """Labels of one face.

    landmarks     (478, 2) float32, in [0, 1] of the picture
    blendshapes   (52,) float32, in [0, 1]
    rotation      (3, 3) float32, in image axes (x right, y down, z away)
    """

    landmarks: NDArray[np.float32]
    blendshapes: NDArray[np.float32]
    rotation: NDArray[np.float32]


class Landmarker:
    """The landmarker on single pictures. A context: what it holds is given back at its end.

    Raises:
        AssetError: the model's file is missing, or not the declared one.
    """

    def __init__(self) -> None:
        model = str(locate(FACE_LANDMARKER))
        import mediapipe
        from mediapipe.tasks import python as tasks
        from mediapipe.tasks.python import vision

        options = vision.FaceLandmarkerOptions(
            base_options=tasks.BaseOptions(model_asset_path=model),
            output_face_blendshapes=True,
            output_facial_transformation_matrixes=True,
            min_face_detection_confidence=CONFIDENCE,
        )
        self._image, self._format = mediapipe.Image, mediapipe.ImageFormat.SRGB
        with quiet():
            self._detector: Any = vision.FaceLandmarker.create_from_options(options)
            self(np.zeros((32, 32, 3), np.uint8))  # its threads greet at their first picture

    def __call__(self, frame: Frame) -> Labels | None:
        """Labels of the first face in an (H, W, 3) uint8 picture; None where there is none."""
        found = self._detector.detect(self._image(self._format, np.ascontiguousarray(frame)))
        if not found.face_landmarks:
            return None
        # MediaPipe's camera looks along -z with y up; the model's axes are those of the image.
        flip = np.diag([1.0, -1.0, -1.0])
        matrix = np.asarray(found.facial_transformation_matrixes[0])[:3, :3]
        left, _, right = np.linalg.svd(matrix)
        return {
            "landmarks": np.array([(p.x, p.y) for p in found.face_landmarks[0]], np.float32),
            "blendshapes": np.array([b.score for b in found.face_blendshapes[0]], np.float32),
            "rotation": (flip @ (left @ right) @ flip).astype(np.float32),
        }

    def __enter__(self) -> Landmarker:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._detector.close()
