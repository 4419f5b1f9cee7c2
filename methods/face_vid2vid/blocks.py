"""Building blocks of appendix A.1 (Figure 2), in two and in three dimensions.

Three-dimensional volumes are (B, C, D, H, W); blocks that change the size leave D alone.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils.parametrizations import spectral_norm

CONV = {2: nn.Conv2d, 3: nn.Conv3d}
NORM = {2: nn.BatchNorm2d, 3: nn.BatchNorm3d}


def conv(
    dim: int,
    inputs: int,
    outputs: int,
    kernel: int,
    *,
    stride: int | tuple[int, ...] = 1,
    spectral: bool = False,
    bias: bool = True,
) -> nn.Module:
    """A convolution that keeps the size (at stride 1), optionally with spectral norm."""
    build: Any = CONV[dim]
    layer: nn.Module = build(inputs, outputs, kernel, stride=stride, padding=kernel // 2, bias=bias)
    return spectral_norm(layer) if spectral else layer


class ConvNorm(nn.Module):
    """Convolution, batch norm, ReLU."""

    def __init__(
        self,
        dim: int,
        inputs: int,
        outputs: int,
        kernel: int = 3,
        *,
        stride: int | tuple[int, ...] = 1,
        spectral: bool = False,
    ) -> None:
        super().__init__()
        self.conv = conv(dim, inputs, outputs, kernel, stride=stride, spectral=spectral)
        self.norm = NORM[dim](outputs)

    def forward(self, x: Tensor) -> Tensor:
        return F.relu(self.norm(self.conv(x)), inplace=True)


class Down(nn.Module):
    """ConvNorm that halves height and width: by average pooling, or by its stride.

    The paper's blocks pool. A stride costs a quarter of that.
    """

    def __init__(
        self, dim: int, inputs: int, outputs: int, *, strided: bool = False, spectral: bool = False
    ) -> None:
        super().__init__()
        stride = 1 if not strided else 2 if dim == 2 else (1, 2, 2)
        self.body = ConvNorm(dim, inputs, outputs, stride=stride, spectral=spectral)
        self.dim = dim
        self.strided = strided

    def forward(self, x: Tensor) -> Tensor:
        x = self.body(x)
        if self.strided:
            return x
        if self.dim == 2:
            return F.avg_pool2d(x, 2)
        # Slice by slice: pooling in three dimensions knows no layout but one, and would copy into that.
        slices = F.avg_pool2d(x.transpose(1, 2).flatten(0, 1), 2)
        return slices.reshape(len(x), -1, *slices.shape[1:]).transpose(1, 2)


class Up(nn.Module):
    """Nearest-neighbour doubling of height and width, then ConvNorm."""

    def __init__(self, dim: int, inputs: int, outputs: int, *, spectral: bool = False) -> None:
        super().__init__()
        self.body = ConvNorm(dim, inputs, outputs, spectral=spectral)
        self.scale = (2, 2) if dim == 2 else (1, 2, 2)

    def forward(self, x: Tensor) -> Tensor:
        factors = tuple(float(s) for s in self.scale)
        out: Tensor = self.body(F.interpolate(x, scale_factor=factors, mode="nearest"))
        return out


class ResBlock(nn.Module):
    """Pre-activation residual block; with `modulate`, its middle can be scaled and shifted."""

    def __init__(self, dim: int, width: int, *, spectral: bool = False) -> None:
        super().__init__()
        self.norm1 = NORM[dim](width)
        self.conv1 = conv(dim, width, width, 3, spectral=spectral)
        self.norm2 = NORM[dim](width)
        self.conv2 = conv(dim, width, width, 3, spectral=spectral)

    def forward(self, x: Tensor, scale: Tensor | None = None, shift: Tensor | None = None) -> Tensor:
        """`scale` and `shift` are (B, C, 1, 1), added to one and to zero."""
        y = self.norm2(self.conv1(F.relu(self.norm1(x), inplace=True)))
        if scale is not None and shift is not None:
            y = y * (1 + scale) + shift
        out: Tensor = x + self.conv2(F.relu(y, inplace=True))
        return out


class Bottleneck(nn.Module):
    """ResNet bottleneck block (1×1, 3×3, 1×1), the first of a stage with a stride."""

    def __init__(
        self, inputs: int, outputs: int, stride: int, *, spectral: bool = False, bias: bool = False
    ) -> None:
        super().__init__()
        middle = outputs // 4 if outputs >= 256 else outputs // 2
        self.reduce = ConvNorm(2, inputs, middle, 1, spectral=spectral)
        self.spatial = ConvNorm(2, middle, middle, 3, stride=stride, spectral=spectral)
        self.expand = conv(2, middle, outputs, 1, spectral=spectral, bias=bias)
        self.norm = nn.BatchNorm2d(outputs)
        self.skip: nn.Module = nn.Identity()
        if stride != 1 or inputs != outputs:
            self.skip = nn.Sequential(
                conv(2, inputs, outputs, 1, stride=stride, spectral=spectral, bias=bias),
                nn.BatchNorm2d(outputs),
            )

    def forward(self, x: Tensor) -> Tensor:
        y = self.norm(self.expand(self.spatial(self.reduce(x))))
        return F.relu(y + self.skip(x), inplace=True)


def append_coordinates(picture: Tensor) -> Tensor:
    """Append x and y, each in [-1, 1], to the channels of a (B, C, H, W) picture."""
    batch, _, height, width = picture.shape
    y = torch.linspace(-1, 1, height, device=picture.device, dtype=picture.dtype)
    x = torch.linspace(-1, 1, width, device=picture.device, dtype=picture.dtype)
    grid = torch.stack([x.expand(height, width), y[:, None].expand(height, width)])
    return torch.cat([picture, grid.expand(batch, -1, -1, -1)], dim=1)


def channels_last(module: nn.Module) -> nn.Module:
    """Lay out all convolutions' weights with the channels last, which CPUs and GPUs prefer."""
    for layer in module.modules():
        if isinstance(layer, nn.Conv2d):
            layer.to(memory_format=torch.channels_last)
        elif isinstance(layer, nn.Conv3d):
            layer.to(memory_format=torch.channels_last_3d)
    return module
