"""A decoder whose layers are scaled and shifted, place by place, by what it is given to decode.

Source: Park et al., Semantic Image Synthesis with Spatially-Adaptive Normalization, CVPR 2019.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from .blocks import conv

HIDDEN = 128
SLOPE = 0.2


class Spade(nn.Module):
    """Instance norm, then scale and shift from a picture of labels, here features."""

    def __init__(self, width: int, labels: int) -> None:
        super().__init__()
        self.shared = conv(2, labels, HIDDEN, 3)
        self.scale_and_shift = conv(2, HIDDEN, 2 * width, 3)

    def forward(self, x: Tensor, labels: Tensor) -> Tensor:
        scale, shift = self.scale_and_shift(F.relu(self.shared(labels))).chunk(2, 1)
        return torch.addcmul(shift, F.instance_norm(x), 1 + scale)


class SpadeBlock(nn.Module):
    """Two normed convolutions; the way around them has one of its own where the width changes."""

    def __init__(self, inputs: int, outputs: int, labels: int) -> None:
        super().__init__()
        middle = min(inputs, outputs)
        self.norm0, self.conv0 = Spade(inputs, labels), conv(2, inputs, middle, 3)
        self.norm1, self.conv1 = Spade(middle, labels), conv(2, middle, outputs, 3)
        self.around = inputs != outputs
        if self.around:
            self.norm2, self.conv2 = Spade(inputs, labels), conv(2, inputs, outputs, 1, bias=False)

    def forward(self, x: Tensor, labels: Tensor) -> Tensor:
        y = self.conv0(F.leaky_relu(self.norm0(x, labels), SLOPE))
        y = self.conv1(F.leaky_relu(self.norm1(y, labels), SLOPE))
        out: Tensor = y + (self.conv2(self.norm2(x, labels)) if self.around else x)
        return out


class SpadeDecoder(nn.Module):
    """Features (B, C, H, W) → logits of a picture (B, 3, 4H, 4W).

    Args:
        width: C.
        last: channels at full size.
    """

    def __init__(self, width: int, last: int) -> None:
        super().__init__()
        self.first = conv(2, width, 2 * width, 3)
        self.middle = nn.ModuleList([SpadeBlock(2 * width, 2 * width, width) for _ in range(6)])
        self.up = nn.ModuleList([SpadeBlock(2 * width, width, width), SpadeBlock(width, last, width)])
        self.paint = conv(2, last, 3, 3)

    def forward(self, features: Tensor) -> Tensor:
        x, labels = self.first(features), features
        for block in self.middle:
            x = block(x, labels)
        for block in self.up:
            x, labels = (F.interpolate(y, scale_factor=2.0, mode="nearest") for y in (x, labels))
            x = block(x, labels)
        logits: Tensor = self.paint(F.leaky_relu(x, SLOPE))
        return logits
