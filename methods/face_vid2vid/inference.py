"""The same function in fewer operations, once training is over."""

from __future__ import annotations

import math
from typing import Any, TypeVar

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils import parametrize
from torch.nn.utils.fusion import fuse_conv_bn_eval

from .blocks import Bottleneck, ConvNorm, ResBlock, Up, channels_last
from .large_kernels import RowSpectra, ShiftedSum

LARGE = 7
"""Taps from which on spectra are worth while."""

Networks = TypeVar("Networks", bound=nn.Module)


class TransposedUp(nn.Module):
    """An `Up` that never computes the enlarged input.

    A doubling by nearest neighbours and a convolution of kernel 3 behind it are one transposed convolution of
    stride 2, whose kernel of 4 holds sums of the other's taps: 16 products an input pixel and channel pair in
    place of 36.

    Args:
        layer: convolution of kernel 3 and padding 1, the norm folded into it.
    """

    def __init__(self, layer: nn.Conv2d | nn.Conv3d) -> None:
        super().__init__()
        weight = layer.weight.detach()
        sums = F.conv2d(weight.reshape(-1, 1, 3, 3), weight.new_ones(1, 1, 2, 2), padding=1)
        kernel = sums.reshape(*weight.shape[:-2], 4, 4).transpose(0, 1).flip(*range(2, weight.dim()))
        flat = weight.dim() == 4
        build: Any = nn.ConvTranspose2d if flat else nn.ConvTranspose3d
        stride = (2, 2) if flat else (1, 2, 2)
        with torch.device("meta"):
            self.conv = build(*kernel.shape[:2], kernel.shape[2:], stride=stride, padding=1)
        layout = torch.channels_last if flat else torch.channels_last_3d
        self.conv.weight = nn.Parameter(kernel.contiguous(memory_format=layout), requires_grad=False)
        bias = weight.new_zeros(len(weight)) if layer.bias is None else layer.bias.detach()
        self.conv.bias = nn.Parameter(bias, requires_grad=False)

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, [D,] H, W) → (B, C', [D,] 2H, 2W)."""
        return F.relu_(self.conv(x))


def _fold(module: nn.Module, conv: str, norm: str) -> None:
    fused = fuse_conv_bn_eval(getattr(module, conv), getattr(module, norm))
    setattr(module, conv, fused)
    setattr(module, norm, nn.Identity())


def _few_outputs(layer: nn.Conv2d) -> bool:
    """Whether a map for every tap and output is far less than the input."""
    taps = math.prod(layer.kernel_size)
    same = layer.stride == (1, 1) and layer.groups == 1 and taps > 1
    return same and 4 * taps * layer.out_channels <= layer.in_channels


def for_inference(model: Networks) -> Networks:
    """Fold batch norms into the convolutions before them, and replace layers by faster ones; in place.

    Args:
        model: built of `blocks`, in evaluation mode; it can neither be trained nor saved after this. How many
            numbers were learnt is in its attribute `learnt` from then on.
    """
    learnt = sum(parameter.numel() for parameter in model.parameters())
    for module in model.modules():
        if parametrize.is_parametrized(module):
            for name in list(module.parametrizations):  # type: ignore[arg-type]
                parametrize.remove_parametrizations(module, name)
    for module in list(model.modules()):
        if isinstance(module, ConvNorm):
            _fold(module, "conv", "norm")
        elif isinstance(module, ResBlock):
            _fold(module, "conv1", "norm2")
        elif isinstance(module, Bottleneck):
            _fold(module, "expand", "norm")
            if isinstance(module.skip, nn.Sequential):
                _fold(module.skip, "0", "1")
    for module in list(model.modules()):
        for name, child in module.named_children():
            if isinstance(child, Up):
                setattr(module, name, TransposedUp(child.body.conv))  # type: ignore[arg-type]
            elif isinstance(child, nn.Conv2d) and _few_outputs(child):
                setattr(module, name, ShiftedSum(child))
            elif isinstance(child, nn.Conv3d) and child.kernel_size[2] >= LARGE:
                setattr(module, name, RowSpectra(child))
    channels_last(model)
    model.learnt = learnt  # type: ignore[assignment]
    return model
