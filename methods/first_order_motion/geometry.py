"""Keypoints, first-order flows and sampling in the plane (paper, sections 3.1 and 3.2).

Coordinates run from -1 to 1 over the picture, x to the right, y down.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from ..face_vid2vid.geometry import cell_grid, single_precision
from .config import ModelConfig

HEAT_VARIANCE = 0.01
"""Spread of the keypoints' Gaussians, in squared units of half a picture."""
SMALLEST_DETERMINANT = 1e-6
"""Jacobians that are closer to singular are inverted as if theirs were this."""
FARTHEST = 1e3
"""Places farther away are all outside, and are not told apart; torch's sampling would overflow."""


def cells(height: int, width: int, config: ModelConfig, device: torch.device) -> Tensor:
    """Coordinates (H, W, 2) of a map's cells, as x, y."""
    if not config.corner_grid:
        return cell_grid(height, width, device=device)
    axes = [torch.linspace(-1, 1, cells, device=device) for cells in (height, width)]
    return torch.stack(torch.meshgrid(*axes, indexing="ij")[::-1], -1)


@single_precision
def inverse(jacobian: Tensor) -> Tensor:
    """J⁻¹ of (..., 2, 2), finite for any finite J."""
    a, b, c, d = jacobian.flatten(-2).unbind(-1)
    determinant = a * d - b * c
    sign = torch.where(determinant < 0, -1.0, 1.0)
    determinant = sign * determinant.abs().clamp(min=SMALLEST_DETERMINANT)
    adjugate = torch.stack([d, -b, -c, a], -1) / determinant[..., None]
    return adjugate.reshape(jacobian.shape)


@single_precision
def candidate_flows(
    grid: Tensor, source: Tensor, source_jacobian: Tensor, driving: Tensor, driving_jacobian: Tensor
) -> Tensor:
    """Flows T_0 … T_K over a (H, W, 2) grid: (B, K+1, H, W, 2).

    T_k(z) = x_s,k + J_s,k J_d,k⁻¹ (z − x_d,k) for k ≥ 1 (paper, Eq. 4); T_0 is the identity, for the
    background.

    Args:
        source, driving: keypoints (B, K, 2).
        source_jacobian, driving_jacobian: (B, K, 2, 2).
    """
    jacobian = source_jacobian @ inverse(driving_jacobian)
    from_driving = grid - driving[:, :, None, None]
    turned = torch.einsum("bkij,bkhwj->bkhwi", jacobian, from_driving)
    flows = turned + source[:, :, None, None]
    still = grid.expand(flows.shape[0], 1, *grid.shape)
    return torch.cat([still, flows], dim=1)


@single_precision
def gaussians(grid: Tensor, keypoints: Tensor) -> Tensor:
    """Unnormalised Gaussians around (B, K, 2) keypoints on a (H, W, 2) grid: (B, K, H, W)."""
    squared = (grid - keypoints[:, :, None, None]).square().sum(-1)
    return torch.exp(-squared / (2 * HEAT_VARIANCE))


def sample(features: Tensor, flow: Tensor, config: ModelConfig) -> Tensor:
    """Sample (B, C, H, W) features where the (B, h, w, 2) flow points, in single precision.

    Outside are zeros, as in the authors' code, or, where cells are addressed by their centres, the border.
    """
    outside = "zeros" if config.corner_grid else "border"
    where = flow.float().clamp(-FARTHEST, FARTHEST)
    return F.grid_sample(
        features.float(), where, mode="bilinear", padding_mode=outside, align_corners=config.align_corners
    )


def gaussian_kernel(factor: int) -> Tensor:
    """The weights (n, n) with which pictures are blurred before they are made so many times smaller."""
    sigma = (factor - 1) / 2
    reach = round(4 * sigma)
    weights = torch.exp(-torch.arange(-reach, reach + 1).square() / (2 * sigma**2))
    weights = weights / weights.sum()
    return weights[:, None] * weights


def gaussian_reduced(picture: Tensor, factor: int) -> Tensor:
    """(B, C, H, W) pictures, `factor` times smaller."""
    channels = picture.shape[1]
    kernel = gaussian_kernel(factor).to(picture).expand(channels, 1, -1, -1)
    return F.conv2d(picture, kernel, stride=factor, padding=kernel.shape[-1] // 2, groups=channels)
