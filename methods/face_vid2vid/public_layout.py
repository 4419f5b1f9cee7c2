"""The networks as the public re-implementation of face-vid2vid has them, for its checkpoints.

They are those of appendix A.1 but for the following, which its weights have grown used to. Cells are
addressed as if the outermost centres lay on the border, pictures are sampled as if they did not, and what
lies outside is zero. Candidate flows are shifts alone: J = 1. π is 3.14. L sees a blurred picture. M thins
its volume with a norm, and has one more convolution; its masks come from a kernel of 7. H and Δ widen
between stages. Layers of G are narrower; in the newer checkpoints G is a SPADE decoder.
"""

from __future__ import annotations

import itertools
import math
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from .blocks import Bottleneck, ConvNorm, ResBlock, Up, conv
from .config import ModelConfig
from .generator import Rendering
from .geometry import BINS, bins_to_degrees, resize_flow, single_precision
from .model import Source, TalkingHead
from .motion_field import HEAT_VARIANCE, Field, UNet3d
from .networks import CanonicalKeypoints, Motion, MotionEstimator
from .public_spade import SpadeDecoder

DEGREES = 3.14 / math.pi
"""What an angle of theirs is worth: they take 180° for 3.14."""


class PublicKeypoints(CanonicalKeypoints):
    """L, on a picture that is blurred by the checkpoint's own kernel and then thinned out."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__(config)
        step = round(1 / config.canonical_scale)
        reach = 2 * (step - 1)
        self.blur = nn.Conv2d(3, 3, 2 * reach + 1, stride=step, padding=reach, groups=3, bias=False)

    def shrink(self, picture: Tensor) -> Tensor:
        small: Tensor = self.blur(picture)
        return small

    def forward(self, picture: Tensor) -> Tensor:
        side = picture.shape[-1] * self.scale
        sizes = torch.tensor([side, side, self.shape[1]], device=picture.device)
        points: Tensor = super().forward(picture) * sizes / (sizes - 1)
        return points


class PublicEstimator(MotionEstimator):
    """H and Δ; a stage is a 1×1 convolution that widens, then bottlenecks, the first of which may halve."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__(config)
        stages: list[nn.Module] = []
        width = config.trunk_stem
        for stage, (outputs, count) in enumerate(zip(config.trunk_widths, config.trunk_blocks, strict=True)):
            stages.append(ConvNorm(2, width, outputs, 1))
            stages += [
                Bottleneck(outputs, outputs, 2 if stage and not block else 1, bias=True)
                for block in range(count)
            ]
            width = outputs
        self.stages = nn.Sequential(*stages)

    def forward(self, picture: Tensor) -> tuple[Motion, Tensor]:
        x = self.stages(F.max_pool2d(self.stem(picture), 3, 2, 1)).mean((2, 3))
        logits = self.angles(x).float().reshape(-1, 3, BINS)
        deformation = self.deformation(x).float().reshape(-1, self.keypoints, 3)
        return Motion(bins_to_degrees(logits) * DEGREES, self.translation(x).float(), deformation), logits


