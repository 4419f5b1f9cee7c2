"""Dense motion: from two sets of keypoints to one flow, and what cannot be seen (paper, section 3.2)."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from ..face_vid2vid.blocks import ConvNorm, conv
from .config import ModelConfig
from .detector import Hourglass, Keypoints
from .geometry import candidate_flows, cells, gaussians, sample


@dataclass(frozen=True)
class Field:
    """What dense motion says about a driving frame, at `config.field_size`.

    flow       (B, H, W, 2) where in the source picture each driving cell comes from
    masks      (B, K+1, H, W) the share of each candidate flow, the background first; sums to 1
    occlusion  (B, 1, H, W) in [0, 1]; 0 where the source shows nothing of the driving frame; or None
    heat       (B, K, H, W) Gaussians of the driving keypoints less those of the source
    """

    flow: Tensor
    masks: Tensor
    occlusion: Tensor | None
    heat: Tensor


class DenseMotion(nn.Module):
    """Warps a small source picture by all candidate flows, and weighs them cell by cell."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.config = config
        inputs = (config.keypoints + 1) * 4
        self.squeeze: nn.Module = nn.Identity()
        if config.motion_squeeze:
            self.squeeze = ConvNorm(2, inputs, config.motion_squeeze, 1)
            inputs = config.motion_squeeze
        self.hourglass = Hourglass(inputs, config.motion_widths, strided=config.strided)
        outputs, kernel = self.hourglass.outputs, config.head_kernel
        self.masks = conv(2, outputs, config.keypoints + 1, kernel)
        self.occlusion = conv(2, outputs, 1, kernel) if config.occlusion else None

    def forward(self, picture: Tensor, source: Keypoints, driving: Keypoints) -> Field:
        """The field of a driving frame.

        Args:
            picture: the source picture (B, 3, H, W), H and W `config.field_size`.
            source: its keypoints.
            driving: those of the driving frame.
        """
        batch, _, height, width = picture.shape
        grid = cells(height, width, self.config, picture.device)
        flows = candidate_flows(grid, source.points, source.jacobians, driving.points, driving.jacobians)
        count = flows.shape[1]
        repeated = picture[:, None].expand(-1, count, -1, -1, -1).flatten(0, 1)
        warped = sample(repeated, flows.flatten(0, 1), self.config).reshape(batch, count, 3, height, width)
        heat = gaussians(grid, driving.points) - gaussians(grid, source.points)
        known = torch.cat([torch.zeros_like(heat[:, :1]), heat], dim=1)
        evidence = torch.cat([known[:, :, None], warped], dim=2).flatten(1, 2)
        features = self.hourglass(self.squeeze(evidence.contiguous(memory_format=torch.channels_last)))
        masks = self.masks(features).float().softmax(1)
        flow = (masks[..., None] * flows).sum(1)
        occlusion = None
        if self.occlusion is not None:
            occlusion = torch.sigmoid(self.occlusion(features).float())
        return Field(flow, masks, occlusion, heat)
