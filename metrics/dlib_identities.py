"""Who is seen, by dlib's residual network on dlib's own landmarks.

Source: King, High quality face recognition with deep metric learning, blog.dlib.net, 2017: 128 numbers a
face, trained so that two pictures of one person are nearer than 0.6; after He et al., CVPR 2016.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..core.assets import Asset, locate
from ..core.video import Frames
from . import dlib_landmarks
from .block_memory import once_a_block
from .dlib_landmarks import shapes

RECOGNITION_PAPER = "King, High quality face recognition with deep metric learning, blog.dlib.net, 2017"

DLIB_RECOGNITION = Asset(
    name="dlib_face_recognition_resnet_model_v1.dat",
    what="dlib's face recognition network: 128 numbers a face",
    package="face-recognition-models",
    version="0.3.0",
    member="face_recognition_models-0.3.0/face_recognition_models/models/dlib_face_recognition_resnet_model_v1.dat",
    sha256="55533b28a95800a551ba546ba62fe69625c7e95a7061c338adffead08719da30",
    bytes=22466066,
    licence="CC0; its training pictures (VGG Face, FaceScrub) are for research only",
    paper=RECOGNITION_PAPER,
)

CHIP = 150
PADDING = 0.25
"""The face is turned upright and cut out with a quarter of its size around it: 150x150, as in training."""
BATCH = 16

Identity = NDArray[np.float64]
"""A face in dlib's space: (128,)."""


@functools.cache
def _network() -> Any:
    path = str(locate(DLIB_RECOGNITION))
    import dlib

    return dlib.face_recognition_model_v1(path)


def settings() -> Mapping[str, Any]:
    """What of the networks is in a signature."""
    return {
        **dlib_landmarks.settings(),
        "alignment": f"dlib-chip-{CHIP}-{PADDING}",
        "network": f"dlib-resnet-v1:{DLIB_RECOGNITION.sha256[:12]}",
    }


@once_a_block
def identities(frames: Frames) -> list[Identity | None]:
    """The identity of the largest face of each frame, or None where dlib finds none.

    Args:
        frames: (t, H, W, 3) uint8 RGB.

    Raises:
        AssetError: a file is missing.
    """
    network = _network()
    import dlib

    found = shapes(frames)
    chips = [
        dlib.get_face_chip(np.ascontiguousarray(frame), shape, CHIP, PADDING)
        for frame, shape in zip(frames, found, strict=True)
        if shape is not None
    ]
    vectors = (
        np.array(vector)
        for at in range(0, len(chips), BATCH)
        for vector in network.compute_face_descriptor(chips[at : at + BATCH])
    )
    return [None if shape is None else next(vectors) for shape in found]
