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


FIXED_POINT_STEPS = 12
"""Of the search for where a lens puts a point; each divides the error by four or more."""


@dataclass(frozen=True)
class Window:
    """A square (side `zoom`, centre `shift`, of a picture from -1 to 1), turned, then mirrored, under a lens.

    Attributes:
        zoom: side, relative to the picture's; beyond 1 the picture's mirror image surrounds it.
        angle: in radians.
        shift: (2,) its centre.
        mirror: left and right change places.
        lens: (n, n, 2) displacements on an even grid over the cut picture, smooth in between, that both
            pictures of a pair undergo: another face with the same motion. None changes nothing.
    """

    zoom: float
    angle: float
    shift: Array
    mirror: bool
    lens: Array | None = None

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
        back = np.linalg.inv(self.matrix).T
        moved: Array = (points - self.shift) @ back
        if self.lens is None:
            return moved
        through = moved
        for _ in range(FIXED_POINT_STEPS):
            places = torch.from_numpy(through.reshape(1, 1, -1, 2)).float()
            bend = self._bend(places).numpy().reshape(points.shape)
            through = moved - bend @ back
        return through

    def _bend(self, places: Tensor) -> Tensor:
        """What the lens adds at places (N, H, W, 2) of the cut picture, in coordinates of the stored one."""
        assert self.lens is not None
        grid = torch.from_numpy(self.lens).float().movedim(-1, 0)[None].expand(len(places), -1, -1, -1)
        bent = F.grid_sample(grid, places, mode="bicubic", padding_mode="border", align_corners=True)
        return bent.movedim(1, -1)

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
        if self.lens is not None:
            still = torch.eye(2, 3).expand(len(pictures), 2, 3)
            grid = grid + self._bend(
                F.affine_grid(still, [len(pictures), 3, fine, fine], align_corners=False)
            )
        out = F.grid_sample(pictures, grid, padding_mode="reflection", align_corners=False)
        return F.avg_pool2d(out, factor) if factor > 1 else out
