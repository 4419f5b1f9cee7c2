"""Random distortions of the plane, under which keypoints must move as pictures do."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F


class Distortion:
    """A random affine map and thin-plate spline T of the plane, per sample: x_d = T(x_T(d)) for points of a
    picture d and of T(d).

    Args:
        count: samples.
        generator: on the CPU; all chance comes from it.
        affine, spline: standard deviations of the map's numbers.
        points: of the spline's control grid, along each axis.
    """

    def __init__(
        self,
        count: int,
        generator: torch.Generator,
        *,
        affine: float = 0.05,
        spline: float = 0.005,
        points: int = 5,
    ) -> None:
        noise = torch.randn(count, 2, 3, generator=generator) * affine
        self.theta = noise + torch.eye(2, 3)
        axis = torch.linspace(-1, 1, points)
        self.control = torch.cartesian_prod(axis, axis)
        self.weights = torch.randn(count, 1, points * points, generator=generator) * spline

    def map(self, points: Tensor) -> Tensor:
        """Where (B, N, 2) points of the distorted picture lie in the original."""
        theta = self.theta.to(points.device)
        control = self.control.to(points.device)
        # Not a matrix product, which autocasting would do in half precision.
        moved = (points[:, :, None] * theta[:, None, :, :2]).sum(-1) + theta[:, None, :, 2]
        distance = (points[:, :, None] - control).abs().sum(-1)
        bend = distance.square() * torch.log(distance + 1e-6)
        return moved + (bend * self.weights.to(points.device)).sum(-1, keepdim=True)

    def apply(self, picture: Tensor) -> Tensor:
        """T(d) for a (B, 3, S, S) picture."""
        size = picture.shape[-1]
        axis = (torch.arange(size, device=picture.device) * 2 + 1) / size - 1
        y, x = torch.meshgrid(axis, axis, indexing="ij")
        grid = torch.stack([x, y], -1).reshape(1, -1, 2).expand(len(picture), -1, -1)
        return F.grid_sample(
            picture, self.map(grid).reshape(-1, size, size, 2), padding_mode="reflection", align_corners=False
        )