class PublicField(nn.Module):
    """M, with flows w_k(p) = p − x_d,k + x_s,k."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        thin, first = config.motion_compress, config.motion_widths[0]
        self.compress = ConvNorm(3, config.volume_channels, thin, 1)
        inputs = (config.keypoints + 1) * (thin + 1)
        self.unet = UNet3d(inputs, config.motion_widths, strided=False, spectral=False)
        self.unet.up[-1] = Up(3, 2 * first, first // 2)
        width = first // 2 + inputs
        self.mix = ConvNorm(3, width, width)
        self.masks = conv(3, width, config.keypoints + 1, 7)
        self.occlusion = conv(2, width * config.volume_depth, 1, 7)

    def forward(
        self, volume: Tensor, source: Tensor, driving: Tensor, jacobian: Tensor, kept: Tensor | None = None
    ) -> Field:
        """The field of a driving frame.

        Args:
            volume: f_s at the motion size, thinned by `compress`: (B, C, D, H, W).
            source, driving, kept: as those of `MotionField`.
            jacobian: not used.
        """
        batch, _, depth, height, width = volume.shape
        axes = [torch.linspace(-1, 1, n, device=volume.device) for n in (depth, height, width)]
        grid = torch.stack(torch.meshgrid(*axes, indexing="ij")[::-1], -1)
        shift = source - driving
        flows = torch.cat([grid.expand(batch, 1, *grid.shape), grid + shift[:, :, None, None, None]], 1)
        count = flows.shape[1]

        repeated = volume.float()[:, None].expand(-1, count, -1, -1, -1, -1).flatten(0, 1)
        warped = sample(repeated, flows.flatten(0, 1)).reshape(batch, count, -1, depth, height, width)
        heat = _bumps(axes, driving) - _bumps(axes, source)
        evidence = torch.cat([F.pad(heat, (0, 0) * 3 + (1, 0))[:, :, None], warped], 2)
        used = None
        if kept is not None:
            used = (torch.arange(count, device=kept.device) <= kept[:, None])[:, :, None, None, None]
            evidence = evidence * used[:, :, None]

        layout = torch.channels_last_3d
        features = self.mix(self.unet(evidence.flatten(1, 2).contiguous(memory_format=layout)))
        logits = self.masks(features).float()
        if used is not None:
            logits = logits.masked_fill(~used, float("-inf"))
        masks = logits.softmax(1)
        flow = grid + torch.einsum("bkdhw,bkc->bdhwc", masks[:, 1:], shift)
        occlusion = torch.sigmoid(self.occlusion(features.flatten(1, 2)).float())
        return Field(flow, masks, occlusion, None)


class PublicGenerator(nn.Module):
    """G: of residual blocks, as in the paper, or of blocks that what was warped modulates."""

    def __init__(self, config: ModelConfig, *, spade: bool) -> None:
        super().__init__()
        width, last = config.generator_width, config.generator_widths[-1]
        self.flatten = LeakyConvNorm(2, config.volume_channels * config.volume_depth, width)
        self.mix = conv(2, width, width, 1)
        self.decoder: nn.Module
        if spade:
            self.decoder = SpadeDecoder(width, last)
        else:
            self.decoder = nn.Sequential(
                *[ResBlock(2, width) for _ in range(config.generator_blocks)],
                *[Up(2, a, b) for a, b in itertools.pairwise([width, *config.generator_widths])],
                conv(2, last, 3, 7),
            )

    def forward(self, volume: Tensor, flow: Tensor, occlusion: Tensor, **unused: Any) -> Rendering:
        """Render a driving frame; arguments as those of `Generator`, of which nothing is blended."""
        size = volume.shape[-2:]
        warped = sample(volume, resize_flow(flow, *size)).flatten(1, 2)
        x = self.mix(self.flatten(warped.contiguous(memory_format=torch.channels_last)))
        if occlusion.shape[-2:] != size:
            occlusion = F.interpolate(occlusion, size=size, mode="bilinear", align_corners=False)
        picture = torch.sigmoid(self.decoder(x * occlusion.to(x.dtype)).float())
        return Rendering(picture, picture, None, None)


class PublicTalkingHead(TalkingHead):
    """The model with those of its networks in the public layout that differ."""

    def __init__(self, config: ModelConfig, *, spade: bool) -> None:
        super().__init__(config)
        if spade:
            self.appearance.stem = ConvNorm(2, 3, config.appearance_widths[0], 3)
        self.canonical = PublicKeypoints(config)
        self.estimator = PublicEstimator(config)
        self.field = PublicField(config)  # type: ignore[assignment]
        self.generator = PublicGenerator(config, spade=spade)  # type: ignore[assignment]

    def read_source(self, picture: Tensor) -> Source:
        source = super().read_source(picture)
        thin: Tensor = self.field.compress(source.motion_volume)
        return replace(source, motion_volume=thin)


class LeakyConvNorm(ConvNorm):
    """Convolution, batch norm, leaky ReLU."""

    def forward(self, x: Tensor) -> Tensor:
        return F.leaky_relu(self.norm(self.conv(x)), 0.01)


@single_precision
def sample(features: Tensor, flow: Tensor) -> Tensor:
    """Sample (B, C, D, H, W) features where a (B, D, H, W, 3) flow points; outside is zero."""
    return F.grid_sample(features.float(), flow.float(), align_corners=False)


def _bumps(axes: list[Tensor], keypoints: Tensor) -> Tensor:
    """Gaussians (B, K, D, H, W) around (B, K, 3) keypoints, on a grid of the axes z, y, x."""
    z, y, x = (
        torch.exp(-(axis - keypoints[..., 2 - number, None]).square() / (2 * HEAT_VARIANCE))
        for number, axis in enumerate(axes)
    )
    return z[..., :, None, None] * y[..., None, :, None] * x[..., None, None, :]
