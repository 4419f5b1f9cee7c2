"""One training step's loss: the model run on a batch of pairs, and all its terms."""

from __future__ import annotations

import torch

from ...training.batch import Batch
from ...training.contract import Objective, Step
from ...training.perceptual import Perceptual
from ...training.picture_terms import rendering_terms
from ..model import FirstOrderMotion
from . import losses


class FirstOrderMotionObjective(Objective[FirstOrderMotion]):
    """Reconstruction and equivariance (paper, section 3.3), and the terms that keep eyes and mouth alive.

    Args:
        perceptual: distance of pictures.
        mesh: what landmarks say of keypoints and Jacobians.
    """

    def __init__(self, perceptual: Perceptual, mesh: losses.Mesh) -> None:
        super().__init__()
        self.perceptual, self.mesh = perceptual, mesh

    def __call__(self, model: FirstOrderMotion, batch: Batch, generator: torch.Generator) -> Step:
        """Run the model on a batch; `generator` draws the distortion."""
        count = len(batch.source)
        # Half of the batch is enough for equivariance, and spares a sixth of the detector's work.
        some = max(1, count // 2)
        distortion = losses.AffineDistortion(some, generator)
        small = model.motion_picture(batch.driving)
        both = model.detector(torch.cat([small, distortion.apply(small[:some])]))
        driving, distorted = both[:count], both[count:]
        source = model.read_source(batch.source)
        field = model.motion_field(source, driving)
        rendering = model.generator(source.features, field, source.picture)

        terms = rendering_terms(self.perceptual, rendering, batch.driving, batch.boxes)
        terms["equivariance"] = losses.equivariance(driving[:some], distorted, distortion)
        terms["equivariance_jacobian"] = losses.equivariance_jacobian(driving[:some], distorted, distortion)
        of_source = self.mesh.anchor(source.keypoints, batch.landmarks[:, 0])
        of_driving = self.mesh.anchor(driving, batch.landmarks[:, 1])
        terms["anchor"] = (of_source[0] + of_driving[0]) / 2
        terms["anchor_jacobian"] = (of_source[1] + of_driving[1]) / 2
        terms["flow"] = losses.flow_at_landmarks(field.flow, batch.landmarks)
        measures = {}
        if rendering.mask is not None:
            measures["mask"] = float(rendering.mask.detach().mean())
        return Step(terms, rendering.picture, measures)
