"""The keypoint detector, and the hourglass that it shares with dense motion (paper, section 3.1)."""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from ..face_vid2vid.blocks import ConvNorm, Down, Up
from .config import ModelConfig
from .geometry import cells

TEMPERATURE = 0.1
"""Lets modest logits single out a place."""


@dataclass(frozen=True)
class Keypoints:
    """What is sent for a frame: 6K numbers.

    points     (B, K, 2) in [-1, 1]
    jacobians  (B, K, 2, 2)
    """

    points: Tensor
    jacobians: Tensor

    @property
    def numbers(self) -> Tensor:
        """(B, 6K): of each keypoint x, y, and the Jacobian row by row."""
        return torch.cat([self.points, self.jacobians.flatten(2)], 2).flatten(1)

    @classmethod
    def of(cls, numbers: Tensor) -> Keypoints:
        """The inverse of `numbers`."""
        each = numbers.reshape(len(numbers), -1, 6)
        return cls(each[..., :2], each[..., 2:].reshape(*each.shape[:2], 2, 2))

    def __getitem__(self, rows: slice) -> Keypoints:
        return Keypoints(self.points[rows], self.jacobians[rows])


class Hourglass(nn.Module):
    """U-Net that ends at the size of its input, which it appends to its features.

    Args:
        inputs: channels of the input.
        widths: channels at full size and at each halving.
        strided: halve by strides.
    """

    def __init__(self, inputs: int, widths: tuple[int, ...], *, strided: bool) -> None:
        super().__init__()
        levels = [inputs, *widths[1:]]
        self.down = nn.ModuleList([Down(2, a, b, strided=strided) for a, b in itertools.pairwise(levels)])
        deepest = len(widths) - 1
        self.up = nn.ModuleList(
            [
                Up(2, widths[level] * (1 if level == deepest else 2), widths[level - 1])
                for level in range(deepest, 0, -1)
            ]
        )
        self.outputs = widths[0] + inputs

    def forward(self, x: Tensor) -> Tensor:
        skips = [x]
        for down in self.down:
            skips.append(down(skips[-1]))
        x = skips.pop()
        for up in self.up:
            x = torch.cat([up(x), skips.pop()], dim=1)
        return x


class KeypointDetector(nn.Module):
    """Picture (B, 3, S, S) in [0, 1] → `Keypoints`.

    A keypoint is the mean place of its softmax heat map; its Jacobian, the mean of four more maps under
    the same weights.
    """

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.config = config
        self.stem: nn.Module = nn.Identity()
        inputs = 3
        if config.motion_reduce > 1:
            inputs = config.detector_widths[0]
            self.stem = ConvNorm(2, 3, inputs, 5, stride=config.motion_reduce)
        self.hourglass = Hourglass(inputs, config.detector_widths, strided=config.strided)
        outputs, kernel = self.hourglass.outputs, config.head_kernel
        padding = kernel // 2 if config.pad_heat else 0
        self.heat = nn.Conv2d(outputs, config.keypoints, kernel, padding=padding)
        self.jacobian = nn.Conv2d(outputs, 4 * config.keypoints, kernel, padding=padding)
        # Start from pure translation.
        nn.init.zeros_(self.jacobian.weight)
        with torch.no_grad():
            self.jacobian.bias.copy_(torch.eye(2).flatten().repeat(config.keypoints))  # type: ignore[union-attr]

    def forward(self, picture: Tensor) -> Keypoints:
        features = self.hourglass(self.stem(picture))
        heat = self.heat(features).float()
        weights = (heat.flatten(2) / TEMPERATURE).softmax(-1)
        places = cells(heat.shape[2], heat.shape[3], self.config, heat.device).reshape(-1, 2)
        # Not matrix products, which autocasting would do in half precision.
        points = (weights[..., None] * places).sum(2)
        maps = self.jacobian(features).float().reshape(*points.shape[:2], 4, -1)
        jacobians = (weights[:, :, None] * maps).sum(-1)
        return Keypoints(points, jacobians.reshape(*points.shape[:2], 2, 2))
