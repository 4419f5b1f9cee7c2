"""LPIPS (Zhang et al., CVPR 2018) with AlexNet features, as a loss with fixed weights."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional as F

_SHIFT = (-0.030, -0.088, -0.188)
_SCALE = (0.458, 0.448, 0.450)


class Perceptual(nn.Module):
    """LPIPS v0.1 of pictures in [0, 1]; differentiable in the first one.

    The weight file holds AlexNet's five convolutions and the five calibration heads, and is read
    without executing anything. `dtype` is that of the convolutions: half precision is enough for
    a gradient, not for a figure that is reported.
    """

    shift: Tensor
    scale: Tensor

    def __init__(self, weights: Path, dtype: torch.dtype = torch.float32) -> None:
        super().__init__()
        self.dtype = dtype
        stored = torch.load(weights, map_location="cpu", weights_only=True)
        self.layers = nn.ModuleList()
        self.pool_before = list(stored["pool_before"])
        for layer in stored["trunk"]:
            outputs, inputs, kernel, _ = layer["weight"].shape
            conv = nn.Conv2d(inputs, outputs, kernel, stride=layer["stride"], padding=layer["padding"])
            conv.load_state_dict({"weight": layer["weight"], "bias": layer["bias"]})
            self.layers.append(conv.to(dtype).to(memory_format=torch.channels_last))
        for index, head in enumerate(stored["lin"]):
            self.register_buffer(f"head{index}", head.reshape(1, -1, 1, 1).float())
        self.register_buffer("shift", torch.tensor(_SHIFT).reshape(1, 3, 1, 1))
        self.register_buffer("scale", torch.tensor(_SCALE).reshape(1, 3, 1, 1))
        self.requires_grad_(False)

    def features(self, picture: Tensor) -> list[Tensor]:
        """Channel-normalised features of a (B, 3, H, W) picture in [0, 1], layer by layer."""
        x = (picture * 2 - 1 - self.shift) / self.scale
        out = []
        for pool, layer in zip(self.pool_before, self.layers, strict=True):
            if pool:
                x = F.max_pool2d(x, 3, 2)
            x = F.relu(layer(x.to(self.dtype)))
            wide = x.float()
            out.append(wide / (wide.square().sum(1, keepdim=True).sqrt() + 1e-10))
        return out

    def forward(self, picture: Tensor, reference: Tensor) -> Tensor:
        """Distance of each pair: (B,). The reference gets no gradient."""
        with torch.no_grad():
            wanted = self.features(reference)
        total = torch.zeros(len(picture), device=picture.device)
        for index, (a, b) in enumerate(zip(self.features(picture), wanted, strict=True)):
            weighted = (a - b).square() * getattr(self, f"head{index}")
            total = total + weighted.sum(1).mean((1, 2))
        return total
