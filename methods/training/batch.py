"""What a training step sees."""

from __future__ import annotations

from dataclasses import dataclass, fields

import torch
from torch import Tensor


@dataclass(frozen=True)
class Batch:
    """Pairs of pictures of the same person in the same clip, with the labels of both.

    Coordinates run from -1 to 1 over the picture, x to the right, y down, the centres of the outer pixels
    half a pixel inside (`align_corners=False`). Where both pictures of a pair were mirrored, so are their
    labels: what was a point of the right eye is then at the index of the left eye's.

    Attributes:
        source, driving: (B, 3, S, S) in [0, 1].
        landmarks: (B, 2, 478, 2) points of MediaPipe's face mesh, of source and driving picture.
        rotation: (B, 2, 3, 3) of the heads, in image axes (x right, y down, z away).
        expression: (B, 2, 55) see `labels.expression_targets`.
        boxes: (B, 2, 4) eyes and mouth of the driving picture: centre x, y, half width, half height.
    """

    source: Tensor
    driving: Tensor
    landmarks: Tensor
    rotation: Tensor
    expression: Tensor
    boxes: Tensor

    def to(self, device: torch.device) -> Batch:
        """The same batch on another device."""
        return Batch(*(getattr(self, one.name).to(device, non_blocking=True) for one in fields(self)))
