"""The loss of few-shot vid2vid's models."""

from __future__ import annotations

from typing import Any

import torch

from ...face_vid2vid.painter import Rendering
from ...training.batch import Batch
from ...training.contract import Objective, Step
from ...training.perceptual import Perceptual
from ...training.picture_terms import rendering_terms
from ..landmarks import LANDMARKS
from ..weights import Networks


class FewShotObjective(Objective[Networks]):
    """The terms that all models share, and what was painted and what was warped by themselves.

    Where the mask is shut the generator learns nothing from the picture, and where it is open the flow
    learns nothing: each has a term of its own.
    """

    def __init__(self, perceptual: Perceptual) -> None:
        super().__init__()
        self.perceptual = perceptual

    def __call__(self, model: Networks, batch: Batch, generator: torch.Generator) -> Step:
        rendering = rendered(model, batch)
        assert rendering.mask is not None
        terms = rendering_terms(self.perceptual, rendering, batch.driving, batch.boxes)
        return Step(terms, rendering.picture, {"mask": float(rendering.mask.detach().mean())})


def rendered(model: Networks, batch: Batch) -> Rendering:
    """The driving pictures of a batch."""
    still, driving = batch.landmarks[:, :, list(LANDMARKS)].unbind(1)
    source: Any = model.read_source(batch.source, still)
    return model.render(source, driving)
