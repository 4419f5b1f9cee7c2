"""The loss terms of Eq. 3 and those that keep the face acting.

Pictures are (B, 3, H, W) in [0, 1]; keypoints (B, K, 3). Every term is a mean over the batch.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ...training.distortion import Distortion
from ...training.labels import ANCHORS
from ..geometry import degrees_to_bins
from ..networks import DEFORMATION_UNIT

MIN_SQUARED_DISTANCE = 0.1
"""D_t of Eq. 2."""
MEAN_DEPTH = 0.33
"""z_t of Eq. 2."""


def keypoint_prior(keypoints: Tensor) -> Tensor:
    """Eq. 2: keypoints apart from each other, at a mean depth of z_t."""
    squared = (keypoints[:, :, None] - keypoints[:, None]).square().sum(-1)
    near = F.relu(MIN_SQUARED_DISTANCE - squared)
    # A keypoint's distance to itself is constant and says nothing.
    near = near.sum((1, 2)) - MIN_SQUARED_DISTANCE * keypoints.shape[1]
    depth = (keypoints[..., 2].mean(1) - MEAN_DEPTH).abs()
    return (near + depth).mean()


def anchor(keypoints: Tensor, landmarks: Tensor) -> Tensor:
    """Distance of keypoints (B, K, 3) from their `ANCHORS` among landmarks (B, 478, 2), in the image plane.

    Keypoints that nobody places need millions of pictures to find lids and lips. Those that start
    there carry what the face does from the first pictures; x_c, R, t and δ are still found by the
    networks alone. Keypoints beyond the anchors are free.
    """
    near = landmarks[:, ANCHORS[: keypoints.shape[1]]]
    return (keypoints[:, : near.shape[1], :2] - near).abs().mean()


def head_pose(angles: Tensor, wanted: Tensor) -> Tensor:
    """L_H: sum of the differences of the Euler angles, in radians; both (B, 3) in degrees."""
    return torch.deg2rad(angles - wanted).abs().sum(-1).mean()


def head_pose_bins(logits: Tensor, wanted: Tensor) -> Tensor:
    """Cross entropy of the (B, 3, 66) bins; `wanted` (B, 3) in degrees.

    Beside L_H, which alone has next to no gradient once a softmax is sure of the wrong bin.
    """
    target = degrees_to_bins(wanted)
    return F.cross_entropy(logits.flatten(0, 1), target.flatten(0, 1))


def deformation_prior(deformation: Tensor) -> Tensor:
    """L_Δ: mean |δ|, so that its weight does not depend on K."""
    return deformation.abs().mean()


def equivariance(keypoints: Tensor, distorted: Tensor, distortion: Distortion) -> Tensor:
    """L_E: keypoints of d against those of T(d) carried back, in the image plane."""
    return (keypoints[..., :2] - distortion.map(distorted[..., :2])).abs().mean()


class ExpressionProbe(nn.Module):
    """A linear reading of the expression from δ, used in training only.

    Labels of eyes, mouth and brows (`labels.expression_targets`) are predicted from δ. It
    makes δ carry blinks and speech from the first minutes, before the generator can use them,
    and, under keypoint drop-out, the weightiest ones first.

    Two pictures of one person are judged by their difference above all: how open somebody's eyes
    usually are is no expression, and differs more between people than a blink does within one.
    """

    mean: Tensor
    deviation: Tensor
    weights: Tensor

    def __init__(self, keypoints: int, mean: Tensor, deviation: Tensor) -> None:
        """`mean` over all frames and `deviation` within clips, both (E,)."""
        super().__init__()
        self.linear = nn.Linear(3 * keypoints, len(mean))
        self.register_buffer("mean", mean)
        self.register_buffer("deviation", deviation)
        # The measured openings of eyes and mouth count more than the estimated blendshapes.
        weights = torch.ones(len(mean))
        weights[:4] = torch.tensor([30.0, 30.0, 30.0, 8.0])
        self.register_buffer("weights", weights / weights.mean())

    def read(self, deformation: Tensor) -> Tensor:
        """Reading (B, E) of (B, K, 3) δ, in deviations from the mean."""
        # δ is of the order of hundredths; scaled, its reading needs no huge weights.
        reading: Tensor = self.linear(deformation.flatten(1) / DEFORMATION_UNIT)
        return reading

    def forward(self, first: Tensor, second: Tensor, targets: Tensor) -> Tensor:
        """Distance of the readings of two (B, K, 3) δ from (B, 2, E) targets, smooth L1."""
        wanted = (targets - self.mean) / self.deviation
        found = torch.stack([self.read(first), self.read(second)], 1)
        change = F.smooth_l1_loss(
            found[:, 1] - found[:, 0], (wanted[:, 1] - wanted[:, 0]).clamp(-6, 6), reduction="none"
        )
        level = F.smooth_l1_loss(found, wanted.clamp(-6, 6), reduction="none").mean(1)
        return ((change + 0.2 * level) * self.weights).mean()


def within_clips(targets: list[Tensor]) -> tuple[Tensor, Tensor]:
    """Mean of all frames' targets and their mean deviation within clips, for the probe."""
    together = torch.cat(targets)
    deviation = torch.stack([t.std(0) for t in targets]).mean(0)
    # A blendshape that hardly ever moves is not worth its noise.
    return together.mean(0), deviation + 0.01
