"""What is learnt from validation clips about motion parameters, shipped with the weights that give them."""

from __future__ import annotations

import hashlib
import io
import zipfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .errors import AssetError, CodecError
from .fp16_motion import as_bytes
from .motion_coding import Parameters
from .predictive_motion import CROSS_UNIT, quantised
from .transform_motion import BASIS_UNIT

SCALE = 1 << 14
"""Byte counts are stored in parts of this."""
RIDGE = 10.0
"""Added to each channel's sum of squared steps, so that rare events predict nothing."""
MOST_NUMBERS = 1 << 11
ARRAYS = {
    "byte_counts": np.dtype("<u2"),
    "cross": np.dtype("<i2"),
    "basis": np.dtype("<i2"),
    "emphasis": np.dtype("<f4"),
}
NO_BASIS = np.zeros((0, 0), np.int16)
NO_EMPHASIS = np.zeros((0, 0), np.float32)
OPTIONAL = {"basis": NO_BASIS, "emphasis": NO_EMPHASIS}
"""What not all statistics hold, and what stands in its place."""


def emphasised(numbers: Parameters, own: Parameters, matrix: NDArray[np.float32]) -> Parameters:
    """Numbers (t, n) of frames; their difference from the source's own (1, n) times a matrix (n, n)."""
    return np.asarray(own + (numbers - own) @ matrix.T, np.float32)


@dataclass(frozen=True)
class MotionStatistics:
    """Statistics of n motion parameters a frame. Those of the first m of them are a part of these.

    Attributes:
        byte_counts: (2n, 256) uint16, none of them zero: how often each byte value occurs at each
            position of a frame's fp16 numbers (appendix C.1).
        cross: (n, n) int16, strictly lower triangular: what a change of one parameter tells about
            those after it, in steps of the one for a step of the other, times CROSS_UNIT.
        basis: of parameters that move together, (n, n) int16: the directions of their variation in
            steps, the widest first, orthonormal rows in BASIS_UNIT; of others (0, 0).
        emphasis: (n, n) float32: what the sender multiplies a frame's difference from the source picture
            by, where receivers move lids and lips less than they are told to; (0, 0) where it does not.
    """

    byte_counts: NDArray[np.uint16]
    cross: NDArray[np.int16]
    basis: NDArray[np.int16] = field(default_factory=NO_BASIS.copy)
    emphasis: NDArray[np.float32] = field(default_factory=NO_EMPHASIS.copy)

    @classmethod
    def learn(
        cls, tracks: Iterable[Parameters], steps: Sequence[float], together: bool = False
    ) -> MotionStatistics:
        """Statistics of the tracks (t, n) of validation clips.

        Args:
            tracks: finite.
            steps: (n,) sizes by which changes are measured: those of the middle operating point.
            together: whether the parameters move together, as the points of a face: they get a basis in
                place of what changes tell about each other.

        Raises:
            CodecError: there are no frames, or a number is not finite.
        """
        n = len(steps)
        counts = np.zeros((2 * n, 256), np.int64)
        squares, spread = RIDGE * np.eye(n), np.zeros((n, n))
        for track in tracks:
            counts += np.stack([np.bincount(column, minlength=256) for column in as_bytes(track).T])
            change = np.diff(quantised(track, np.asarray(steps)), axis=0).astype(np.float64)
            squares += change.T @ change
            about = (track - track.mean(0)) / steps
            spread += about.T @ about
        if not counts.any():
            raise CodecError("no frames to learn motion statistics from; give tracks of validation clips")
        shares = np.maximum(counts * SCALE // counts.sum(1, keepdims=True), 1)
        if together:
            basis = np.rint(np.linalg.eigh(spread)[1].T[::-1] * BASIS_UNIT).astype(np.int16)
            return cls(shares.astype(np.uint16), np.zeros((n, n), np.int16), basis)
        cross = np.zeros((n, n))
        for row in range(1, n):
            cross[row, :row] = np.linalg.solve(squares[:row, :row], squares[:row, row])
        limit = np.iinfo(np.int16).max
        return cls(shares.astype(np.uint16), np.rint(cross * CROSS_UNIT).clip(-limit, limit).astype(np.int16))

    def first(self, numbers: int) -> MotionStatistics:
        """The statistics of the first parameters.

        Raises:
            AssetError: there are fewer.
        """
        if len(self.cross) < numbers:
            raise AssetError(
                f"motion statistics of {len(self.cross)} numbers a frame found, {numbers} are needed; "
                "use those that were learnt for these weights"
            )
        basis = self.basis if numbers == len(self.basis) else NO_BASIS
        square = slice(numbers), slice(numbers)
        return MotionStatistics(
            self.byte_counts[: 2 * numbers], self.cross[square], basis, self.emphasis[square]
        )

    def fingerprint(self) -> str:
        """sha256 of the arrays."""
        digest = hashlib.sha256()
        for name, kind in ARRAYS.items():
            digest.update(np.ascontiguousarray(getattr(self, name).astype(kind)).tobytes())
        return digest.hexdigest()

    def save(self, folder: Path) -> Path:
        """Write the statistics into a folder, under the beginning of their hash; returns the file."""
        file = folder / f"{self.fingerprint()[:16]}.npz"
        arrays: dict[str, Any] = {name: getattr(self, name).astype(kind) for name, kind in ARRAYS.items()}
        np.savez_compressed(file, **arrays)
        return file

    @classmethod
    def load(cls, file: Path) -> MotionStatistics:
        """Read statistics; nothing in the file is executed.

        Raises:
            AssetError: the file is missing, or holds something else.
        """
        try:
            data = io.BytesIO(file.read_bytes())
        except OSError as error:
            raise AssetError(
                f"motion statistics {file} cannot be read ({error.strerror}); name others, or learn them anew"
            ) from None
        try:
            with np.load(data, allow_pickle=False) as archive:
                arrays = {name: archive[name] for name in ARRAYS if name in archive or name not in OPTIONAL}
        except (ValueError, KeyError, EOFError, AttributeError, zipfile.BadZipFile):
            arrays = {}
        n = len(arrays["cross"]) if arrays else 0
        shapes = {"byte_counts": (2 * n, 256), "cross": (n, n)}
        for name, none in OPTIONAL.items():
            shapes[name] = (n, n) if len(arrays.setdefault(name, none)) else (0, 0)
        fit = 0 < n <= MOST_NUMBERS and all(
            arrays[name].shape == shapes[name] and arrays[name].dtype == kind for name, kind in ARRAYS.items()
        )
        finite = fit and np.isfinite(arrays["emphasis"]).all()
        if not finite or not arrays["byte_counts"].all() or np.triu(arrays["cross"]).any():
            raise AssetError(f"{file} holds no motion statistics; name another file, or learn them anew")
        return cls(
            arrays["byte_counts"].astype(np.uint16),
            arrays["cross"].astype(np.int16),
            arrays["basis"].astype(np.int16),
            arrays["emphasis"].astype(np.float32),
        )
