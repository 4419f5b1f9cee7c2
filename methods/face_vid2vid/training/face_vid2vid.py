"""What face-vid2vid brings to the training that all models share."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path

import torch
from torch import nn

from ....core.errors import UsageError
from ...training.batch import Batch
from ...training.clips import TrainingClip
from ...training.contract import Look, Objective, Training
from ...training.perceptual import Perceptual
from ...training.settings import Emphasis
from ..blocks import channels_last
from ..config import SIZES, ModelConfig
from ..model import TalkingHead
from ..weights import load_weights, save_weights
from .losses import ExpressionProbe, within_clips
from .objective import FaceVid2VidObjective
from .pretrain import Pretrainer
from .settings import FaceVid2VidSettings

DEPARTURES = {
    "blend": "The generator also predicts a mask and blends its picture with the source picture, "
    "warped at full size: still parts stay the source's own pixels.",
    "largest": "Pictures beyond a size (256² in `small`) are painted at that size; what was painted is "
    "enlarged before it is blended.",
    "refine_flow": "The generator adds small offsets to the flow that warps the source picture.",
    "retouch": "The generator sees the warped source picture and paints changes to it.",
    "modulate": "The generator's residual blocks are scaled and shifted by the deformations, so that it "
    "can paint lids and lips that no warp of the source shows.",
    "strided": "Sizes are halved by strided convolutions, not by pooling.",
    "coordinates": "The trunk of H and Δ is given each pixel's coordinates.",
}


class FaceVid2VidTraining(Training[TalkingHead, FaceVid2VidSettings]):
    """L, H and Δ first from labels alone, then the whole model."""

    method = "ours"
    summary = (
        "Re-animates one source picture from 3K + 6 numbers a frame, after *One-Shot Free-View Neural\n"
        "Talking-Head Synthesis for Video Conferencing* (Wang, Mallya, Liu, CVPR 2021) and its appendix A."
    )
    recipes = Path(__file__).parent / "recipes"
    sizes = SIZES
    settings = FaceVid2VidSettings
    shown = ("perceptual", "regions", "head_pose", "expression", "delta", "mask")

    def check(self, settings: FaceVid2VidSettings) -> None:
        for part, factor in asdict(settings.emphasis).items():
            if not 0 < factor <= 4:
                raise UsageError(
                    f"emphasis.{part}={factor} is out of range; give a factor up to 4, such as 1.4"
                )

    def build(self, config: ModelConfig) -> TalkingHead:
        model = TalkingHead(config)
        channels_last(model)
        return model

    def load(self, file: Path) -> TalkingHead:
        return load_weights(file)

    def save(self, model: TalkingHead, file: Path, notes: Mapping[str, str]) -> str:
        return save_weights(model, file, notes)

    def objective(
        self,
        settings: FaceVid2VidSettings,
        model: TalkingHead,
        perceptual: Perceptual,
        clips: Sequence[TrainingClip],
    ) -> FaceVid2VidObjective:
        mean, deviation = within_clips([torch.from_numpy(clip.expression[clip.valid]) for clip in clips])
        probe = ExpressionProbe(model.config.keypoints, mean, deviation)
        return FaceVid2VidObjective(settings, perceptual, probe)

    def emphasis(self, settings: FaceVid2VidSettings) -> Emphasis:
        return settings.emphasis

    def groups(
        self, model: TalkingHead, settings: FaceVid2VidSettings
    ) -> Iterable[tuple[Iterable[nn.Parameter], float]]:
        read = list(model.estimator.parameters())
        inside = {id(parameter) for parameter in read}
        rest = [parameter for parameter in model.parameters() if id(parameter) not in inside]
        return [(rest, 1.0), (read, settings.estimator_rate)]

    def pretrain(
        self,
        model: TalkingHead,
        objective: Objective[TalkingHead],
        settings: FaceVid2VidSettings,
        training: Sequence[TrainingClip],
        held_out: Sequence[TrainingClip],
        file: Path,
        stopping: Callable[[], bool],
        say: Callable[[str], None],
    ) -> bool:
        assert isinstance(objective, FaceVid2VidObjective)
        taught = model.estimator, model.canonical, objective.probe
        size = model.config.motion_size
        return Pretrainer(*taught, settings, training, held_out, size, file, say).run(stopping)

    def look(self, model: TalkingHead, batch: Batch) -> Look:
        motion = model.estimate(batch.driving)
        rendering = model.render(model.read_source(batch.source), motion)
        beside = [rendering.generated]
        if rendering.warped is not None and rendering.mask is not None:
            beside += [rendering.warped, rendering.mask]
        return Look(rendering.picture, beside, {"delta": float(motion.deformation.abs().mean())})

    def departures(self, model: TalkingHead, settings: FaceVid2VidSettings) -> list[str]:
        config = model.config
        found = [text for key, text in DEPARTURES.items() if getattr(config, key)]
        cells = config.trunk_cells
        if cells > 1:
            found.append(f"The trunk of H and Δ keeps {cells} × {cells} cells of its last features.")
        if config.motion_reduce > 1:
            found.append("M gathers its evidence at half of the volume's height and width.")
        if not config.spectral_norm:
            found.append("No spectral normalisation.")
        found.append("The perceptual term is LPIPS (AlexNet), not distances of VGG19's features.")
        if settings.weights.anchor:
            found.append("In training, keypoints are drawn to facial landmarks.")
        if settings.weights.expression:
            found.append("In training, a linear probe must read openings and blendshapes off δ.")
        if settings.emphasis:
            found.append(
                f"The sender has lids move {settings.emphasis.eyes:g} and lips {settings.emphasis.mouth:g} "
                "times as far as they do."
            )
        steps = settings.pretraining.steps
        if steps:
            found.append(f"L, H and Δ learn from labels alone before the rest, {steps} steps.")
        return found
