"""The window that is cut out of both pictures of a pair, and what becomes of their labels."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

Array = NDArray[Any]


@dataclass(frozen=True)
class Window:
    """A similarity: a square (side `zoom`, centre `shift`, of a picture from -1 to 1), turned, then mirrored.

    Attributes:
        zoom: side, relative to the picture's.
        angle: in radians.
        shift: (2,) its centre.
        mirror: left and right change places.
    """

    zoom: float
    angle: float
    shift: Array
    mirror: bool

    @property
    def matrix(self) -> Array:
        """From coordinates of the cut picture to those of the stored one, (2, 2)."""
        c, s = np.cos(self.angle), np.sin(self.angle)
        turn = np.array([[c, s], [-s, c]])
        flip = np.diag([-1.0 if self.mirror else 1.0, 1.0])
        return self.zoom * (turn @ flip)

    @property
    def affine(self) -> Array:
        """(2, 3) as `affine_grid` wants it."""
        return np.concatenate([self.matrix, self.shift[:, None]], 1)

    def move(self, points: Array) -> Array:
        """Points (..., 2) of the stored picture, in the cut picture, both in [-1, 1]."""
        return (points - self.shift) @ np.linalg.inv(self.matrix).T

    def turn(self, rotation: Array) -> Array:
        """Head rotations (..., 3, 3) as the cut picture shows them."""
        c, s = np.cos(self.angle), np.sin(self.angle)
        about_z = np.array([[c, -s, 0], [s, c, 0], [0, 0, 1]])
        flip = np.diag([-1.0 if self.mirror else 1.0, 1.0, 1.0])
        turned: Array = flip @ about_z @ rotation @ flip
        return turned

    def cut(self, pictures: Tensor, size: int) -> Tensor:
        """Cut (N, 3, H, W) pictures to (N, 3, size, size)."""
        # Sampling at the stored size and averaging afterwards keeps the small picture free of aliases.
        factor = max(1, pictures.shape[-1] // size)
        fine = size * factor
        theta = torch.from_numpy(self.affine).float().expand(len(pictures), 2, 3)
        grid = F.affine_grid(theta, [len(pictures), 3, fine, fine], align_corners=False)
        out = F.grid_sample(pictures, grid, padding_mode="reflection", align_corners=False)
        return F.avg_pool2d(out, factor) if factor > 1 else out
