"""Convolutions with large kernels and few outputs, in fewer operations than the libraries spend on them."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from .geometry import single_precision


class ShiftedSum(nn.Module):
    """A convolution as a matrix product for every tap, whose results are shifted and added up.

    Args:
        layer: with a padding of half its kernel; outputs times taps should be fewer than inputs.
    """

    def __init__(self, layer: nn.Conv2d) -> None:
        super().__init__()
        rows, columns = layer.kernel_size
        self.kernel, self.bias = (rows, columns), layer.bias
        taps = layer.weight.detach().flip(2, 3).permute(0, 2, 3, 1)
        self.matrix = nn.Parameter(taps.flatten(0, 2), requires_grad=False)

    @single_precision
    def forward(self, x: Tensor) -> Tensor:
        """(B, C, H, W) → (B, C', H, W)."""
        maps = self.matrix @ x.float().flatten(2)
        height, width = x.shape[2:]
        rows, columns = self.kernel
        summed = F.fold(maps, (height, width), (rows, columns), padding=(rows // 2, columns // 2))
        return summed if self.bias is None else summed + self.bias[:, None, None]


class RowSpectra(nn.Module):
    """A convolution in three dimensions as one in two for each frequency of the rows; on a CPU.

    A matrix product turns rows into spectra. There, one product of complex numbers stands for all taps along
    a row: of rows of 64 cells and 7 taps, a third of the real products is left.

    Args:
        layer: with a padding of half its kernel.
    """

    def __init__(self, layer: nn.Conv3d) -> None:
        super().__init__()
        self.layer = layer
        self._width = 0

    def _prepare(self, width: int) -> None:
        """For rows of so many cells: matrices to and from spectra, real parts before imaginary ones.

        A kernel's spectrum K is that of out(q) = Σ_t w(t) x(q + t − r), so that Out = X K.
        """
        weight = self.layer.weight.double()
        taps = weight.shape[-1]
        length = width + taps - 1
        frequency = torch.arange(length // 2 + 1, dtype=torch.float64)[:, None]

        def waves(cells: Tensor) -> tuple[Tensor, Tensor]:
            phase = 2 * math.pi / length * frequency * cells
            return phase.cos(), phase.sin()

        cosine, sine = waves(torch.arange(width, dtype=torch.float64))
        share = torch.where((frequency == 0) | (2 * frequency == length), 1 / length, 2 / length)
        self._there = torch.stack([cosine, -sine], 1).flatten(0, 1).float()
        self._back = (share[:, None] * torch.stack([cosine, -sine], 1)).flatten(0, 1).T.float()
        waves_of_taps = torch.stack(waves(torch.arange(taps, dtype=torch.float64) - taps // 2))
        kernel = torch.einsum("oidyx,pfx->fpodyi", weight, waves_of_taps).float()
        self._kernel = kernel.flatten(1, 2).contiguous().permute(0, 1, 4, 2, 3)
        self._width = width

    @single_precision
    def forward(self, x: Tensor) -> Tensor:
        """(B, C, D, H, W) → (B, C', D, H, W)."""
        if x.is_cuda:
            return self.layer(x.float())  # type: ignore[no-any-return]
        if x.shape[-1] != self._width:
            self._prepare(x.shape[-1])
        out = torch.stack([self._one(volume) for volume in x.float()])
        return out if self.layer.bias is None else out + self.layer.bias[:, None, None, None]

    def _one(self, volume: Tensor) -> Tensor:
        """(C, D, H, W) → (C', D, H, W), without the bias."""
        channels, depth, height, width = volume.shape
        outputs = self.layer.out_channels
        margins = [side // 2 for side in self.layer.kernel_size[:2]]
        rows = volume.permute(3, 1, 2, 0).reshape(width, -1)
        spectra = (self._there @ rows).reshape(-1, 2, depth, height, channels).permute(0, 1, 4, 2, 3)
        out = spectra.new_empty(len(spectra), 2, depth, height, outputs)
        for at, (spectrum, kernel) in enumerate(zip(spectra, self._kernel, strict=True)):
            real, imaginary = F.conv2d(spectrum, kernel, padding=margins).permute(0, 2, 3, 1)
            torch.sub(real[..., :outputs], imaginary[..., outputs:], out=out[at, 0])
            torch.add(real[..., outputs:], imaginary[..., :outputs], out=out[at, 1])
        whole = self._back @ out.reshape(2 * len(out), -1)
        return whole.reshape(width, depth, height, outputs).permute(3, 1, 2, 0)
