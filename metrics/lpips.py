"""Learned perceptual image patch similarity."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from ..core.assets import Asset
from ..core.errors import unknown
from ..core.metric import FrameMetric, Scorer, Shape, Values, check_sides
from ..core.shared_assets import LPIPS_PAPER
from ..core.video import Frames
from .lpips_network import BACKBONES, network


class Lpips(FrameMetric):
    """Learned perceptual image patch similarity, version 0.1 (0: identical).

    The distance of deep features: five layers of a network (net: alex, the authors' own default, or vgg),
    each position's features scaled to unit length, squared differences weighted by learnt heads, averaged
    over positions, summed over layers. Inputs are 8-bit RGB mapped to [-1, 1]; [0, 1] would give lower
    figures. Equal to the `lpips` package within 1e-5 on one frame. A clip's value is the mean over its
    frames, frame 0 left out unless run.count_first is set. The sha256 of the weights' tensors is checked
    on loading and is in the signature. Runs on CUDA where there is one.
    Source: Zhang et al., CVPR 2018; heads of the `lpips` package 0.1.4.
    """

    name = "lpips"
    direction = "lower"
    unit = ""
    source = LPIPS_PAPER
    assets = tuple(backbone.asset for backbone in BACKBONES.values())

    def __init__(self, *, net: str = "alex", count_first: bool = False) -> None:
        super().__init__(count_first=count_first)
        if str(net) not in BACKBONES:
            raise unknown("metrics.lpips.net", str(net), BACKBONES)
        self.net = net
        self.backbone = BACKBONES[net]

    def needs(self) -> tuple[Asset, ...]:
        return (self.backbone.asset,)

    def settings(self) -> Mapping[str, Any]:
        weights = self.backbone.tensors[:12]
        return {"net": self.net, "lpips": "0.1", "weights": weights, "input": "rgb[-1,1]", "pool": "mean"}

    def start(self, shape: Shape) -> Scorer:
        check_sides(f"lpips {self.net}", shape.width, shape.height, self.backbone.smallest)
        return super().start(shape)

    def _batches(self, frames: Frames) -> list[Frames]:
        step = self.backbone.batch
        return [frames[at : at + step] for at in range(0, len(frames), step)]

    def prepare(self, reference: Frames) -> list[Any]:
        import torch

        with torch.inference_mode():
            return [network(self.net).features(batch) for batch in self._batches(reference)]

    def compare(self, reference: list[Any], decoded: Frames) -> Values:
        import torch

        net = network(self.net)
        with torch.inference_mode():
            distances = [
                net.distance(features, net.features(batch))
                for features, batch in zip(reference, self._batches(decoded), strict=True)
            ]
            return np.concatenate([distance.cpu().numpy() for distance in distances]).astype(np.float64)
