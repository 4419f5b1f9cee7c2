"""Scoring without the background: outside the reference's face, it and what is decoded are black.

For methods that draw no background, as Wang et al., CVPR 2021, section 4.1, compare bi-layer neural avatars.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..core import face_landmarks
from ..core.errors import UsageError, VideoError
from ..core.face_landmarks import FaceLandmarks, Points
from ..core.signature import digest
from ..core.video import Clip, Frames, Source

KEPT, BLACK = "kept", "black"
"""Values of `run.background`."""


def blackened(config: Mapping[str, Any]) -> bool:
    """Whether a run is scored without the background; runs older than the setting are not."""
    return bool(config["run"].get("background", KEPT) == BLACK)


def check(config: Mapping[str, Any], coded: bool) -> None:
    """Refuse a wrong setting.

    Args:
        config: of a run.
        coded: whether its frames are a clip's own, coded (`Recipe.coded`).

    Raises:
        UsageError: an unknown value, or the frames are not the reference's in another form.
    """
    found = config["run"]["background"]
    if found not in (KEPT, BLACK):
        raise UsageError(f"run.background={found} found; give {KEPT} or {BLACK}")
    if found == BLACK and not coded:
        raise UsageError(
            f"run.background={BLACK} takes the face's place from the reference, and this benchmark's frames "
            "show other people or poses; use it with compression, reconstruction or ablation"
        )


def settings() -> dict[str, str]:
    """What stands in the signature of every metric of pictures that are scored so."""
    return {"background": f"{BLACK},outside-convex-hull-of-face", **face_landmarks.settings()}


@dataclass(frozen=True, eq=False)
class FaceRegions:
    """Where the face is in each frame of a clip.

    Attributes:
        bits: (n, ceil(H * W / 8)) uint8, a bit a pixel, row after row: 1 inside.
    """

    bits: NDArray[np.uint8]

    def of(self, start: int, block: Frames) -> NDArray[np.uint8]:
        """The regions of a block (t, H, W, 3) whose first frame is number `start`: (t, H, W, 1), 0 or 1."""
        count, height, width = block.shape[:3]
        flat = np.unpackbits(self.bits[start : start + count], axis=1, count=height * width)
        return flat.reshape(count, height, width, 1)


def face_regions(clip: Clip) -> FaceRegions:
    """The convex hulls of the largest face's 478 points; where no face is found, that of the nearest frame.

    Args:
        clip: the reference.

    Raises:
        AssetError: the face landmarker's weights are missing.
        VideoError: no frame has a face.
    """
    with FaceLandmarks() as find:
        points = [find(frame) for block in clip.frames() for frame in block]
    having = np.array([k for k, found in enumerate(points) if found is not None])
    if not len(having):
        raise VideoError(
            f"clip '{clip.name}': no face is found in its {len(points)} frames, and run.background={BLACK} "
            f"scores faces alone; leave the clip out, or use run.background={KEPT}"
        )
    nearest = [having[np.abs(having - k).argmin()] for k in range(len(points))]
    bits = {k: _hull(found, clip) for k, found in enumerate(points) if found is not None}
    return FaceRegions(np.stack([bits[k] for k in nearest]))


def _hull(points: Points, clip: Clip) -> NDArray[np.uint8]:
    import cv2

    inside = np.zeros((clip.height, clip.width), np.uint8)
    cv2.fillConvexPoly(inside, cv2.convexHull(np.rint(points).astype(np.int32)), 1)
    return np.packbits(inside)


@dataclass(frozen=True)
class FaceAlone(Source):
    """A clip's frames, black outside the face's regions."""

    clip: Clip
    regions: FaceRegions

    def frames(self) -> Iterator[Frames]:
        start = 0
        for block in self.clip.frames():
            yield block * self.regions.of(start, block)
            start += len(block)

    def fingerprint(self) -> str:
        return digest([self.clip.sha256, hashlib.sha256(self.regions.bits.tobytes()).hexdigest()])


def as_scored(config: Mapping[str, Any], reference: Clip) -> Callable[[Clip], Clip]:
    """What a run's metrics are given in place of a clip: itself, or the face alone.

    Args:
        config: of the run.
        reference: the clip that says where the face is.

    Raises:
        AssetError, VideoError: as for `face_regions`.
    """
    if not blackened(config):
        return lambda clip: clip
    regions = face_regions(reference)
    return lambda clip: replace(clip, source=FaceAlone(clip, regions), limit=None)
