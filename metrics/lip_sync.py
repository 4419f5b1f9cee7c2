"""How well lips and sound go together: features of a clip's windows, and their distances at each shift.

Source: Chung and Zisserman, Out of time: automated lip sync in the wild, ACCV workshops 2016, sec. 3.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from ..core.metric import Shape, Values
from ..core.video import SOUND_RATE, Frame, Frames, Sound
from .face_tracks import FaceTracks, box
from .mesh_faces import faces
from .mfcc import mfcc
from .syncnet import BATCH, FPS, SIZE, WINDOW, Features, network

SHIFTS = 15
"""Frames by which the sound is shifted against the lips, at most, either way."""
FEWEST = 2 * SHIFTS + 1
"""Windows of which a clip's value says something: as many as there are shifts."""
DETECTOR = "MediaPipe"


class Lips:
    """Features of what the lips do in a video that comes block by block; it holds few frames."""

    def __init__(self) -> None:
        self.found: list[bool] = []
        self._tracks = FaceTracks()
        self._run: list[Frame] = []  # neighbouring crops, from the first that is still needed
        self._begin = 0  # frame of the first of them
        self._parts: list[tuple[int, Features]] = []

    def take(self, frames: Frames) -> None:
        """Take the next block, (t, H, W, 3) uint8 RGB."""
        for frame, face in zip(frames, faces(frames), strict=True):
            self.found.append(face is not None)
            self._add(self._tracks.take(frame, None if face is None else box(face.points)))

    def _add(self, crops: Iterable[Frame | None]) -> None:
        for crop in crops:
            if crop is None:
                self._look()
                self._begin += len(self._run) + 1
                self._run = []
                continue
            self._run.append(crop)
            if len(self._run) == BATCH + WINDOW - 1:
                self._look()

    def _look(self) -> None:
        count = len(self._run) - WINDOW + 1
        if count > 0:
            self._parts.append((self._begin, network().lips(np.stack(self._run))))
            self._run = self._run[count:]
            self._begin += count

    def features(self, windows: int) -> Features:
        """The features of the windows that begin with each of the first frames, when all have come.

        Returns:
            (windows, 1024), NaN where a frame of a window shows no face.
        """
        self._add(self._tracks.end())
        self._look()
        features = np.full((max(windows, len(self.found)), SIZE), np.nan, np.float32)
        for begin, part in self._parts:
            features[begin : begin + len(part)] = part
        return features[:windows]


class Original:
    """A reference and its sound, looked at and listened to once for all clips that are decoded from it.

    Args:
        shape: of the reference.
    """

    def __init__(self, shape: Shape) -> None:
        self.shape = shape
        self.lips = Lips()
        self.unfit = ""
        self._sound: Sound | None = None
        self._last: Frames | None = None
        self._features: tuple[Features, Features] | None = None
        if shape.fps != FPS:
            self.unfit = (
                f"SyncNet knows {FPS} frames per second, this clip has {float(shape.fps):g}; "
                f"convert it to {FPS}, with its sound"
            )
            return
        self._sound = shape.sound()
        if self._sound is None or not self._sound.any():
            self.unfit = (
                "nothing is heard in this clip: it has no sound track, or a silent one; "
                "give videos with their speech, such as mp4 files by the data set folder"
            )

    def take(self, frames: Frames) -> None:
        """Take the next block; the very array that was taken last is not taken again."""
        if frames is not self._last:
            self._last = frames
            self.lips.take(frames)

    def heard(self, frames: int) -> int:
        """How many of so many frames have sound to their ends."""
        assert self._sound is not None
        return min(frames, len(self._sound) * FPS // SOUND_RATE)

    def features(self, windows: int) -> tuple[Features, Features]:
        """Features of what is heard and of the reference's lips, (windows, 1024) each."""
        if self._features is None:
            assert self._sound is not None
            self._features = network().sounds(mfcc(self._sound), windows), self.lips.features(windows)
        return self._features


@dataclass(frozen=True)
class Match:
    """How the lips of a clip go with its sound.

    Attributes:
        offset: frames by which the sound leads the lips.
        distances: (windows,), of lips and sound at this offset; NaN where a window has no lips.
        confidence: (windows,), the median over all shifts of their mean distances, less `distances`.
    """

    offset: int
    distances: Values
    confidence: Values


def match(lips: Features, sound: Features, counts: slice) -> Match | None:
    """The offset at which the mean distance of lips and sound is least.

    Args:
        lips: (windows, 1024), NaN where there are none.
        sound: (windows, 1024), by the same windows.
        counts: the windows that count.

    Returns:
        None where fewer than 31 windows that count have lips.
    """
    silence = np.zeros((SHIFTS, sound.shape[1]), np.float32)
    padded = np.concatenate([silence, sound, silence])
    table = np.stack(
        [np.linalg.norm(lips - padded[shift : shift + len(lips)], axis=1) for shift in range(FEWEST)], axis=1
    ).astype(np.float64)
    seen = table[counts][~np.isnan(lips[counts, 0])]
    if len(seen) < FEWEST:
        return None
    means = seen.mean(0)
    best = int(means.argmin())
    return Match(SHIFTS - best, table[:, best], np.median(means) - table[:, best])
