"""The residual autoencoder: a picture of differences as signs, and back."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

CELL = 8
"""Pixels that a cell of the code spans each way: three convolutions of stride 2."""
CHANNELS = 32
"""Bits of a cell."""
FILTERS = 128
UNIT = 1 / 8
"""Typical size of a difference, in parts of the range of pixels: the network sees multiples of it."""


class ResidualAutoencoder(nn.Module):
    """Three convolutions of stride 2 and 32 channels, signs, and three of 128 filters with pixel shuffle.

    Source: Wang, Mallya, Liu, CVPR 2021, appendix C.3, after Tsai et al., AAAI 2018. A last convolution takes
    the 32 channels that remain at full size to the three of a picture; the papers do not say how they do it.
    """

    def __init__(self) -> None:
        super().__init__()
        self.encoder = nn.ModuleList(
            nn.Conv2d(inputs, CHANNELS, 3, stride=2, padding=1) for inputs in (3, CHANNELS, CHANNELS)
        )
        self.decoder = nn.ModuleList(nn.Conv2d(CHANNELS, FILTERS, 3, padding=1) for _ in range(3))
        self.last = nn.Conv2d(CHANNELS, 3, 3, padding=1)

    def analyse(self, residual: Tensor) -> Tensor:
        """Differences (B, 3, H, W) in [-1, 1], sides multiples of 8 → (B, 32, H/8, W/8); signs are sent."""
        x = residual / UNIT
        for number, layer in enumerate(self.encoder):
            x = layer(x if number == 0 else F.leaky_relu(x, 0.1))
        return x

    def synthesise(self, code: Tensor) -> Tensor:
        """Signs (B, 32, h, w), each 1 or -1 → differences (B, 3, 8h, 8w)."""
        x = code
        for layer in self.decoder:
            x = F.leaky_relu(F.pixel_shuffle(layer(x), 2), 0.1)
        difference: Tensor = self.last(x) * UNIT
        return difference

    def forward(self, residual: Tensor) -> Tensor:
        """Differences → what the receiver gets of them; gradients pass the signs as if they were a tanh."""
        soft = torch.tanh(self.analyse(residual))
        hard = torch.where(soft > 0, 1.0, -1.0)
        return self.synthesise(soft + (hard - soft).detach())
