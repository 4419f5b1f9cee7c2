"""Held-out people during training: figures, and a sheet of pictures to look at."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from torch.nn import functional as F

from ...core.store import writing
from .batch import Batch
from .clips import TrainingClip
from .contract import Training
from .perceptual import Perceptual
from .picture_terms import region_pairs
from .sampler import join, take
from .window import Window

CLIPS, BATCH, SHOWN = 8, 4, 128
WHOLE = Window(1.0, 0.0, np.zeros(2), False)


class HeldOut:
    """Fixed pairs of people that are not trained on.

    For each of the first eight clips: the first frame as source; as driving frames, the one with the most
    closed eyes, the one with the widest mouth, and the last.

    Args:
        training: of the model.
        clips: of these people.
        size: side of the pictures, as the model is to be judged.
        loss: in single precision.
        device: of loss and model.
    """

    def __init__(
        self,
        training: Training[Any, Any],
        clips: Sequence[TrainingClip],
        size: int,
        loss: Perceptual,
        device: torch.device,
    ) -> None:
        self.training, self.loss, self.device = training, loss, device
        pairs = []
        for clip in clips[:CLIPS]:
            driving = {int(clip.eyes.argmin()), int(clip.mouth.argmax()), len(clip.valid) - 1}
            for position in sorted(driving):
                pairs.append(take(clip, int(clip.valid[0]), int(clip.valid[position]), WHOLE, size))
        self.batches: list[Batch] = [join(pairs[at : at + BATCH]) for at in range(0, len(pairs), BATCH)]

    @torch.no_grad()
    def look(self, model: Any, path: Path) -> dict[str, float]:
        """Paint all pairs, and write a sheet of them: source, driving, result, and what the model adds.

        Returns:
            `lpips` of whole pictures and `regions`, that of eyes and mouths; `freeze` and `freeze_regions`,
            those of the source picture itself, for comparison; and the model's own measures.
        """
        found: dict[str, list[Tensor]] = {"lpips": [], "regions": [], "freeze": [], "freeze_regions": []}
        rows: list[Tensor] = []
        for kept in self.batches:
            batch = kept.to(self.device)
            seen = self.training.look(model, batch)
            for whole, parts, picture in (
                ("lpips", "regions", seen.picture),
                ("freeze", "freeze_regions", batch.source),
            ):
                found[whole].append(self.loss(picture, batch.driving))
                pairs = region_pairs(picture, batch.driving, batch.boxes)
                found[parts].extend(self.loss(*pair) for pair in pairs)
            for name, value in seen.measures.items():
                found.setdefault(name, []).append(torch.tensor([value]))
            columns = [batch.source, batch.driving, seen.picture, *seen.beside]
            shown = [F.interpolate(x.float(), size=(SHOWN, SHOWN), mode="area") for x in columns]
            rows.extend(torch.cat([x.expand(-1, 3, -1, -1) for x in shown], 3))
        sheet = torch.cat(rows, 1).clamp(0, 1) * 255
        with writing(path) as file:
            Image.fromarray(sheet.round().byte().permute(1, 2, 0).cpu().numpy()).save(file)
        return {name: round(float(torch.cat(values).mean()), 4) for name, values in found.items()}
