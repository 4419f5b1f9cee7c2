"""SPADE whose weights follow from the source picture (paper, section 3.1)."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F


class AdaptiveSpade(nn.Module):
    """Normalises features, then scales and shifts them at each place by what a condition says there.

    The paper's weight generator gives all weights of this layer. Here it gives what the source picture
    adds to weights of the layer's own: at first nothing.

    Args:
        width: channels of the features.
        condition: channels of the condition.
        hidden: channels between the condition and the scales.
        code: numbers that describe the source picture.
    """

    def __init__(self, width: int, condition: int, hidden: int, code: int) -> None:
        super().__init__()
        self.norm = nn.BatchNorm2d(width, affine=False)
        self.shared = nn.Conv2d(condition, hidden, 3, padding=1)
        self.scales = nn.Conv2d(hidden, 2 * width, 1, bias=False)
        self.adapt = nn.Linear(code, 2 * width * hidden)
        nn.init.zeros_(self.adapt.weight)
        nn.init.zeros_(self.adapt.bias)
        nn.init.normal_(self.scales.weight, std=0.02)
        self.shift = nn.Parameter(torch.zeros(2 * width, 1))

    def weights(self, code: Tensor) -> Tensor:
        """Weights (B, 2C, hidden) of the layer for sources that `code` (B, code) describes."""
        own = self.scales.weight.flatten(1)
        adapted: Tensor = own + self.adapt(code).reshape(-1, *own.shape)
        return adapted

    def forward(self, x: Tensor, condition: Tensor, weights: Tensor) -> Tensor:
        """Features (B, C, H, W) under a condition (B, c, H, W), with `weights` of their sources."""
        hidden = F.relu(self.shared(condition))
        scales = torch.matmul(weights.to(hidden.dtype), hidden.flatten(2)) + self.shift
        scale, shift = scales.reshape(len(x), -1, *x.shape[2:]).chunk(2, 1)
        out: Tensor = self.norm(x) * (1 + scale) + shift
        return out


class SpadeBlock(nn.Module):
    """Residual block: SPADE, leaky ReLU, 3×3 convolution, twice."""

    def __init__(self, width: int, condition: int, hidden: int, code: int) -> None:
        super().__init__()
        self.spades = nn.ModuleList([AdaptiveSpade(width, condition, hidden, code) for _ in range(2)])
        self.convs = nn.ModuleList([nn.Conv2d(width, width, 3, padding=1) for _ in range(2)])

    def weights(self, code: Tensor) -> list[Tensor]:
        """Of its two SPADEs, for sources that `code` (B, code) describes."""
        return [spade.weights(code) for spade in self.spades]  # type: ignore[operator]

    def forward(self, x: Tensor, condition: Tensor, weights: list[Tensor]) -> Tensor:
        y = x
        for spade, conv, own in zip(self.spades, self.convs, weights, strict=True):
            y = conv(F.leaky_relu(spade(y, condition, own), 0.2))
        return x + y
