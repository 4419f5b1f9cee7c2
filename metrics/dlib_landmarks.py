"""dlib's frontal face detector and its 68 landmarks.

Source: King, Dlib-ml: a machine learning toolkit, JMLR 2009 (detector: HOG, a sliding window);
Kazemi and Sullivan, One millisecond face alignment with an ensemble of regression trees, CVPR 2014.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping
from importlib.metadata import version
from typing import Any

import numpy as np

from ..core.assets import Asset, locate
from ..core.video import Frame, Frames
from .block_memory import once_a_block
from .landmark_distances import SIDE, Landmarks

DLIB_PAPER = (
    "Kazemi and Sullivan, One millisecond face alignment with an ensemble of regression trees, CVPR 2014"
)

DLIB_LANDMARKS = Asset(
    name="shape_predictor_68_face_landmarks.dat",
    what="dlib's 68 landmarks of a face",
    package="face-recognition-models",
    version="0.3.0",
    member="face_recognition_models-0.3.0/face_recognition_models/models/shape_predictor_68_face_landmarks.dat",
    sha256="fbdc2cb80eb9aa7a758672cbfdda32ba6300efe9b6e6c7a299ff7e736b11b92f",
    bytes=99693937,
    licence="CC0; its training pictures (iBUG 300-W) exclude commercial use",
    paper=DLIB_PAPER,
)


DETECTOR = "dlib"


@functools.cache
def _detector() -> tuple[Any, Any]:
    """Detector and predictor of this process; each works on the thread that calls it."""
    path = str(locate(DLIB_LANDMARKS))
    import dlib

    return dlib.get_frontal_face_detector(), dlib.shape_predictor(path)


def settings() -> Mapping[str, Any]:
    """What of the detector is in a signature."""
    return {
        "detector": f"dlib-hog@{SIDE}",
        "face": "largest",
        "landmarks": f"dlib-68:{DLIB_LANDMARKS.sha256[:12]}",
        "dlib": version("dlib-bin"),
    }


@once_a_block
def shapes(frames: Frames) -> list[Any | None]:
    """The largest face of each frame as dlib's own object of 68 points, or None where it finds none.

    The detector sees the picture scaled to a longer side of 256 pixels (areas averaged where it is reduced,
    bilinear where it is enlarged), where it finds faces of some 75 pixels and more, up to half a profile;
    the points are found at the picture's own size, and are in its pixels.

    Args:
        frames: (t, H, W, 3) uint8 RGB.

    Raises:
        AssetError: the landmarks' file is missing.
    """
    return [_shape(np.ascontiguousarray(frame)) for frame in frames]


@once_a_block
def landmarks(frames: Frames) -> list[Landmarks | None]:
    """The landmarks of the largest face of each frame, or None where dlib finds none.

    Args, raises: as for `shapes`. The landmarks are in pixels of a picture whose longer side is 256.
    """
    scale = SIDE / max(frames.shape[1:3])
    return [
        None if shape is None else np.array([(point.x, point.y) for point in shape.parts()]) * scale
        for shape in shapes(frames)
    ]


def _shape(frame: Frame) -> Any | None:
    import dlib

    detector, predictor = _detector()
    scale = SIDE / max(frame.shape[:2])
    boxes = detector(_scaled(frame, scale), 0)
    if not boxes:
        return None
    box = max(boxes, key=lambda found: found.area())
    sides = (box.left(), box.top(), box.right(), box.bottom())
    return predictor(frame, dlib.rectangle(*(round(side / scale) for side in sides)))


def _scaled(frame: Frame, scale: float) -> Frame:
    if scale == 1:
        return frame
    import cv2

    size = [max(1, round(side * scale)) for side in frame.shape[1::-1]]
    way = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(frame, size, interpolation=way), np.uint8)
