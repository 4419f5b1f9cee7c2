"""F, L, H and Δ: what is extracted from a picture (appendix A.1)."""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from .blocks import Bottleneck, ConvNorm, Down, ResBlock, Up, append_coordinates, conv
from .config import ModelConfig
from .geometry import BINS, bins_to_degrees, cell_grid, euler_to_matrix

TRANSLATION_UNIT = 0.1
DEFORMATION_UNIT = 0.05
"""Outputs of the linear layers are of order one; t and δ are tenths and hundredths of a picture.
Without these units a learning rate fit for the rest makes t and δ jump about."""


class AppearanceExtractor(nn.Module):
    """F: picture (B, 3, S, S) in [0, 1] → volume f_s (B, C, D, S/4, S/4).

    Down-sampling blocks, a 1×1 convolution that projects 2-D features to 3-D, 3-D residual blocks.
    """

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        first, *rest = config.appearance_widths
        spectral = config.spectral_norm
        self.shape = (config.volume_channels, config.volume_depth)
        self.stem = ConvNorm(2, 3, first, config.outer_kernel, spectral=spectral)
        widths = [first, *rest]
        self.down = nn.Sequential(
            *[Down(2, a, b, strided=config.strided, spectral=spectral) for a, b in itertools.pairwise(widths)]
        )
        self.lift = conv(2, widths[-1], self.shape[0] * self.shape[1], 1, spectral=spectral)
        self.blocks = nn.Sequential(
            *[ResBlock(3, config.volume_channels, spectral=spectral) for _ in range(config.volume_blocks)]
        )

    def forward(self, picture: Tensor) -> Tensor:
        features = self.lift(self.down(self.stem(picture)))
        volume: Tensor = self.blocks(features.unflatten(1, self.shape))
        return volume


class CanonicalKeypoints(nn.Module):
    """L: picture (B, 3, S, S) → canonical keypoints x_c (B, K, 3), each in [-1, 1].

    A 2-D encoder, a 1×1 convolution that lifts its result to a 3-D bottleneck, a 3-D decoder, and
    the mean of each keypoint's softmax heat map.
    """

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        spectral = config.spectral_norm
        self.scale = config.canonical_scale
        self.shape = (config.canonical_bottleneck, config.volume_depth)
        widths = [3, *config.canonical_widths]
        self.encoder = nn.Sequential(
            *[Down(2, a, b, strided=config.strided, spectral=spectral) for a, b in itertools.pairwise(widths)]
        )
        self.lift = conv(2, widths[-1], self.shape[0] * self.shape[1], 1, spectral=spectral)
        levels = [
            max(config.canonical_bottleneck >> i, 2 * self.shape[1])
            for i in range(config.canonical_levels + 1)
        ]
        self.decoder = nn.Sequential(*[Up(3, a, b, spectral=spectral) for a, b in itertools.pairwise(levels)])
        self.heat = conv(3, levels[-1], config.keypoints, 3, spectral=spectral)

    def shrink(self, picture: Tensor) -> Tensor:
        """The picture at the size that the encoder sees."""
        return F.interpolate(
            picture, scale_factor=self.scale, mode="bilinear", align_corners=False, antialias=True
        )

    def forward(self, picture: Tensor) -> Tensor:
        encoded = self.encoder(self.shrink(picture))
        heat = self.heat(self.decoder(self.lift(encoded).unflatten(1, self.shape)))
        # A temperature of 0.1 lets modest logits single out a place.
        weights = (heat.float().flatten(2) / 0.1).softmax(-1)
        depth, height, width = heat.shape[2:]
        grid = cell_grid(depth, height, width, device=heat.device).reshape(-1, 3)
        # Not a matrix product, which autocasting would do in half precision.
        points: Tensor = (weights[..., None] * grid).sum(2)
        return points


@dataclass(frozen=True)
class Motion:
    """What is sent for a frame: 3K + 6 numbers.

    angles       (B, 3) yaw, pitch, roll in degrees
    translation  (B, 3) in units of half a picture
    deformation  (B, K, 3) in the same units, in order of importance
    """

    angles: Tensor
    translation: Tensor
    deformation: Tensor

    @property
    def rotation(self) -> Tensor:
        """R (B, 3, 3)."""
        return euler_to_matrix(self.angles)

    def keep(self, count: Tensor) -> Motion:
        """Zero each sample's deformations from index `count` (B,) on (appendix C.2)."""
        index = torch.arange(self.deformation.shape[1], device=count.device)
        kept = (index < count[:, None]).to(self.deformation.dtype)
        return Motion(self.angles, self.translation, self.deformation * kept[..., None])

    def __getitem__(self, rows: slice | Tensor) -> Motion:
        return Motion(self.angles[rows], self.translation[rows], self.deformation[rows])


class MotionEstimator(nn.Module):
    """H and Δ on one trunk: picture (B, 3, S, S) → `Motion`.

    ResNet bottleneck blocks, average pooling (to one cell, or to a few of thin features), and a
    linear layer for each of: yaw, pitch and roll (66 bins), translation, deformation.
    """

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        spectral = config.spectral_norm
        self.coordinates = config.coordinates
        self.pool = config.trunk_pool
        self.keypoints = config.keypoints
        self.stem = ConvNorm(
            2,
            5 if config.coordinates else 3,
            config.trunk_stem,
            7 if config.trunk_pool else 5,
            stride=2,
            spectral=spectral,
        )
        stages: list[nn.Module] = []
        width = config.trunk_stem
        for stage, (outputs, count) in enumerate(zip(config.trunk_widths, config.trunk_blocks, strict=False)):
            for block in range(count):
                stride = 2 if block == 0 and stage > 0 else 1
                stages.append(Bottleneck(width, outputs, stride, spectral=spectral))
                width = outputs
        if config.trunk_cells > 1:
            thin = 512 // config.trunk_cells**2
            stages.append(ConvNorm(2, width, thin, 1, spectral=spectral))
            width = thin * config.trunk_cells**2
        self.stages = nn.Sequential(*stages)
        self.cells = config.trunk_cells
        self.angles = nn.Linear(width, 3 * BINS)
        self.translation = nn.Linear(width, 3)
        self.deformation = nn.Linear(width, 3 * config.keypoints)
        # Start from the neutral face in the middle: large random δ would scatter the keypoints.
        for layer in (self.translation, self.deformation):
            nn.init.normal_(layer.weight, std=0.01)
            nn.init.zeros_(layer.bias)

    def forward(self, picture: Tensor) -> tuple[Motion, Tensor]:
        """The motion, and the (B, 3, 66) logits behind its angles."""
        x = append_coordinates(picture) if self.coordinates else picture
        x = self.stem(x)
        if self.pool:
            x = F.max_pool2d(x, 3, 2, 1)
        x = F.adaptive_avg_pool2d(self.stages(x), self.cells).flatten(1)
        logits = self.angles(x).float().reshape(-1, 3, BINS)
        deformation = self.deformation(x).float().reshape(-1, self.keypoints, 3)
        return Motion(
            bins_to_degrees(logits),
            TRANSLATION_UNIT * self.translation(x).float(),
            DEFORMATION_UNIT * deformation,
        ), logits
