"""MediaPipe's face mesh: 478 points of the largest face in a picture, and what it expresses.

Source: Kartynnik, Ablavatski, Grishchenko, Grundmann, Real-time facial surface geometry from monocular
video on mobile GPUs, CVPR workshops 2019; the last ten points are the irises'. Blendshapes: Grishchenko,
Yan, Bazavan, Zanfir, Kartynnik et al., Blendshapes GHUM, 2023.
"""

from __future__ import annotations

import atexit
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import version
from types import TracebackType
from typing import Any
from weakref import WeakSet

import numpy as np
from numpy.typing import NDArray

from .assets import locate
from .shared_assets import FACE_LANDMARKER
from .video import Frame

POINTS = 478
BLENDSHAPES = (
    "neutral", "browDownLeft", "browDownRight", "browInnerUp", "browOuterUpLeft", "browOuterUpRight",
    "cheekPuff", "cheekSquintLeft", "cheekSquintRight", "eyeBlinkLeft", "eyeBlinkRight", "eyeLookDownLeft",
    "eyeLookDownRight", "eyeLookInLeft", "eyeLookInRight", "eyeLookOutLeft", "eyeLookOutRight",
    "eyeLookUpLeft", "eyeLookUpRight", "eyeSquintLeft", "eyeSquintRight", "eyeWideLeft", "eyeWideRight",
    "jawForward", "jawLeft", "jawOpen", "jawRight", "mouthClose", "mouthDimpleLeft", "mouthDimpleRight",
    "mouthFrownLeft", "mouthFrownRight", "mouthFunnel", "mouthLeft", "mouthLowerDownLeft",
    "mouthLowerDownRight", "mouthPressLeft", "mouthPressRight", "mouthPucker", "mouthRight",
    "mouthRollLower", "mouthRollUpper", "mouthShrugLower", "mouthShrugUpper", "mouthSmileLeft",
    "mouthSmileRight", "mouthStretchLeft", "mouthStretchRight", "mouthUpperUpLeft", "mouthUpperUpRight",
    "noseSneerLeft", "noseSneerRight",
)  # fmt: skip
"""The model's names, in its order."""

CONFIDENCE = 0.3
"""Least score of a face that is found; heads in talking-head clips turn far and blur."""
FACES = 4
"""Faces that are looked for, so that a larger one is not missed behind a smaller one."""

Points = NDArray[np.float32]
"""Points of a face in a picture: (n, 2) float32, x and y in pixels from the upper left corner."""


@dataclass(frozen=True)
class Face:
    """What is found of a face.

    Attributes:
        points: (478, 2) float32, x and y in pixels from the upper left corner.
        blendshapes: (52,) float32 in [0, 1], in the order of `BLENDSHAPES`.
    """

    points: Points
    blendshapes: NDArray[np.float32]


def settings() -> dict[str, str]:
    """What stands in the signature of every metric that looks at these faces."""
    return {
        "detector": f"mediapipe-{version('mediapipe')},confidence{CONFIDENCE},largest",
        "landmarker": FACE_LANDMARKER.sha256[:12],
    }


class FaceLandmarks:
    """The detector. It looks at each picture by itself, so that a result depends on the picture alone.

    A context: what it holds is given back at its end, or at the latest when the interpreter ends.

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
            output_face_blendshapes=True,  # a hundredth of the time, and the points are the same
        )
        with quiet():
            self._detector: Any = vision.FaceLandmarker.create_from_options(options)
            self(np.zeros((32, 32, 3), np.uint8))  # its threads greet at their first picture
        _open.add(self)

    def __call__(self, frame: Frame) -> Points | None:
        """The points (478, 2) of the largest face in a picture (H, W, 3), or None where none is found."""
        face = self.face(frame)
        return None if face is None else face.points

    def face(self, frame: Frame) -> Face | None:
        """The largest face in a picture (H, W, 3), by the area of its points' box, or None."""
        height, width = frame.shape[:2]
        found = self._detector.detect(self._wrapped(self._format, np.ascontiguousarray(frame)))
        faces = [np.array([(point.x, point.y) for point in face]) for face in found.face_landmarks]
        if not faces:
            return None
        scaled = [face * (width, height) for face in faces]
        largest = max(range(len(scaled)), key=lambda index: np.ptp(scaled[index], axis=0).prod())
        shapes = np.array([shape.score for shape in found.face_blendshapes[largest]], np.float32)
        return Face(scaled[largest].astype(np.float32), shapes)

    def __enter__(self) -> FaceLandmarks:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Give back what is held; nothing is found any more."""
        self._detector.close()


_open: WeakSet[FaceLandmarks] = WeakSet()


# Registered before the library is imported, and so called after it has prepared for the end: otherwise it
# complains on stderr.
@atexit.register
def _close_all() -> None:
    for landmarks in list(_open):
        landmarks.close()


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
