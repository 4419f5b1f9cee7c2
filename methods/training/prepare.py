"""Read the training clips once, crop them to the face and label every frame.

Training only indexes what this module leaves behind, one folder a clip, in the cache:

    frames.npy      (N, S, S, 3) uint8 RGB, a square around the face, read by memory map
    labels.npz      landmarks (N, 478, 2) float32, in [0, 1] of the crop
                    blendshapes (N, 52) float32, in [0, 1]
                    rotation (N, 3, 3) float32, in image axes (x right, y down, z away)
                    valid (N,) bool, false where no face was found
    clip.json       the crop, the stride and what else it was made of

A folder's name holds the hash of the video and of all that determines the rest, so that one cache serves
every training, and a changed video is prepared anew. The labels come from MediaPipe's face landmarker.
They steer the losses (which pixels are eyes and mouth, where the head looks, what the face does); the
model itself never sees them.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...core.assets import cache
from ...core.errors import UsageError, VideoError
from ...core.face_landmarks import POINTS
from ...core.reading import READER, VideoFile, probe
from ...core.shared_assets import FACE_LANDMARKER
from ...core.signature import digest, sha256_once
from ...core.store import writing
from ...core.video import Frame
from .footage import Box, Footage
from .landmarker import BLENDSHAPES, Labels

VERSION = 1
"""Raised when folders of an earlier version cannot be used."""
CROP_SCALE = 1.7
"""Side of the square crop, in units of the longer side of the face box."""
SEARCHED = 24
"""Frames in which a face box is searched."""

Detector = Callable[[Frame], Labels | None]


@dataclass(frozen=True)
class Prepared:
    """A prepared clip: where it comes from, and the folder it lies in."""

    footage: Footage
    folder: Path


def prepare(
    clips: Sequence[Footage],
    size: int,
    limit: int,
    detector: Callable[[], AbstractContextManager[Detector]],
    say: Callable[[str], None],
) -> list[Prepared]:
    """Prepare clips that are not yet; clips without a face are left out, and said.

    Args:
        clips: what to prepare.
        size: side of the stored crops in pixels.
        limit: frames that are kept of a clip, evenly spaced.
        detector: makes the labeller; called only if there is something to label.
        say: told of every clip that is prepared or left out.

    Raises:
        UsageError: no clip shows a face.
        AssetError: the file that labelling needs is missing.
    """
    found: list[Prepared] = []
    label: Detector | None = None
    with ExitStack() as stack:
        for clip in clips:
            folder = _folder(clip, size, limit)
            if not (folder / "clip.json").exists():
                label = label or stack.enter_context(detector())
                try:
                    faces = _prepare(clip, folder, label, size, limit)
                except VideoError as error:
                    say(f"left out: {error}")
                    continue
                say(f"prepared {clip.path.name}: {faces} faces")
            if json.loads((folder / "clip.json").read_text("utf-8"))["faces"] < 2:
                say(f"left out: {clip.path} shows a face in fewer than two frames")
                continue
            found.append(Prepared(clip, folder))
    if not found:
        raise UsageError(f"none of the {len(clips)} clips shows a face; give videos of talking heads")
    return found


def _folder(clip: Footage, size: int, limit: int) -> Path:
    made_of = [VERSION, READER, sha256_once(clip.path), FACE_LANDMARKER.sha256, clip.box, size, limit]
    return cache() / "training" / f"{clip.path.stem}-{digest(made_of)[:16]}"


def _every(video: VideoFile, stride: int, limit: int) -> Iterator[Frame]:
    """Every `stride`-th frame, at most `limit` of them."""
    at = taken = 0
    for block in video.frames():
        for frame in block:
            if at % stride == 0 and taken < limit:
                taken += 1
                yield frame
            at += 1
        if taken == limit:
            return


def _stride(frames: int, limit: int) -> int:
    return max(1, -(-frames // limit))


def find_box(path: Path, detector: Detector) -> Box | None:
    """The face box united over some frames of a video, in pixels; None where no face is found."""
    info = probe(path)
    boxes = []
    for frame in _every(VideoFile(path), _stride(info.frames, SEARCHED), SEARCHED):
        labels = detector(frame)
        if labels is not None:
            points = labels["landmarks"] * [info.width, info.height]
            boxes.append([*points.min(0), *points.max(0)])
    if not boxes:
        return None
    every = np.array(boxes)
    left, top = every[:, :2].min(0)
    right, bottom = every[:, 2:].max(0)
    return int(left), int(top), int(right), int(bottom)


def square_crop(box: Box, width: int, height: int) -> tuple[int, int, int]:
    """Left, top and side of a square around `box` that lies inside the picture."""
    left, top, right, bottom = box
    side = min(max(16, round(CROP_SCALE * max(right - left, bottom - top))), width, height)
    x = round((left + right - side) / 2)
    y = round((top + bottom - side) / 2)
    return min(max(x, 0), width - side), min(max(y, 0), height - side), side


def _prepare(clip: Footage, folder: Path, detector: Detector, size: int, limit: int) -> int:
    """Write one clip's folder; returns the number of frames in which a face was found."""
    info = probe(clip.path)
    box = clip.box or find_box(clip.path, detector)
    crops: list[Frame] = []
    labels: list[Labels | None] = []
    x, y, side = square_crop(box, info.width, info.height) if box else (0, 0, min(info.width, info.height))
    stride = _stride(info.frames, limit)
    if box is not None:
        video = VideoFile(clip.path, (size, size), (x, y, side, side))
        crops = [frame.copy() for frame in _every(video, stride, limit)]
        labels = [detector(crop) for crop in crops]
    valid = np.array([item is not None for item in labels], bool)

    def stack(name: str, shape: tuple[int, ...]) -> NDArray[Any]:
        rows: list[Any] = [np.zeros(shape, np.float32) if item is None else item[name] for item in labels]  # type: ignore[literal-required]
        return np.stack(rows) if rows else np.zeros((0, *shape), np.float32)

    with writing(folder / "frames.npy") as file:
        np.save(file, np.stack(crops) if crops else np.zeros((0, size, size, 3), np.uint8))
    with writing(folder / "labels.npz") as file:
        np.savez(
            file,
            valid=valid,
            landmarks=stack("landmarks", (POINTS, 2)),
            blendshapes=stack("blendshapes", (BLENDSHAPES,)),
            rotation=stack("rotation", (3, 3)),
        )
    # Written last: a folder with this file is a finished one.
    about = {"file": clip.path.name, "crop": [x, y, side], "stride": stride, "faces": int(valid.sum())}
    with writing(folder / "clip.json") as file:
        file.write_text(json.dumps(about, indent=1), "utf-8")
    return int(valid.sum())
