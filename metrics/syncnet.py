"""SyncNet: the published networks' file, which is put by hand, and features of lips and of sound.

Source: Chung and Zisserman, Out of time: automated lip sync in the wild, ACCV workshops 2016; layers as in
the weights that its authors published, of which the lips' are for whole faces in colour.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ..core.assets import cache
from ..core.errors import AssetError
from ..core.signature import sha256_once
from ..core.video import Frames
from . import mfcc

if TYPE_CHECKING:
    import torch

SYNCNET_PAPER = "Chung and Zisserman, Out of time: automated lip sync in the wild, ACCV workshops 2016"
FILE = "syncnet_v2.model"
"""The published file, 54,573,114 bytes; its sha256 begins with 961e8696f888."""
ADDRESS = f"https://www.robots.ox.ac.uk/~vgg/software/lipsync/data/{FILE}"

FPS = 25
"""Frames per second at which the network was trained."""
WINDOW = 5
"""Frames that are looked at together."""
HEARD = 20
"""Windows of MFCC that are listened to together: as long as the frames."""
PER_FRAME = HEARD // WINDOW
SIZE = 1024
"""Numbers in a feature."""
BATCH = 16
"""Features at once: as many as memory and cache like."""

Features = NDArray[np.float32]
"""Features: (n, 1024) float32."""


@dataclass(frozen=True)
class Layer:
    """A convolution, its normalisation and its rectifier, then a max pooling if there is one.

    Attributes:
        at: number of the convolution in the file's list; the normalisation's is the next.
        shape: of its weights.
        stride, padding: of the convolution.
        pool, step, border: window, stride and padding of the pooling; () without one.
    """

    at: int
    shape: tuple[int, ...]
    stride: int | tuple[int, ...] = 1
    padding: int | tuple[int, ...] = 0
    pool: tuple[int, ...] = ()
    step: tuple[int, ...] = ()
    border: int | tuple[int, ...] = 0


AUDIO = (
    Layer(0, (64, 1, 3, 3), padding=1),
    Layer(4, (192, 64, 3, 3), padding=1, pool=(3, 3), step=(1, 2)),
    Layer(8, (384, 192, 3, 3), padding=1),
    Layer(11, (256, 384, 3, 3), padding=1),
    Layer(14, (256, 256, 3, 3), padding=1, pool=(3, 3), step=(2, 2)),
    Layer(18, (512, 256, 5, 4)),
)
"""From (n, 1, 13, 20) to (n, 512, 1, 1)."""
LIPS = (
    Layer(0, (96, 3, 5, 7, 7), stride=(1, 2, 2), pool=(1, 3, 3), step=(1, 2, 2)),
    Layer(
        4, (256, 96, 1, 5, 5), stride=(1, 2, 2), padding=(0, 1, 1),
        pool=(1, 3, 3), step=(1, 2, 2), border=(0, 1, 1),
    ),
    Layer(8, (256, 256, 1, 3, 3), padding=(0, 1, 1)),
    Layer(11, (256, 256, 1, 3, 3), padding=(0, 1, 1)),
    Layer(14, (256, 256, 1, 3, 3), padding=(0, 1, 1), pool=(1, 3, 3), step=(1, 2, 2)),
    Layer(18, (512, 256, 1, 6, 6)),
)  # fmt: skip
"""From (1, 3, t + 4, 224, 224) to (1, 512, t, 1, 1): but for the first layer, a frame at a time."""
TRUNKS = {"netcnnaud": AUDIO, "netcnnlip": LIPS}
HEADS = {"netfcaud": "netcnnaud", "netfclip": "netcnnlip"}
"""By the name of a trunk's last two layers, which are linear, the trunk's."""


def _normalised(name: str, at: int, size: int) -> dict[str, tuple[int, ...]]:
    parts = ("weight", "bias", "running_mean", "running_var")
    return {f"{name}.{at}.{part}": (size,) for part in parts}


def layout() -> dict[str, tuple[int, ...]]:
    """The shape of each tensor of the file by its name."""
    shapes: dict[str, tuple[int, ...]] = {}
    for name, layers in TRUNKS.items():
        for layer in layers:
            out = layer.shape[0]
            shapes |= {f"{name}.{layer.at}.weight": layer.shape, f"{name}.{layer.at}.bias": (out,)}
            shapes |= _normalised(name, layer.at + 1, out)
    for name in HEADS:
        shapes |= {f"{name}.0.weight": (512, 512), f"{name}.0.bias": (512,)}
        shapes |= _normalised(name, 1, 512)
        shapes |= {f"{name}.3.weight": (SIZE, 512), f"{name}.3.bias": (SIZE,)}
    return shapes


def path() -> Path:
    """Where the file lies, or is to be put by hand."""
    return cache() / "assets" / FILE


def check(metric: str) -> None:
    """Look for the file.

    Args:
        metric: that wants it, for the message.

    Raises:
        AssetError: it is missing.
    """
    if not path().is_file():
        raise AssetError(
            f"{metric} is left out: {FILE} of SyncNet not found; download {ADDRESS} into {path().parent}"
        )


def weights() -> str:
    """What a signature says of the file: how its sha256 begins, or that there is none."""
    return sha256_once(path())[:12] if path().is_file() else "none"


class SyncNet:
    """Both networks, loaded.

    Args:
        file: state of the published networks.

    Raises:
        AssetError: it holds something else.
    """

    def __init__(self, file: Path) -> None:
        import torch

        try:
            state = torch.load(file, map_location="cpu", weights_only=True)
            found = {name: tuple(state[name].shape) for name in layout() if name in state}
        except Exception as error:  # whatever a file of another format makes its loader say
            reason = " ".join(str(error).split())[:200]
            raise AssetError(f"{file} holds no weights ({reason}); download {ADDRESS} again") from None
        for name, shape in layout().items():
            if found.get(name) != shape:
                raise AssetError(
                    f"{file} is not SyncNet's: its {name} is {found.get(name, 'missing')}, expected {shape}; "
                    f"replace it by {ADDRESS}"
                )
        # CPU and CUDA agree as far as sums in another order do: TF32 is switched off.
        self.device = "cuda" if torch.cuda.is_available() else "cpu"
        self.state = {name: state[name].detach().float().to(self.device) for name in layout()}

    def lips(self, crops: Frames) -> Features:
        """Features of each 5 neighbouring crops of a face.

        Args:
            crops: (t + 4, 224, 224, 3) uint8 RGB.

        Returns:
            (t, 1024).
        """
        import torch

        blue_first = np.ascontiguousarray(crops[..., ::-1].transpose(3, 0, 1, 2))
        with torch.inference_mode():
            x = self._trunk("netcnnlip", torch.from_numpy(blue_first)[None].to(self.device).float())
            return self._head("netfclip", x[0, :, :, 0, 0].T)

    def sounds(self, coefficients: mfcc.Array, count: int) -> Features:
        """Features of what is heard during the 5 frames that begin with each of the first `count`.

        Args:
            coefficients: (n, 13), by `mfcc.mfcc`; n >= 4 count + 16.

        Returns:
            (count, 1024).
        """
        import torch

        windows = np.lib.stride_tricks.sliding_window_view(coefficients.T.astype(np.float32), HEARD, axis=1)
        heard = np.moveaxis(windows[:, ::PER_FRAME][:, :count], 0, 1)
        parts = [np.zeros((0, SIZE), np.float32)]
        with torch.inference_mode():
            for at in range(0, count, BATCH):
                part = torch.from_numpy(heard[at : at + BATCH].copy())[:, None].to(self.device)
                parts.append(self._head("netfcaud", self._trunk("netcnnaud", part)[..., 0, 0]))
        return np.concatenate(parts)

    def _trunk(self, name: str, x: torch.Tensor) -> torch.Tensor:
        import torch
        from torch.nn import functional as F

        flat = x.ndim == 4
        convolve, pool = (F.conv2d, F.max_pool2d) if flat else (F.conv3d, F.max_pool3d)
        for layer in TRUNKS[name]:
            weight, bias = (self.state[f"{name}.{layer.at}.{part}"] for part in ("weight", "bias"))
            with torch.backends.cudnn.flags(enabled=True, allow_tf32=False):
                x = convolve(x, weight, bias, layer.stride, layer.padding)
            x = self._normal(f"{name}.{layer.at + 1}", x).relu_()
            if layer.pool:
                x = pool(x, layer.pool, layer.step, layer.border)
        return x

    def _head(self, name: str, x: torch.Tensor) -> Features:
        from torch.nn import functional as F

        x = F.linear(x, self.state[f"{name}.0.weight"], self.state[f"{name}.0.bias"])
        x = self._normal(f"{name}.1", x).relu_()
        x = F.linear(x, self.state[f"{name}.3.weight"], self.state[f"{name}.3.bias"])
        features: Features = x.cpu().numpy()
        return features

    def _normal(self, name: str, x: torch.Tensor) -> torch.Tensor:
        from torch.nn import functional as F

        mean, variance, weight, bias = (
            self.state[f"{name}.{part}"] for part in ("running_mean", "running_var", "weight", "bias")
        )
        return F.batch_norm(x, mean, variance, weight, bias)


@functools.lru_cache(maxsize=1)
def _loaded(file: Path, sha256: str) -> SyncNet:
    return SyncNet(file)


def network() -> SyncNet:
    """The networks, loaded once as long as their file is the same one. Call `check` before.

    Raises:
        AssetError: the file holds something else.
    """
    return _loaded(path(), sha256_once(path()))
