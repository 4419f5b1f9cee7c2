"""The loss terms that are this model's own: equivariance, and landmarks that keypoints are drawn to.

Keypoints are (B, K, 2) in [-1, 1], Jacobians (B, K, 2, 2). Every term is a mean over the batch.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from ...training.clips import TrainingClip
from ...training.distortion import Distortion
from ...training.labels import ANCHORS
from ..detector import Keypoints
from ..geometry import inverse

REACH = 0.12
"""How far around a landmark the face's stretching is measured, in half pictures."""
STIFFNESS = 0.02
"""Share of an undistorted neighbourhood that is mixed in, so that a folded one gives no wild Jacobian."""


class AffineDistortion(Distortion):
    """A random map T of the plane whose derivative is known too."""

    def derivative(self, points: Tensor) -> Tensor:
        """dT (B, N, 2, 2) at (B, N, 2) points of the distorted picture."""
        apart = points[:, :, None] - self.control.to(points.device)
        distance = apart.abs().sum(-1)
        slope = 2 * distance * torch.log(distance + 1e-6) + distance.square() / (distance + 1e-6)
        bend = (slope * self.weights.to(points.device))[..., None] * apart.sign()
        # The bend moves x and y alike.
        return self.theta.to(points.device)[:, None, :, :2] + bend.sum(2)[:, :, None]


def equivariance(found: Keypoints, distorted: Keypoints, distortion: AffineDistortion) -> Tensor:
    """Keypoints of d against those of T(d) carried back (paper, Eq. 9)."""
    return (found.points - distortion.map(distorted.points)).abs().mean()


def equivariance_jacobian(found: Keypoints, distorted: Keypoints, distortion: AffineDistortion) -> Tensor:
    """1 against J_d⁻¹ dT J_T(d) (paper, Eq. 11)."""
    # Sums and not matrix products, which autocasting would do in half precision.
    carried = _product(distortion.derivative(distorted.points), distorted.jacobians)
    unity = torch.eye(2, device=carried.device)
    return (unity - _product(inverse(found.jacobians), carried)).abs().mean()


def _product(a: Tensor, b: Tensor) -> Tensor:
    return (a[..., :, :, None] * b[..., None, :, :]).sum(-2)


def flow_at_landmarks(flow: Tensor, landmarks: Tensor) -> Tensor:
    """Where a (B, H, W, 2) flow says that the driving landmarks come from, against where they do.

    Pictures say little about where lids and lips went; the mesh says it for 478 points. Those outside of
    either picture do not count.

    Args:
        landmarks: (B, 2, 478, 2) of source and driving picture.
    """
    source, driving = landmarks.unbind(1)
    where = F.grid_sample(flow.movedim(-1, 1), driving[:, None], padding_mode="border", align_corners=False)
    inside = (landmarks.abs() < 1).all(-1).all(1).float()
    distance = (where[:, :, 0].movedim(1, -1) - source).abs().mean(-1)
    return (distance * inside).sum() / inside.sum().clamp(min=1)


class Mesh:
    """How a face's landmarks have moved from those of the mean face, and how it is stretched around them.

    Keypoints that nobody places need millions of pictures to find lids and lips; Jacobians as well.

    Args:
        mean: (478, 2) the mean face.
    """

    def __init__(self, mean: Tensor) -> None:
        anchors = mean[list(ANCHORS)]
        self.apart = mean - anchors[:, None]
        self.weights = torch.exp(-self.apart.square().sum(-1) / (2 * REACH**2))
        self.weights /= self.weights.sum(1, keepdim=True)
        self.moment = torch.einsum("kn,kni,knj->kij", self.weights, self.apart, self.apart)
        self.hold = STIFFNESS * self.moment.diagonal(dim1=-2, dim2=-1).mean(-1)[:, None, None] * torch.eye(2)

    @classmethod
    def of(cls, clips: Sequence[TrainingClip]) -> Mesh:
        """With the mean face of some clips, each of which counts alike."""
        faces = [clip.landmarks[clip.valid].mean(0) for clip in clips if len(clip.valid)]
        mean = np.mean([face - face.mean(0) for face in faces], axis=0)
        return cls(torch.from_numpy(mean).float())

    def stretching(self, landmarks: Tensor) -> Tensor:
        """The linear map (B, 20, 2, 2) that best explains (B, 478, 2) landmarks around each anchor."""
        weights, apart, hold = (x.to(landmarks.device) for x in (self.weights, self.apart, self.hold))
        moved = landmarks[:, None] - landmarks[:, list(ANCHORS), None]
        with torch.autocast(landmarks.device.type, enabled=False):
            together = torch.einsum("kn,bkni,knj->bkij", weights, moved, apart)
            found: Tensor = (together + hold) @ torch.linalg.inv(self.moment.to(landmarks.device) + hold)
        return found

    def anchor(self, found: Keypoints, landmarks: Tensor) -> tuple[Tensor, Tensor]:
        """Mean distances of places and of Jacobians from what (B, 478, 2) landmarks say.

        Keypoints beyond the anchors are free.
        """
        count = min(found.points.shape[1], len(ANCHORS))
        places = landmarks[:, list(ANCHORS[:count])]
        stretching = self.stretching(landmarks)[:, :count]
        return (
            (found.points[:, :count] - places).abs().mean(),
            (found.jacobians[:, :count] - stretching).abs().mean(),
        )
