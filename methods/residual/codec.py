"""The residual as bytes: what turns a reconstruction into a picture nearer to the original."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ...core.errors import StreamError
from ...core.motion_coding import lock, unlock
from ...core.signature import digest, sha256_file, sha256_once
from ...core.video import Frame

if TYPE_CHECKING:
    from torch import Tensor

    from .binary_code import Counts
    from .network import ResidualAutoencoder


class ResidualCodec:
    """Codes the difference of two pictures in half a bit a pixel, before entropy coding (appendix C.3).

    Args:
        file: gives the file of weights when it is asked for.
        running: entered while the network runs.
    """

    def __init__(self, file: Callable[[], Path], running: Callable[[], AbstractContextManager[None]]) -> None:
        self._file = file
        self._running = running

    def fingerprint(self) -> str:
        """sha256 of the weights.

        Raises:
            AssetError: they are missing.
        """
        return sha256_once(self._file())

    @functools.cached_property
    def _network(self) -> tuple[ResidualAutoencoder, Counts]:
        from .weights import load_weights

        return load_weights(self._file())

    def encode(self, original: Frame, shown: Frame) -> bytes:
        """Code what a reconstruction lacks.

        Args:
            original, shown: (H, W, 3) uint8 RGB.
        """
        import torch

        from .binary_code import write
        from .network import CELL

        model, before = self._network
        lacking = (original.astype(np.float32) - shown) / 255
        height, width = lacking.shape[:2]
        whole = np.pad(lacking, ((0, -height % CELL), (0, -width % CELL), (0, 0)), mode="edge")
        with self._running():
            signs = model.analyse(torch.from_numpy(whole).permute(2, 0, 1)[None])[0] > 0
        return lock(write(signs.numpy().astype(np.uint8), before), self.fingerprint())

    def decode(self, data: bytes, shown: Frame) -> Frame:
        """The corrected picture (H, W, 3) uint8 RGB.

        Args:
            data: what `encode` returned.
            shown: the reconstruction, as the encoder had it.

        Raises:
            StreamError: the data is damaged, or was made with other weights.
            AssetError: there are no weights.
        """
        import torch

        from .binary_code import read
        from .network import CELL, CHANNELS

        code = unlock(data, {"residual weights": self.fingerprint()})
        model, before = self._network
        height, width = shown.shape[:2]
        try:
            bits = read(code, (CHANNELS, -(-height // CELL), -(-width // CELL)), before)
        except StreamError:
            raise StreamError(
                "corrupt residual: it does not decode to what its checksum says; encode the clip again"
            ) from None
        with self._running():
            signs: Tensor = torch.from_numpy(bits.astype(np.float32)) * 2 - 1
            lacking = model.synthesise(signs[None])[0, :, :height, :width].permute(1, 2, 0)
            mended = torch.from_numpy(shown.astype(np.float32)) + 255 * lacking.nan_to_num()
            corrected: Frame = mended.round().clamp(0, 255).byte().numpy()
        return corrected

    def describe(self) -> Mapping[str, str]:
        """All that determines the result."""
        sources = sorted(Path(__file__).parent.glob("*.py"))
        return {
            "residual": self.fingerprint(),
            "residual_networks": digest([sha256_file(source) for source in sources])[:12],
        }
