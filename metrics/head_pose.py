"""Rotation of the head by a network: its declared weights, and the angles of a rotation."""

from __future__ import annotations

import functools
from importlib.metadata import version
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..core.assets import Asset, locate
from ..core.face_landmarks import Points
from ..core.face_landmarks import settings as face_settings
from ..core.video import Frame, Frames
from .block_memory import once_a_block
from .mesh_faces import faces

Rotation = NDArray[np.float64]
"""A rotation matrix (3, 3). Turning a picture clockwise by a puts Rz(a) before its own."""

HEAD_POSE = Asset(
    name="6DRepNet360.onnx",
    what="6DRepNet360: rotation of the head (ResNet-50, trained on 300W-LP and Panoptic)",
    package="faceangle",
    version="0.3.0",
    member="faceangle/models/6DRepNet360.onnx",
    sha256="eeb3b06117624eca23d53a2cca1c14bf6fcfadbce84d3ca8f40791fdf270c18f",
    bytes=94007614,
    licence="none stated by the package; the authors' own is MIT",
    paper="Hempel et al., Toward robust and unconstrained full range of rotation head pose estimation, "
    "IEEE TIP 2024",
)

SIDE = 224
MARGIN = 1.3
"""Side of the square that the network sees, over the larger side of the mesh's box. Of 1 to 1.8 the one at
which pictures turned in their plane by a known angle come out best."""

_MEAN, _DEVIATION = np.array([[0.485, 0.456, 0.406], [0.229, 0.224, 0.225]], np.float32)


def settings() -> dict[str, str]:
    """What stands in the signature of a metric that asks for rotations."""
    return {
        "network": "6drepnet360",
        "weights": HEAD_POSE.sha256[:12],
        "crop": f"square{MARGIN:g}mesh,{SIDE}px",
        "onnxruntime": version("onnxruntime"),
        **face_settings(),
    }


@functools.cache
def _session() -> Any:
    weights = locate(HEAD_POSE)
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1  # workers share the machine, and sums keep their order
    return onnxruntime.InferenceSession(str(weights), options, providers=["CPUExecutionProvider"])


def crop(frame: Frame, points: Points) -> Frame:
    """The head, (224, 224, 3): a square around the mesh; beyond the picture, its border repeated."""
    import cv2

    low, high = points.min(0), points.max(0)
    side = max(2, round(MARGIN * float((high - low).max())))
    x, y = (round(float(middle)) - side // 2 for middle in (low + high) / 2)
    height, width = frame.shape[:2]
    around = [max(0, -y), max(0, y + side - height), max(0, -x), max(0, x + side - width)]
    padded = np.pad(frame, ((around[0], around[1]), (around[2], around[3]), (0, 0)), mode="edge")
    square = padded[y + around[0] :, x + around[2] :][:side, :side]
    means = cv2.INTER_AREA if side > SIDE else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(square, (SIDE, SIDE), interpolation=means), np.uint8)


@once_a_block
def rotations(block: Frames) -> list[Rotation | None]:
    """The rotation of the largest head in each frame of (t, H, W, 3), or None where no face is found.

    Raises:
        AssetError: a model's file is missing, or not the declared one.
    """
    return [
        None if face is None else _rotation(crop(frame, face.points))
        for frame, face in zip(block, faces(block), strict=True)
    ]


def _rotation(picture: Frame) -> Rotation:
    values = (picture / np.float32(255) - _MEAN) / _DEVIATION
    rotation: Rotation = (
        _session().run(None, {"face": values.transpose(2, 0, 1)[None]})[0][0].astype(np.float64)
    )
    return rotation


def euler(rotation: Rotation) -> NDArray[np.float64]:
    """Yaw, pitch and roll (3,) in degrees: the rotation is Rz(roll) Ry(yaw) Rx(pitch)."""
    yaw = np.arctan2(-rotation[2, 0], np.hypot(rotation[0, 0], rotation[1, 0]))
    pitch = np.arctan2(rotation[2, 1], rotation[2, 2])
    roll = np.arctan2(rotation[1, 0], rotation[0, 0])
    return np.degrees([yaw, pitch, roll])


def angle(a: Rotation, b: Rotation) -> float:
    """Degrees of the rotation that takes one to the other, 0 to 180; exactly 0 for equal ones."""
    # Not by the trace: its arc cosine turns the last bits of equal matrices into hundredths of a degree.
    chord = np.sqrt(np.square(a - b).sum() / 8)
    return float(np.degrees(2 * np.arcsin(min(1, chord))))
