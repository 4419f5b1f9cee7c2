"""Deep image structure and texture similarity."""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ..core.assets import Asset, locate
from ..core.errors import AssetError
from ..core.metric import FrameMetric, Scorer, Shape, Values, check_sides
from ..core.video import Frames
from .lpips_network import VGG, network

DISTS_PAPER = "Ding et al., Image quality assessment: unifying structure and texture similarity, TPAMI 2022"

WEIGHTS = Asset(
    name="dists_weights.pt",
    what="DISTS: weights of structure and texture, 1475 channels each",
    package="DISTS-pytorch",
    version="0.1",
    member="DISTS_pytorch/weights.pt",
    sha256="f5e65c96230b7f6ca995691647d482237e4cab8a50c5c4a5784f219ef0748218",
    bytes=12288,
    licence="MIT",
    paper=DISTS_PAPER,
)
CHANNELS = (3, 64, 128, 256, 512, 512)
"""Of the picture itself and of the five layers that are compared."""
TAPS = ("3", "8", "15", "22", "29")
"""relu1_2, relu2_2, relu3_3, relu4_3 and relu5_3 by their numbers in torchvision's VGG16."""
SMALLEST = 16
"""Side of the smallest picture that reaches the last layer."""
BATCH = 1


@functools.cache
def model() -> Any:
    """piq's DISTS with the declared weights, once a process, on CUDA where there is one.

    Raises:
        AssetError: weights are missing or are not the declared ones.
    """
    import torch
    from piq import DISTS
    from piq.perceptual import ContentLoss
    from torchvision.models import vgg16

    trunk = network("vgg")  # the same convolutions as of LPIPS, its hash checked
    path = locate(WEIGHTS)
    weights = torch.load(path, map_location="cpu", weights_only=True)
    if {name: tuple(weight.shape) for name, weight in weights.items()} != dict.fromkeys(
        ("alpha", "beta"), (1, sum(CHANNELS), 1, 1)
    ):
        raise AssetError(f"{path} holds no weights of DISTS; run `bench assets fetch {WEIGHTS.name}`")
    with torch.device("meta"):  # its classifier alone would take half a gigabyte
        layers = vgg16(weights=None).features
    layers = layers.to_empty(device=trunk.device)
    convolutions = [layer for layer in layers if isinstance(layer, torch.nn.Conv2d)]
    for layer, (weight, bias) in zip(convolutions, trunk.convolutions, strict=True):
        layer.weight = torch.nn.Parameter(weight, requires_grad=False)
        layer.bias = torch.nn.Parameter(bias, requires_grad=False)

    class Dists(DISTS):  # type: ignore[misc]
        """piq's, but it fetches nothing."""

        def __init__(self) -> None:
            parts = [part for key in ("alpha", "beta") for part in weights[key].split(CHANNELS, dim=1)]
            ContentLoss.__init__(
                self, layers, TAPS, parts, replace_pooling=True, allow_layers_weights_mismatch=True,
                reduction="none",
            )  # fmt: skip

    return Dists().eval()


class Dists(FrameMetric):
    """Deep image structure and texture similarity, as a distance (0: identical; rarely above 0.5).

    The picture and five layers of VGG16, whose pooling is a Hann window: similarity of each channel's means
    (texture) and of its correlation (structure), summed with learnt weights, taken from 1.
    By piq's DISTS. Inputs are 8-bit RGB mapped to [0, 1], then scaled by ImageNet's mean and deviation.
    Pictures whose smaller side is above 256 are resized bilinearly to 256 first, as piq does; the
    authors' script does it by another resampling. A clip's value is the mean over its frames, frame 0 left
    out unless run.count_first is set. Slow: some three frames a second on one processor's thread.
    Source: Ding et al., TPAMI 2022; weights of DISTS_pytorch 0.1.
    """

    name = "dists"
    direction = "lower"
    unit = ""
    source = DISTS_PAPER
    assets = (WEIGHTS, VGG.asset)

    def settings(self) -> Mapping[str, Any]:
        return {
            "code": "piq",
            "net": "vgg16",
            "weights": f"{WEIGHTS.sha256[:12]}+{VGG.tensors[:12]}",
            "input": "rgb[0,1]",
            "resize": "256-bilinear-if-larger",
            "pool": "mean",
        }

    def start(self, shape: Shape) -> Scorer:
        check_sides(self.name, shape.width, shape.height, SMALLEST)
        return super().start(shape)

    def prepare(self, reference: Frames) -> list[Any]:
        return [_features(batch) for batch in _batches(reference)]

    def compare(self, reference: list[Any], decoded: Frames) -> Values:
        import torch

        loss = model()
        found = []
        for features, batch in zip(reference, _batches(decoded), strict=True):
            with torch.inference_mode():
                parts = loss.compute_distance(features, _features(batch))
                weighted = [
                    (part * weight.to(part)).flatten(1).sum(1)
                    for part, weight in zip(parts, loss.weights, strict=True)
                ]
                found.append((1 - torch.stack(weighted).sum(0)).cpu().numpy())
        return np.concatenate([np.zeros(0), *found])


def _batches(frames: Frames) -> list[Frames]:
    return [frames[at : at + BATCH] for at in range(0, len(frames), BATCH)]


def _features(frames: Frames) -> Sequence[Any]:
    """The picture and five layers, each (t, C, h, w)."""
    import torch
    from torch.nn import functional as F

    loss = model()
    x = torch.from_numpy(frames.copy()).to(network("vgg").device).permute(0, 3, 1, 2).float() / 255
    side = min(x.shape[2:])
    with torch.inference_mode(), torch.backends.cudnn.flags(enabled=True, allow_tf32=False):
        if side > 256:
            x = F.interpolate(x, scale_factor=256 / side, recompute_scale_factor=False, mode="bilinear")
        features: Sequence[Any] = loss.get_features(x)
    return features
