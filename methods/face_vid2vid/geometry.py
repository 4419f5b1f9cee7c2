"""Rotations, keypoints and flows (paper, section 3; appendix A.1).

Coordinates run from -1 to 1 over the picture and over the depth of the volume: x to the right,
y down, z away from the camera. Cells are addressed by their centres (`align_corners=False`), so
a flow means the same at every size.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import ParamSpec

import torch
from torch import Tensor
from torch.nn import functional as F

P = ParamSpec("P")


def single_precision(function: Callable[P, Tensor]) -> Callable[P, Tensor]:
    """Switch autocasting off: a coordinate in half precision is off by half a pixel of 256."""

    @wraps(function)
    def precise(*args: P.args, **kwargs: P.kwargs) -> Tensor:
        tensor = next(a for a in args if isinstance(a, Tensor))
        with torch.autocast(tensor.device.type, enabled=False):
            return function(*args, **kwargs)

    return precise


BINS = 66
"""Bins an angle (appendix A.1); each is three degrees wide, from -99°."""


def bins_to_degrees(logits: Tensor) -> Tensor:
    """Expected angle in degrees of (..., 66) logits."""
    index = torch.arange(BINS, device=logits.device, dtype=torch.float32)
    return (logits.float().softmax(-1) * index).sum(-1) * 3 - 99


def degrees_to_bins(degrees: Tensor) -> Tensor:
    """Shares (..., 66) of the two bins next to each angle, whose expectation is the angle."""
    index = torch.arange(BINS, device=degrees.device, dtype=torch.float32)
    position = ((degrees.float() + 99) / 3).clamp(0, BINS - 1)
    return (1 - (index - position[..., None]).abs()).clamp(min=0)


@single_precision
def euler_to_matrix(degrees: Tensor) -> Tensor:
    """R = R_x(pitch) R_y(yaw) R_z(roll) of (..., 3) angles given as yaw, pitch, roll."""
    yaw, pitch, roll = torch.deg2rad(degrees).unbind(-1)
    one, zero = torch.ones_like(yaw), torch.zeros_like(yaw)

    def matrix(*cells: Tensor) -> Tensor:
        return torch.stack(cells, -1).reshape(*cells[0].shape, 3, 3)

    about_x = matrix(one, zero, zero, zero, pitch.cos(), -pitch.sin(), zero, pitch.sin(), pitch.cos())
    about_y = matrix(yaw.cos(), zero, yaw.sin(), zero, one, zero, -yaw.sin(), zero, yaw.cos())
    about_z = matrix(roll.cos(), -roll.sin(), zero, roll.sin(), roll.cos(), zero, zero, zero, one)
    return about_x @ about_y @ about_z


def matrix_to_euler(rotation: Tensor) -> Tensor:
    """Yaw, pitch, roll in degrees of (..., 3, 3) rotations with |yaw| < 90°."""
    yaw = torch.asin(rotation[..., 0, 2].clamp(-1, 1))
    pitch = torch.atan2(-rotation[..., 1, 2], rotation[..., 2, 2])
    roll = torch.atan2(-rotation[..., 0, 1], rotation[..., 0, 0])
    return torch.rad2deg(torch.stack([yaw, pitch, roll], -1))


@single_precision
def transform_keypoints(
    canonical: Tensor, rotation: Tensor, translation: Tensor, deformation: Tensor
) -> Tensor:
    """Eq. 1: x_k = R x_c,k + t + δ_k, for (B, K, 3) keypoints."""
    return canonical @ rotation.transpose(-1, -2) + translation[:, None] + deformation


@single_precision
def relative_rotation(source: Tensor, driving: Tensor) -> Tensor:
    """J = R_s R_d⁻¹ of (B, 3, 3) rotations."""
    return source @ driving.transpose(-1, -2)


def cell_grid(*sizes: int, device: torch.device) -> Tensor:
    """Centres of the cells of a (D, H, W) or (H, W) grid: (D, H, W, 3) as x, y, z or (H, W, 2)."""
    axes = [(torch.arange(n, device=device, dtype=torch.float32) * 2 + 1) / n - 1 for n in sizes]
    return torch.stack(torch.meshgrid(*axes, indexing="ij")[::-1], -1)


@single_precision
def candidate_flows(grid: Tensor, source: Tensor, driving: Tensor, jacobian: Tensor) -> Tensor:
    """Flows w_0 … w_K over a (D, H, W, 3) grid: (B, K+1, D, H, W, 3).

    w_k(p) = R_s R_d⁻¹ (p − x_d,k) + x_s,k (appendix, Eq. 1) for k ≥ 1, with `jacobian` = R_s R_d⁻¹;
    w_0 is the identity, for the background.
    """
    rotated = torch.einsum("bij,dhwj->bdhwi", jacobian, grid)
    offset = source - driving @ jacobian.transpose(-1, -2)
    flows = rotated[:, None] + offset[:, :, None, None, None]
    still = grid.expand(flows.shape[0], 1, *grid.shape)
    return torch.cat([still, flows], dim=1)


@single_precision
def compose_flow(masks: Tensor, grid: Tensor, source: Tensor, driving: Tensor, jacobian: Tensor) -> Tensor:
    """Σ_k m_k w_k over a (D, H, W, 3) grid: (B, D, H, W, 3), for (B, K+1, D, H, W) masks.

    All w_k of k ≥ 1 share their Jacobian, so the sum is m_0 p + (1 − m_0) J p + Σ m_k b_k with
    b_k = x_s,k − J x_d,k: no candidate flow has to be kept.
    """
    rotated = torch.einsum("bij,dhwj->bdhwi", jacobian, grid)
    offset = source - driving @ jacobian.transpose(-1, -2)
    moved = torch.einsum("bkdhw,bkc->bdhwc", masks[:, 1:], offset)
    still = masks[:, 0, ..., None]
    return rotated + still * (grid - rotated) + moved


def gaussians(depth: int, height: int, width: int, keypoints: Tensor, variance: float) -> Tensor:
    """Unnormalised Gaussians around (B, K, 3) keypoints on a grid of cells: (B, K, D, H, W)."""

    def along(cells: int, where: Tensor) -> Tensor:
        centres = (torch.arange(cells, device=where.device) * 2 + 1) / cells - 1
        return torch.exp(-(centres - where[..., None]).square() / (2 * variance))

    x = along(width, keypoints[..., 0])[:, :, None, None, :]
    y = along(height, keypoints[..., 1])[:, :, None, :, None]
    z = along(depth, keypoints[..., 2])[:, :, :, None, None]
    return x * y * z


def resize_flow(flow: Tensor, height: int, width: int) -> Tensor:
    """Bilinearly resize a flow of (B, D, H, W, 3) or (B, H, W, 2) in height and width."""
    if flow.shape[-3:-1] == (height, width):
        return flow
    channels = flow.movedim(-1, 1)
    if flow.dim() == 5:
        batch, three, depth = channels.shape[:3]
        flat = channels.reshape(batch, three * depth, *channels.shape[3:])
        out = F.interpolate(flat, size=(height, width), mode="bilinear", align_corners=False)
        return out.reshape(batch, three, depth, height, width).movedim(1, -1)
    return F.interpolate(channels, size=(height, width), mode="bilinear", align_corners=False).movedim(1, -1)


def resized(maps: Tensor, size: int) -> Tensor:
    """Square pictures or maps (B, C, S, S) at another size, without aliases where they shrink."""
    if maps.shape[-1] == size:
        return maps
    return F.interpolate(
        maps.float(), size=(size, size), mode="bilinear", align_corners=False, antialias=maps.shape[-1] > size
    )


def warp(features: Tensor, flow: Tensor) -> Tensor:
    """Sample (B, C, [D,] H, W) features where the flow points; outside repeats the border.

    Features keep their own size except for the depth of `flow`; sampling is in single precision
    because half-precision coordinates would jitter by a good part of a pixel.
    """
    return F.grid_sample(
        features.float(), flow.float(), mode="bilinear", padding_mode="border", align_corners=False
    )
