"""What the first-order motion model brings to the training that all models share."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

from torch import nn

from ...face_vid2vid.blocks import channels_last
from ...training.batch import Batch
from ...training.clips import TrainingClip
from ...training.contract import Look, Objective, Training
from ...training.perceptual import Perceptual
from ..checkpoint import load_checkpoint
from ..config import SIZES, ModelConfig
from ..model import FirstOrderMotion
from ..weights import load_weights, save_weights
from .losses import Mesh
from .objective import FirstOrderMotionObjective
from .pretrain import Pretrainer
from .settings import FirstOrderMotionSettings

DEPARTURES = {
    "blend": "The generator also predicts a mask and blends its picture with the source picture, "
    "warped at full size: still parts stay the source's own pixels.",
    "largest": "Pictures beyond a size (256² in `small`) are painted at that size; what was painted is "
    "enlarged before it is blended.",
    "refine_flow": "The generator adds small offsets to the flow that warps the source picture.",
    "retouch": "The generator sees the warped source picture and paints changes to it.",
    "show_keypoints": "The generator is shown where the keypoints move, so that it can paint lids and lips "
    "that no warp of the source shows.",
    "strided": "Sizes are halved by strided convolutions, not by pooling.",
    "motion_squeeze": "Dense motion thins its evidence before its hourglass.",
}


class FirstOrderMotionTraining(Training[FirstOrderMotion, FirstOrderMotionSettings]):
    """The detector first from labels alone, then the whole model."""

    method = "fomm"
    summary = (
        "Re-animates one source picture from 6K numbers a frame, after *First Order Motion Model for Image\n"
        "Animation* (Siarohin, Lathuilière, Tulyakov, Ricci, Sebe, NeurIPS 2019)."
    )
    recipes = Path(__file__).parent / "recipes"
    sizes = SIZES
    settings = FirstOrderMotionSettings
    shown = ("perceptual", "regions", "equivariance", "anchor", "anchor_jacobian", "flow", "mask")

    def build(self, config: ModelConfig) -> FirstOrderMotion:
        model = FirstOrderMotion(config)
        channels_last(model)
        return model

    def load(self, file: Path) -> FirstOrderMotion:
        return load_weights(file) if file.suffix == ".safetensors" else load_checkpoint(file)

    def save(self, model: FirstOrderMotion, file: Path, notes: Mapping[str, str]) -> str:
        return save_weights(model, file, notes)

    def objective(
        self,
        settings: FirstOrderMotionSettings,
        model: FirstOrderMotion,
        perceptual: Perceptual,
        clips: Sequence[TrainingClip],
    ) -> FirstOrderMotionObjective:
        return FirstOrderMotionObjective(perceptual, Mesh.of(clips))

    def groups(
        self, model: FirstOrderMotion, settings: FirstOrderMotionSettings
    ) -> Iterable[tuple[Iterable[nn.Parameter], float]]:
        rest = [*model.dense_motion.parameters(), *model.generator.parameters()]
        return [(rest, 1.0), (model.detector.parameters(), settings.detector_rate)]

    def pretrain(
        self,
        model: FirstOrderMotion,
        objective: Objective[FirstOrderMotion],
        settings: FirstOrderMotionSettings,
        training: Sequence[TrainingClip],
        held_out: Sequence[TrainingClip],
        file: Path,
        stopping: Callable[[], bool],
        say: Callable[[str], None],
    ) -> bool:
        assert isinstance(objective, FirstOrderMotionObjective)
        return Pretrainer(model.detector, objective.mesh, settings, training, file, say).run(stopping)

    def look(self, model: FirstOrderMotion, batch: Batch) -> Look:
        rendering = model.render(model.read_source(batch.source), model.estimate(batch.driving))
        beside = [rendering.generated]
        if rendering.warped is not None and rendering.mask is not None:
            beside += [rendering.warped, rendering.mask]
        return Look(rendering.picture, beside)

    def departures(self, model: FirstOrderMotion, settings: FirstOrderMotionSettings) -> list[str]:
        config = model.config
        found = [text for key, text in DEPARTURES.items() if getattr(config, key)]
        if config.motion_reduce > 1:
            found.append("The detector sees twice the size of its heat maps.")
        if settings.weights.anchor:
            found.append("In training, keypoints are drawn to facial landmarks.")
        if settings.weights.anchor_jacobian:
            found.append(
                "In training, Jacobians are drawn to how the face is stretched around the landmarks."
            )
        if settings.weights.flow:
            found.append("In training, the flow is drawn to where the points of a face mesh come from.")
        if settings.pretraining.steps:
            found.append(f"The detector learns {settings.pretraining.steps} steps from labels alone first.")
        return found
