"""Layers of the paper's networks, with weights of their own or with weights given for each picture."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ..face_vid2vid.blocks import conv

SLOPE = 0.2
Given = tuple[Tensor, Tensor | None]
"""Weights (B, outputs, inputs, k, k) and biases (B, outputs) of a convolution; B is 1 where all pictures of a
batch have the same."""


def given_conv(x: Tensor, given: Given) -> Tensor:
    """Convolve each picture of x (B, C, H, W) with weights of its own, keeping the size."""
    weights, biases = given
    padding = weights.shape[-1] // 2
    if len(weights) == 1:
        return F.conv2d(x, weights[0], None if biases is None else biases[0], padding=padding)
    parts = [
        F.conv2d(x[n : n + 1], weights[n], None if biases is None else biases[n], padding=padding)
        for n in range(len(x))
    ]
    return torch.cat(parts)


class ConvBlock(nn.Module):
    """Convolution, instance norm where wanted, leaky ReLU."""

    def __init__(
        self, inputs: int, outputs: int, kernel: int = 3, *, stride: int = 1, norm: bool, spectral: bool
    ) -> None:
        super().__init__()
        self.conv = conv(2, inputs, outputs, kernel, stride=stride, spectral=spectral)
        self.norm = nn.InstanceNorm2d(outputs, affine=True) if norm else nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        return F.leaky_relu(self.norm(self.conv(x)), SLOPE)


class NormFirstBlock(nn.Module):
    """Residual block of the flow network: instance norm, leaky ReLU, convolution, twice."""

    def __init__(self, width: int, *, spectral: bool) -> None:
        super().__init__()
        self.norms = nn.ModuleList([nn.InstanceNorm2d(width, affine=True) for _ in range(2)])
        self.convs = nn.ModuleList([conv(2, width, width, 3, spectral=spectral) for _ in range(2)])

    def forward(self, x: Tensor) -> Tensor:
        y = x
        for norm, layer in zip(self.norms, self.convs, strict=True):
            y = layer(F.leaky_relu(norm(y), SLOPE))
        return x + y


class Embedder(nn.Module):
    """Features of a picture at its own size, a half, a quarter and so on, for SPADE.

    Args:
        inputs: channels of the picture.
        widths: of the features, from the whole size to the smallest.
        unet: what is enlarged also sees what had that size on the way down.
        given: so many of the enlarging layers, those of the largest sizes, get their weights from outside.
    """

    def __init__(
        self, inputs: int, widths: Sequence[int], *, unet: bool, given: int = 0, spectral: bool
    ) -> None:
        super().__init__()
        self.unet = unet
        self.levels = len(widths) - 1
        self.first = ConvBlock(inputs, widths[0], norm=False, spectral=spectral)
        self.down = nn.ModuleList(
            [ConvBlock(a, b, stride=2, norm=False, spectral=spectral) for a, b in itertools.pairwise(widths)]
        )
        self.up = nn.ModuleDict()
        for level in range(given, self.levels):
            twice = 2 if unet and level != self.levels - 1 else 1
            self.up[str(level)] = ConvBlock(
                twice * widths[level + 1], widths[level], norm=False, spectral=spectral
            )

    def forward(self, picture: Tensor, given: Sequence[Given] = ()) -> list[Tensor]:
        """Features from the whole size of a picture (B, C, H, W) to the smallest."""
        way = [self.first(picture)]
        for down in self.down:
            way.append(down(way[-1]))
        found = [way[-1]]
        for level in reversed(range(self.levels)):
            x = found[-1]
            if self.unet and level != self.levels - 1:
                x = torch.cat([x, way[level + 1]], 1)
            x = F.interpolate(x, scale_factor=2.0)
            if str(level) in self.up:
                found.append(self.up[str(level)](x))
            else:
                found.append(F.leaky_relu(given_conv(x, given[level]), SLOPE))
        return found[::-1]


class Spade(nn.Module):
    """Instance norm, then a scale and a shift from each of the conditions in turn.

    Args:
        width: channels of the features.
        conditions: channels of each condition.
        adaptive: the first condition's weights are given.
    """

    def __init__(self, width: int, conditions: Sequence[int], *, adaptive: bool) -> None:
        super().__init__()
        self.adaptive = adaptive
        own = conditions[1:] if adaptive else conditions
        self.scales = nn.ModuleList([nn.Conv2d(inputs, 2 * width, 1) for inputs in own])

    def forward(self, x: Tensor, conditions: Sequence[Tensor | None], given: Given | None) -> Tensor:
        size = x.shape[2:]
        x = F.instance_norm(x)
        for number, condition in enumerate(conditions):
            if condition is None:
                continue
            fitted = F.interpolate(condition, size=size)
            if self.adaptive and number == 0:
                assert given is not None
                both = given_conv(fitted, given)
            else:
                both = self.scales[number - self.adaptive](fitted)
            scale, shift = both.chunk(2, 1)
            x = x * (1 + scale) + shift
        return x


class PaperSpadeBlock(nn.Module):
    """Residual block: SPADE, leaky ReLU, convolution, twice; SPADE on the way around where widths differ."""

    def __init__(
        self, inputs: int, outputs: int, conditions: Sequence[int], *, adaptive: bool, spectral: bool
    ) -> None:
        super().__init__()
        middle = min(inputs, outputs)
        widths = [inputs, middle, *([inputs] if inputs != outputs else [])]
        self.spades = nn.ModuleList([Spade(width, conditions, adaptive=adaptive) for width in widths])
        layers = [
            conv(2, inputs, middle, 3, spectral=spectral),
            conv(2, middle, outputs, 3, spectral=spectral),
        ]
        if inputs != outputs:
            layers.append(conv(2, inputs, outputs, 1, spectral=spectral))
        self.convs = nn.ModuleList(layers)

    def forward(
        self, x: Tensor, conditions: Sequence[Tensor | None], given: Sequence[Given] | None
    ) -> Tensor:
        """Features (B, C, H, W) → (B, C', H, W); `given` are the weights of its SPADE layers."""
        y = x
        for number in range(2):
            normed = self.spades[number](y, conditions, None if given is None else given[number])
            y = self.convs[number](F.leaky_relu(normed, SLOPE))
        if len(self.convs) == 3:
            x = self.convs[2](self.spades[2](x, conditions, None if given is None else given[2]))
        return x + y
