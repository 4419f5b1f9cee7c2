"""Settings of a training of face-vid2vid, beside those of every training."""

from __future__ import annotations

from dataclasses import dataclass, field

from ...training.settings import Emphasis, TrainSettings, Weights


@dataclass(frozen=True)
class FaceVid2VidWeights(Weights):
    """Weights of the loss terms (see `losses`)."""

    generated: float = 5.0
    """L1 of what G paints, before blending."""
    generated_regions: float = 3.0
    """The same for eyes and mouth, perceptually."""
    warped: float = 2.0
    """L1 of the warped source picture, before blending."""
    equivariance: float = 10.0
    keypoint_prior: float = 1.0
    anchor: float = 0.0
    """Keypoints at landmarks (see `losses.anchor`); instead of the keypoint prior."""
    head_pose: float = 4.0
    head_pose_bins: float = 0.3
    deformation: float = 4.0
    expression: float = 1.0


@dataclass(frozen=True)
class Pretraining:
    """L, H and Δ alone, from labels, before the whole model."""

    steps: int = 6000
    batch: int = 32
    rate: float = 1e-3


@dataclass(frozen=True)
class FaceVid2VidSettings(TrainSettings):
    """Everything that determines a training of face-vid2vid, but for the data and the machine."""

    weights: FaceVid2VidWeights = field(default_factory=FaceVid2VidWeights)
    pretraining: Pretraining = field(default_factory=Pretraining)
    deformation_ramp: int = 6000
    """Steps over which the weight of the δ prior grows from zero."""
    estimator_rate: float = 0.3
    """Learning rate of H and Δ relative to the rest: full steps of an untrained M and G would undo what was
    pretrained."""
    drop_out: float = 0.5
    """Share of the batches whose keypoints are dropped from a random index on (C.2)."""
    max_drop: float = 0.75
    """Largest share of the keypoints that is dropped."""
    emphasis: Emphasis = field(default_factory=Emphasis)
    """Of expressions, by the sender; nothing in training depends on it."""
