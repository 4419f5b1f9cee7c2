"""Loss terms on pictures that all models share: the whole, and eyes and mouth by themselves.

Pictures are (B, 3, S, S) in [0, 1]; every term is a mean over the batch.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn import functional as F

from ..face_vid2vid.painter import Rendering
from .perceptual import Perceptual

REGION_SIZES = ((48, 112), (64, 80))
"""Height and width of the cut-out eyes and mouth, for pictures of 128²."""


def picture_terms(
    perceptual: Perceptual, picture: Tensor, target: Tensor, boxes: Tensor
) -> dict[str, Tensor]:
    """`perceptual` (at full and half size), `pixel` (L1); `regions`, `region_pixel`: both on eyes and mouth.

    Eyes and mouth are a few percent of the pixels and most of what a face says: without terms of their own a
    model wears a mask.

    Args:
        picture: what a model painted.
        target: what it should have.
        boxes: (B, 2, 4) see `Batch.boxes`.
    """
    half = F.avg_pool2d(picture, 2), F.avg_pool2d(target, 2)
    pairs = region_pairs(picture, target, boxes)
    return {
        "perceptual": perceptual(picture, target).mean() + 0.5 * perceptual(*half).mean(),
        "pixel": F.l1_loss(picture, target),
        "regions": torch.stack([perceptual(*pair).mean() for pair in pairs]).mean(),
        "region_pixel": torch.stack([F.l1_loss(*pair) for pair in pairs]).mean(),
    }


def region_pairs(picture: Tensor, reference: Tensor, boxes: Tensor) -> list[tuple[Tensor, Tensor]]:
    """Eyes and mouth of both pictures, enlarged; `boxes` is (B, 2, 4)."""
    # At larger pictures the cut-outs grow with the root of the size: enough to show a lid's edge.
    factor = math.sqrt(picture.shape[-1] / 128)
    pairs = []
    for index, (height, width) in enumerate(REGION_SIZES):
        size = int(height * factor) // 8 * 8, int(width * factor) // 8 * 8
        pairs.append((zoom(picture, boxes[:, index], *size), zoom(reference, boxes[:, index], *size)))
    return pairs


def zoom(picture: Tensor, boxes: Tensor, height: int, width: int) -> Tensor:
    """Cut boxes (B, 4), centre and half sizes in [-1, 1], out of pictures: (B, 3, height, width)."""
    y = torch.linspace(-1, 1, height, device=picture.device)
    x = torch.linspace(-1, 1, width, device=picture.device)
    unit = torch.stack([x.expand(height, width), y[:, None].expand(height, width)], -1)
    where = boxes[:, None, None, :2] + unit * boxes[:, None, None, 2:]
    return F.grid_sample(picture.float(), where, padding_mode="border", align_corners=False)


def rendering_terms(
    perceptual: Perceptual, rendering: Rendering, target: Tensor, boxes: Tensor
) -> dict[str, Tensor]:
    """`picture_terms` of a rendering's picture and, where it blends, terms of what it blends.

    Where the mask is shut the generator learns nothing from the result; the face's acting parts must be worth
    opening it for.
    """
    terms = picture_terms(perceptual, rendering.picture, target, boxes)
    if rendering.warped is not None:
        painted = region_pairs(rendering.generated, target, boxes)
        terms["generated_regions"] = torch.stack([perceptual(*p).mean() for p in painted]).mean()
        terms["generated"] = F.l1_loss(rendering.generated, target)
        terms["warped"] = F.l1_loss(rendering.warped, target)
    return terms
