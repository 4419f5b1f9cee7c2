"""One training step's loss: the model run on a batch of pairs, and all its terms."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from ...training.batch import Batch
from ...training.contract import Objective, Step
from ...training.distortion import Distortion
from ...training.perceptual import Perceptual
from ...training.picture_terms import rendering_terms
from ..geometry import matrix_to_euler
from ..model import Source, TalkingHead
from ..networks import Motion
from . import losses
from .settings import FaceVid2VidSettings


class FaceVid2VidObjective(Objective[TalkingHead]):
    """Eq. 3 without its adversarial term, and the terms that keep eyes and mouth alive.

    Args:
        settings: weights, drop-out of keypoints.
        perceptual: distance of pictures.
        probe: reads the expression off δ; learns with the model.
    """

    def __init__(
        self, settings: FaceVid2VidSettings, perceptual: Perceptual, probe: losses.ExpressionProbe
    ) -> None:
        super().__init__()
        self.settings, self.perceptual = settings, perceptual
        self.beside: nn.Module = probe
        self.probe = probe

    def kept(self, count: int, keypoints: int, generator: torch.Generator) -> Tensor | None:
        """How many ordered keypoints each sample keeps (appendix C.2); None keeps all."""
        if torch.rand((), generator=generator) >= self.settings.drop_out:
            return None
        least = keypoints - int(self.settings.max_drop * keypoints)
        return torch.randint(least, keypoints + 1, (count,), generator=generator)

    def __call__(self, model: TalkingHead, batch: Batch, generator: torch.Generator) -> Step:
        """Run the model on a batch; `generator` draws the distortion and the dropped keypoints."""
        config = model.config
        count = len(batch.source)
        # Half of the batch is enough for L_E, and spares a sixth of the trunk's work.
        some = max(1, count // 2)
        distortion = Distortion(some, generator)
        kept = self.kept(count, config.keypoints, generator)
        if kept is not None:
            kept = kept.to(batch.source.device)

        small = model.motion_picture(batch.driving)
        # One pass of the trunk for the driving picture and its distortion.
        both, logits = model.estimator(torch.cat([small, distortion.apply(small[:some])]))
        driving, distorted = both[:count], both[count:]
        source = model.read_source(batch.source)
        rendering = model.render(source, driving, kept)
        points = model.keypoints(source.canonical, driving)
        still = model.keypoints(source.canonical, source.motion)

        terms = rendering_terms(self.perceptual, rendering, batch.driving, batch.boxes)
        terms["equivariance"] = losses.equivariance(
            points[:some], model.keypoints(source.canonical[:some], distorted), distortion
        )
        terms["keypoint_prior"] = losses.keypoint_prior(torch.cat([points, still]))
        of_both = losses.anchor(points, batch.landmarks[:, 1]) + losses.anchor(still, batch.landmarks[:, 0])
        terms["anchor"] = of_both / 2
        angles = matrix_to_euler(batch.rotation)
        terms["head_pose"] = (
            losses.head_pose(driving.angles, angles[:, 1])
            + losses.head_pose(source.motion.angles, angles[:, 0])
        ) / 2
        terms["head_pose_bins"] = losses.head_pose_bins(
            torch.cat([logits[:count], source.angle_logits]),
            torch.cat([angles[:, 1], angles[:, 0]]),
        )
        terms["deformation"] = losses.deformation_prior(
            torch.cat([driving.deformation, source.motion.deformation])
        )
        terms["expression"] = self._expression(source, driving, batch, kept)
        measures = {"delta": float(driving.deformation.detach().abs().mean())}
        if rendering.mask is not None:
            measures["mask"] = float(rendering.mask.detach().mean())
        return Step(terms, rendering.picture, measures)

    def _expression(self, source: Source, driving: Motion, batch: Batch, kept: Tensor | None) -> Tensor:
        still = source.motion if kept is None else source.motion.keep(kept)
        moved = driving if kept is None else driving.keep(kept)
        found: Tensor = self.probe(still.deformation, moved.deformation, batch.expression)
        return found

    def share(self, term: str, step: int) -> float:
        """The δ prior grows slowly, or the face stays a mask."""
        if term != "deformation":
            return 1.0
        return min(1.0, step / max(1, self.settings.deformation_ramp))
