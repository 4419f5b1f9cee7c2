"""How few-shot vid2vid's models are trained."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

import torch

from ...training.batch import Batch
from ...training.clips import TrainingClip
from ...training.contract import Look, Objective, Training
from ...training.perceptual import Perceptual
from ...training.settings import TrainSettings, Weights
from ..config import SMALL, FewShotConfig
from ..paper_config import PAPER, PaperConfig
from ..weights import Networks, build, load_weights, save_weights
from .objective import FewShotObjective, rendered


@dataclass(frozen=True)
class FewShotWeights(Weights):
    """Weights of the loss terms (see `objective`)."""

    generated: float = 5.0
    """L1 of what the generator paints, before blending."""
    generated_regions: float = 3.0
    """The same for eyes and mouth, perceptually."""
    warped: float = 1.0
    """L1 of the warped source picture, before blending."""


@dataclass(frozen=True)
class FewShotSettings(TrainSettings):
    """Everything that determines a training."""

    weights: FewShotWeights = field(default_factory=FewShotWeights)


class FewShotTraining(Training[Networks, FewShotSettings]):
    """Source picture and both frames' landmarks in, driving frame out."""

    method = "fs_vid2vid"
    summary = (
        "A source picture and 126 landmarks a frame become the frame, after few-shot vid2vid "
        "(Wang, Liu, Tao, Liu, Kautz, Catanzaro, NeurIPS 2019)."
    )
    recipes = Path(__file__).parent / "recipes"
    sizes: ClassVar[Mapping[str, FewShotConfig | PaperConfig]] = {"small": SMALL, "paper": PAPER}
    settings = FewShotSettings

    def build(self, config: Any) -> Networks:
        return build(config)

    def load(self, file: Path) -> Networks:
        return load_weights(file).train().requires_grad_(True)

    def save(self, model: Networks, file: Path, notes: Mapping[str, str]) -> str:
        return save_weights(model, file, notes)

    def objective(
        self,
        settings: FewShotSettings,
        model: Networks,
        perceptual: Perceptual,
        clips: Sequence[TrainingClip],
    ) -> Objective[Networks]:
        return FewShotObjective(perceptual)

    def look(self, model: Networks, batch: Batch) -> Look:
        with torch.no_grad():
            rendering = rendered(model, batch)
        assert rendering.warped is not None
        assert rendering.mask is not None
        return Look(
            rendering.picture,
            (rendering.warped, rendering.generated, rendering.mask),
            {"mask": float(rendering.mask.mean())},
        )

    def departures(self, model: Networks, settings: FewShotSettings) -> list[str]:
        landmarks = "Landmarks are 126 points of MediaPipe's face mesh, not dlib's 68"
        losses = (
            "The perceptual terms are LPIPS on AlexNet, of the picture and of eyes and mouth by themselves, "
            "not VGG19; there is no temporal discriminator"
            + (" and no other." if settings.weights.adversarial == 0 else ".")
        )
        if isinstance(model.config, PaperConfig):
            return [f"{landmarks}; lines are drawn through them.", losses, "No frame before is warped."]
        return [
            f"{landmarks}; they are drawn as dots, and mouth and eyes filled.",
            "The flow begins as the one that the landmarks' positions in both pictures give, without "
            "learning; a network corrects it and the head's outline.",
            "Corrections and painting fade out where no landmark near by has moved.",
            "Features of the source picture are warped and are what the generator starts from.",
            "The generator paints changes to the warped source picture and blends them with it by a mask; "
            f"for pictures larger than {model.config.largest} these are enlarged.",
            "The weight generator adds to the weights of the SPADE layers instead of giving all of them, and "
            "does so from one pooled code of the source picture.",
            "A frame depends on the source picture and its own landmarks, not on the frames before.",
            losses,
        ]
