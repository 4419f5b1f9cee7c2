"""The 68 landmarks of the face alignment network (FAN), by the library `face-alignment`.

Its files are on no package index: the library takes them from its author's site. Here it is never let to:
they are used where they lie, in the folder in which the library itself looks for them.

Source: Bulat and Tzimiropoulos, How far are we from solving the 2D & 3D face alignment problem?, ICCV 2017;
faces: Zhang et al., S3FD: single shot scale-invariant face detector, ICCV 2017.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from ..core.errors import AssetError
from ..core.signature import sha256_once
from ..core.video import Frame, Frames
from .block_memory import once_a_block
from .landmark_distances import SIDE, Landmarks

FAN_PAPER = (
    "Bulat and Tzimiropoulos, How far are we from solving the 2D & 3D face alignment problem?, ICCV 2017"
)
SOURCE = "https://www.adrianbulat.com/downloads/python-fan/"
FAN = "2DFAN4-11f355bf06.pth.tar"
"""The landmark network's file. As PyTorch's hub has it, the name ends with how the file's sha256 begins."""
S3FD = "s3fd-619a316812.pth"
"""The face detector's file."""
ADDRESSES = (SOURCE + FAN, SOURCE + S3FD)
MODULES = 4
"""Hourglasses of the network."""
DETECTOR = "S3FD"


def path(file: str) -> Path:
    """Where a file lies, or is to be put by hand: where the library itself looks for it."""
    from torch.hub import get_dir

    return Path(get_dir()) / "checkpoints" / file


def check(metric: str) -> None:
    """Look for the library's files, so that it need not fetch them.

    Args:
        metric: that wants them, for the message.

    Raises:
        AssetError: one is missing, or another file lies there.
    """
    missing = [file for file in (FAN, S3FD) if not path(file).is_file()]
    if missing:
        where = " and ".join(f"{SOURCE}{file}" for file in missing)
        raise AssetError(
            f"{metric} is left out: {' and '.join(missing)} of face-alignment not found; "
            f"download {where} into {path(FAN).parent}"
        )
    for file in (FAN, S3FD):
        found, begins = sha256_once(path(file)), _digits(file)
        if not found.startswith(begins):
            raise AssetError(
                f"{metric} is left out: {path(file)} has the sha256 {found}, expected one that begins with "
                f"{begins}; replace it by {SOURCE}{file}"
            )


def _digits(file: str) -> str:
    return _stem(file).rpartition("-")[2]


def _stem(file: str) -> str:
    return file.partition(".")[0]


def settings() -> Mapping[str, Any]:
    """What of the networks is in a signature."""
    return {
        "detector": _stem(S3FD),
        "face": "largest",
        "landmarks": _stem(FAN),
        "flip": "no",
        "face-alignment": version("face-alignment"),
    }


@functools.cache
def _aligner() -> Any:
    import torch
    from face_alignment import FaceAlignment, LandmarksType

    device = "cuda" if torch.cuda.is_available() else "cpu"
    return FaceAlignment(
        LandmarksType.TWO_D,
        MODULES,
        device=device,
        flip_input=False,  # as in FOMM's script; twice as fast
        face_detector_kwargs={"path_to_detector": path(S3FD)},  # read without executing what is in it
        compile=False,  # it would write into the user's cache
    )


@once_a_block
def landmarks(frames: Frames) -> list[Landmarks | None]:
    """The landmarks of the largest face of each frame, or None where the detector finds none.

    Detector and network see the picture at its own size; the points are in pixels of the picture scaled to
    a longer side of 256. Call `check` before.

    Args:
        frames: (t, H, W, 3) uint8 RGB.
    """
    return [_landmarks(np.ascontiguousarray(frame)) for frame in frames]


def _landmarks(frame: Frame) -> Landmarks | None:
    aligner = _aligner()
    boxes = aligner.face_detector.detect_from_image(frame.copy())
    if not len(boxes):
        return None
    largest = max(boxes, key=lambda box: (box[2] - box[0]) * (box[3] - box[1]))
    (points,) = aligner.get_landmarks_from_image(frame, detected_faces=[largest])
    scaled: Landmarks = points.astype(np.float64) * (SIDE / max(frame.shape[:2]))
    return scaled
