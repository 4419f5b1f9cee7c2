"""Settings of a training of the first-order motion model, beside those of every training."""

from __future__ import annotations

from dataclasses import dataclass, field

from ...training.settings import TrainSettings, Weights


@dataclass(frozen=True)
class FirstOrderMotionWeights(Weights):
    """Weights of the loss terms (see `losses` and `objective`)."""

    generated: float = 5.0
    """L1 of what the generator paints, before blending."""
    generated_regions: float = 3.0
    """The same for eyes and mouth, perceptually."""
    warped: float = 2.0
    """L1 of the warped source picture, before blending."""
    equivariance: float = 10.0
    equivariance_jacobian: float = 10.0
    anchor: float = 0.0
    """Keypoints at landmarks."""
    anchor_jacobian: float = 0.0
    """Jacobians as the face is stretched there."""
    flow: float = 0.0
    """Dense motion's flow at the points of the face mesh."""


@dataclass(frozen=True)
class Pretraining:
    """The detector alone, from labels, before the whole model."""

    steps: int = 0
    batch: int = 32
    rate: float = 1e-3


@dataclass(frozen=True)
class FirstOrderMotionSettings(TrainSettings):
    """Everything that determines a training of the model, but for the data and the machine."""

    weights: FirstOrderMotionWeights = field(default_factory=FirstOrderMotionWeights)
    pretraining: Pretraining = field(default_factory=Pretraining)
    detector_rate: float = 1.0
    """Learning rate of the detector relative to the rest: full steps of an untrained rest would undo what was
    pretrained."""
