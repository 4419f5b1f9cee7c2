"""M: from two sets of keypoints to one flow, and what cannot be seen (appendix A.1)."""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from .blocks import ConvNorm, Down, Up, conv
from .config import ModelConfig
from .geometry import candidate_flows, cell_grid, compose_flow, gaussians, warp

HEAT_VARIANCE = 0.01
"""Spread of the keypoints' Gaussians, in squared units of half a picture."""


@dataclass(frozen=True)
class Field:
    """What M says about a driving frame, at the size of the volume it was given.

    flow       (B, D, H, W, 3) where in the source volume each driving cell comes from
    masks      (B, K+1, D, H, W) the share of each candidate flow, the background first; sums to 1
    occlusion  (B, 1, H, W) in [0, 1]; 0 where the source shows nothing of the driving frame
    surface    (B, H, W, 2) the flow of the visible surface, for warping pictures; None unless the
               generator blends
    """

    flow: Tensor
    masks: Tensor
    occlusion: Tensor
    surface: Tensor | None


class UNet3d(nn.Module):
    """3-D U-Net that halves height and width, not depth, between its levels."""

    def __init__(self, inputs: int, widths: tuple[int, ...], *, strided: bool, spectral: bool) -> None:
        super().__init__()
        levels = [inputs, *widths]
        self.down = nn.ModuleList(
            [Down(3, a, b, strided=strided, spectral=spectral) for a, b in itertools.pairwise(levels)]
        )
        self.up = nn.ModuleList()
        width = widths[-1]
        for level in range(len(widths) - 1, -1, -1):
            outputs = widths[max(level - 1, 0)]
            self.up.append(Up(3, width, outputs, spectral=spectral))
            width = outputs + levels[level]
        self.outputs = width

    def forward(self, x: Tensor) -> Tensor:
        skips = [x]
        for down in self.down:
            skips.append(down(skips[-1]))
        x = skips.pop()
        for up in self.up:
            x = torch.cat([up(x), skips.pop()], dim=1)
        return x


class MotionField(nn.Module):
    """M: warps a thin copy of f_s by all candidate flows, and weighs them cell by cell."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        spectral = config.spectral_norm
        thin = config.motion_compress
        self.compress = conv(3, config.volume_channels, thin, 1, spectral=spectral)
        inputs = (config.keypoints + 1) * (thin + 1)
        self.squeeze: nn.Module = nn.Identity()
        if config.motion_squeeze:
            self.squeeze = ConvNorm(3, inputs, config.motion_squeeze, 1, spectral=spectral)
            inputs = config.motion_squeeze
        self.unet = UNet3d(inputs, config.motion_widths, strided=config.strided, spectral=spectral)
        width = self.unet.outputs
        self.reduce = config.motion_reduce
        self.enlarge: nn.Module = nn.Identity()
        if self.reduce == 2:
            self.enlarge = Up(3, width, config.motion_widths[0], spectral=spectral)
            width = config.motion_widths[0]
        # Masks and, for blending, each cell's claim to be the visible surface.
        self.masks = conv(3, width, config.keypoints + (2 if config.blend else 1), 3, spectral=spectral)
        self.blend = config.blend
        flat = width * config.volume_depth
        self.occlusion = conv(2, flat, 1, 3 if config.blend else 7, spectral=spectral)

    def forward(
        self, volume: Tensor, source: Tensor, driving: Tensor, jacobian: Tensor, kept: Tensor | None = None
    ) -> Field:
        """The field of a driving frame.

        Args:
            volume: f_s at the motion size, (B, C, D, H, W).
            source: keypoints x_s (B, K, 3).
            driving: keypoints x_d (B, K, 3).
            jacobian: R_s R_d⁻¹ (B, 3, 3).
            kept: number of keypoints in use (B,); those after it get no share of the flow.
        """
        full = cell_grid(*volume.shape[2:], device=volume.device)
        if self.reduce > 1:
            volume = F.avg_pool3d(volume, (1, self.reduce, self.reduce))
        batch, _, depth, height, width = volume.shape
        grid = cell_grid(depth, height, width, device=volume.device)
        flows = candidate_flows(grid, source, driving, jacobian)
        count = flows.shape[1]

        thin = self.compress(volume).float()
        repeated = thin[:, None].expand(-1, count, -1, -1, -1, -1).flatten(0, 1)
        warped = warp(repeated, flows.flatten(0, 1)).reshape(batch, count, -1, depth, height, width)
        shape = depth, height, width
        heat = gaussians(*shape, driving, HEAT_VARIANCE) - gaussians(*shape, source, HEAT_VARIANCE)
        heat = torch.cat([torch.zeros_like(heat[:, :1]), heat], dim=1)
        evidence = torch.cat([warped, heat[:, :, None]], dim=2)
        if kept is not None:
            used = torch.arange(count, device=kept.device) <= kept[:, None]
            evidence = evidence * used[:, :, None, None, None, None]

        # The layout in which 3-D convolutions are fastest; the U-Net keeps it.
        layout = torch.channels_last_3d
        evidence = evidence.flatten(1, 2).contiguous(memory_format=layout)
        features = self.enlarge(self.unet(self.squeeze(evidence)))
        weights = self.masks(features).float()
        logits = weights[:, :count]
        if kept is not None:
            logits = logits.masked_fill(~used[:, :, None, None, None], float("-inf"))
        masks = logits.softmax(1)
        flow = compose_flow(masks, full, source, driving, jacobian)
        occlusion = torch.sigmoid(self.occlusion(features.flatten(1, 2)).float())
        surface = None
        if self.blend:
            visible = weights[:, count].softmax(1)
            surface = (visible[..., None] * flow[..., :2]).sum(1)
        return Field(flow, masks, occlusion, surface)
