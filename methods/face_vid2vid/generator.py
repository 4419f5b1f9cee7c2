"""G: from the warped volume to the picture (appendix A.1), and the blending of `small`."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from .blocks import ConvNorm, ResBlock, Up, conv
from .config import ModelConfig
from .geometry import resize_flow, warp

MAX_OFFSET = 0.1
"""Bound of the generator's flow offsets, in units of half a picture."""


@dataclass(frozen=True)
class Rendering:
    """The picture and what it was made of.

    picture    (B, 3, S, S) in [0, 1]
    generated  (B, 3, S, S) what the network painted
    warped     (B, 3, S, S) the warped source picture; None without blending
    mask       (B, 1, S, S) share of `generated`; None without blending
    """

    picture: Tensor
    generated: Tensor
    warped: Tensor | None
    mask: Tensor | None


class Generator(nn.Module):
    """G: flattens w(f_s) to 2-D, multiplies by the occlusion, residual blocks, up-sampling."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        spectral = config.spectral_norm
        width = config.generator_width
        flat = config.volume_channels * config.volume_depth
        self.blend = config.blend
        self.refine = config.refine_flow
        self.flatten = ConvNorm(2, flat, width, 3, spectral=spectral)
        self.mix = conv(2, width, width, 1, spectral=spectral)
        self.blocks = nn.ModuleList(
            [ResBlock(2, width, spectral=spectral) for _ in range(config.generator_blocks)]
        )
        self.modulation: nn.Module | None = None
        if config.modulate:
            hidden = 128
            last = nn.Linear(hidden, 2 * width * config.generator_blocks)
            nn.init.zeros_(last.weight)
            nn.init.zeros_(last.bias)
            self.modulation = nn.Sequential(nn.Linear(6 * config.keypoints, hidden), nn.ReLU(), last)
        widths = [width, *config.generator_widths]
        self.up = nn.Sequential(*[Up(2, a, b, spectral=spectral) for a, b in itertools.pairwise(widths)])
        self.retouch: ConvNorm | None = None
        if config.retouch:
            self.retouch = ConvNorm(2, widths[-1] + 3, widths[-1], spectral=spectral)
        outputs = 3 + (1 if config.blend else 0) + (2 if config.refine_flow else 0)
        self.paint: Any = conv(2, widths[-1], outputs, config.outer_kernel, spectral=spectral)
        if config.retouch:
            # At first nothing is changed and the mask is half open: no detour by a shut mask.
            with torch.no_grad():
                for parameter in self.paint.parameters():
                    parameter.mul_(0.01)

    def forward(
        self,
        volume: Tensor,
        flow: Tensor,
        occlusion: Tensor,
        *,
        deformations: Tensor | None = None,
        source: Tensor | None = None,
        surface: Tensor | None = None,
    ) -> Rendering:
        """Render a driving frame.

        Args:
            volume: f_s (B, C, D, H, W); the picture that G paints is 4H × 4W.
            flow: (B, D, h, w, 3), enlarged here to H × W.
            occlusion: (B, 1, h, w), likewise.
            deformations: (B, 6K), δ_s and δ_d − δ_s in units of the expression (of order one), for a
                modulated generator.
            source: source picture (B, 3, S, S), for blending; S may exceed 4H.
            surface: (B, h, w, 2) flow of the visible surface, for blending.
        """
        height, width = volume.shape[-2:]
        warped_volume = warp(volume, resize_flow(flow, height, width))
        x = self.mix(self.flatten(warped_volume.flatten(1, 2)))
        x = x * F.interpolate(occlusion, size=(height, width), mode="bilinear", align_corners=False).to(
            x.dtype
        )
        scales: list[tuple[Tensor | None, Tensor | None]] = [(None, None)] * len(self.blocks)
        if self.modulation is not None:
            if deformations is None:
                raise ValueError("a modulated generator needs the deformations")
            chunks = self.modulation(deformations)[..., None, None].chunk(2 * len(self.blocks), 1)
            scales = list(zip(chunks[::2], chunks[1::2], strict=False))
        for block, (scale, shift) in zip(self.blocks, scales, strict=False):
            x = block(x, scale, shift)
        x = self.up(x)
        if not self.blend:
            generated = torch.sigmoid(self.paint(x).float())
            return Rendering(generated, generated, None, None)

        if source is None or surface is None:
            raise ValueError("a blending generator needs the source picture and its flow")
        size = source.shape[-2:]
        where = resize_flow(surface, *size)
        if self.retouch is not None:
            base = warp(source, where)
            seen = (
                base
                if base.shape[-2:] == x.shape[-2:]
                else F.interpolate(
                    base, size=x.shape[-2:], mode="bilinear", align_corners=False, antialias=True
                )
            )
            x = self.retouch(torch.cat([x, seen.to(x.dtype) * 2 - 1], 1))
        out = self.paint(x).float()
        if out.shape[-2:] != size:
            out = F.interpolate(out, size=size, mode="bilinear", align_corners=False)
        if self.retouch is not None:
            # Changes are made before the sigmoid, so that the result stays a colour.
            generated = torch.sigmoid(torch.logit(base, eps=0.01) + out[:, :3])
        else:
            generated = torch.sigmoid(out[:, :3])
        if self.refine:
            where = where + MAX_OFFSET * torch.tanh(out[:, 4:6]).movedim(1, -1)
        warped = warp(source, where)
        mask = torch.sigmoid(out[:, 3:4])
        picture = torch.lerp(warped, generated, mask)
        return Rendering(picture, generated, warped, mask)
