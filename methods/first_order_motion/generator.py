"""The generator: encode the source once, warp its features, paint (paper, section 3.2)."""

from __future__ import annotations

import itertools

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ..face_vid2vid.blocks import ConvNorm, Down, ResBlock, conv
from ..face_vid2vid.geometry import resize_flow
from ..face_vid2vid.painter import Painter, Rendering
from .config import ModelConfig
from .dense_motion import Field
from .geometry import sample


class Generator(Painter):
    """Strided or pooled encoder, warping and occlusion, residual blocks, enlarging."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__(
            config.generator_widths[::-1],
            config.outer_kernel,
            blend=config.blend,
            refine_flow=config.refine_flow,
            retouch=config.retouch,
        )
        self.config = config
        widths = config.generator_widths
        self.stem = ConvNorm(2, 3, widths[0], config.outer_kernel)
        self.down = nn.Sequential(
            *[Down(2, a, b, strided=config.strided) for a, b in itertools.pairwise(widths)]
        )
        self.places: nn.Module | None = None
        if config.show_keypoints:
            self.places = conv(2, config.keypoints, widths[-1], 1)
        self.blocks = nn.Sequential(*[ResBlock(2, widths[-1]) for _ in range(config.generator_blocks)])

    def encode(self, picture: Tensor) -> Tensor:
        """Features (B, C, h, w) of a source picture (B, 3, S, S)."""
        features: Tensor = self.down(self.stem(picture))
        return features

    def forward(self, features: Tensor, field: Field, picture: Tensor) -> Rendering:
        """Render a driving frame.

        Args:
            features: of the source picture, from `encode`.
            field: from `DenseMotion`; of another size, if need be.
            picture: source picture (B, 3, S, S), for blending.
        """
        size = features.shape[-2:]
        x = sample(features, resize_flow(field.flow, *size), self.config)
        if self.places is not None:
            x = x + self.places(resized(field.heat, size))
        if field.occlusion is not None:
            x = x * resized(field.occlusion, size).to(x.dtype)
        return self.finish(self.blocks(x), picture, field.flow)


def resized(maps: Tensor, size: torch.Size) -> Tensor:
    """Maps (B, C, H, W) at another size."""
    if maps.shape[-2:] == size:
        return maps
    return F.interpolate(maps, size=size, mode="bilinear", align_corners=False)
