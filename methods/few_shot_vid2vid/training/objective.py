"""The loss of few-shot vid2vid's thrifty model."""

from __future__ import annotations

import torch
from torch.nn import functional as F

from ...training.batch import Batch
from ...training.contract import Objective, Step
from ...training.perceptual import Perceptual
from ...training.picture_terms import picture_terms, region_pairs
from ..landmarks import LANDMARKS
from ..model import FewShotTalkingHead


class FewShotObjective(Objective[FewShotTalkingHead]):
    """The terms that all models share, and what was painted and what was warped by themselves.

    Where the mask is shut the generator learns nothing from the picture, and where it is open the flow
    learns nothing: each has a term of its own.
    """

    def __init__(self, perceptual: Perceptual) -> None:
        super().__init__()
        self.perceptual = perceptual

    def __call__(self, model: FewShotTalkingHead, batch: Batch, generator: torch.Generator) -> Step:
        still, driving = batch.landmarks[:, :, list(LANDMARKS)].unbind(1)
        rendering = model.render(model.read_source(batch.source, still), driving)
        assert rendering.warped is not None
        assert rendering.mask is not None
        target = batch.driving
        terms = picture_terms(self.perceptual, rendering.picture, target, batch.boxes)
        terms["generated"] = F.l1_loss(rendering.generated, target)
        terms["warped"] = F.l1_loss(rendering.warped, target)
        painted = region_pairs(rendering.generated, target, batch.boxes)
        terms["generated_regions"] = torch.stack([self.perceptual(*pair).mean() for pair in painted]).mean()
        return Step(terms, rendering.picture, {"mask": float(rendering.mask.detach().mean())})
