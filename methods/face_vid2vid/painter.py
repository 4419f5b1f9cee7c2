"""From features to the picture: enlarging, and, in thrifty models, painting on the warped source picture."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from .blocks import ConvNorm, Up, conv
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


class Painter(nn.Module):
    """The end of a generator.

    Args:
        widths: channels of the features, and after each doubling of their size.
        kernel: of the last convolution.
        blend: also predict a mask, and blend the painted picture with the warped source picture.
        refine_flow: with `blend`, also predict small offsets of the flow that warps the source picture.
        retouch: with `blend`, paint changes to the warped source picture, which is seen; at first none.
        spectral: spectral norm of the convolutions.
    """

    def __init__(
        self,
        widths: tuple[int, ...],
        kernel: int,
        *,
        blend: bool,
        refine_flow: bool,
        retouch: bool,
        spectral: bool = False,
    ) -> None:
        super().__init__()
        self.blend = blend
        self.refine = refine_flow
        self.up = nn.Sequential(*[Up(2, a, b, spectral=spectral) for a, b in itertools.pairwise(widths)])
        self.retouch: ConvNorm | None = None
        if retouch:
            self.retouch = ConvNorm(2, widths[-1] + 3, widths[-1], spectral=spectral)
        outputs = 3 + (1 if blend else 0) + (2 if refine_flow else 0)
        self.paint: Any = conv(2, widths[-1], outputs, kernel, spectral=spectral)
        if retouch:
            # At first nothing is changed and the mask is half open: no detour by a shut mask.
            with torch.no_grad():
                for parameter in self.paint.parameters():
                    parameter.mul_(0.01)

    def finish(self, x: Tensor, source: Tensor | None, surface: Tensor | None) -> Rendering:
        """The picture.

        Args:
            x: features (B, C, h, w).
            source: source picture (B, 3, S, S), for blending; S may exceed the side of the enlarged features.
            surface: (B, h', w', 2) where in the source picture each point comes from, for blending.
        """
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
            # In the layout of x, or joining both would cost as much as the convolution.
            seen = (seen.to(x.dtype) * 2 - 1).contiguous(memory_format=torch.channels_last)
            x = self.retouch(torch.cat([x, seen], 1))
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
