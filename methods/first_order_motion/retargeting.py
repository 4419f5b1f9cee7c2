"""Motion relative to a first frame."""

from __future__ import annotations

import torch

from ...core.motion_coding import Parameters
from .detector import Keypoints
from .geometry import inverse


def relative_motion(source: Parameters, driving: Parameters, first: Parameters) -> Parameters:
    """The source's keypoints changed as the driving clip's have since its first frame.

    x_k = x_s,k + x_d,k − x_d0,k and J_k = J_d,k J_d0,k⁻¹ J_s,k (Siarohin et al., NeurIPS 2019, section 3.4).

    Args:
        source: (1, 6K) of one picture.
        driving: (t, 6K).
        first: (1, 6K) of the clip's first frame.
    """
    still, moved, began = (Keypoints.of(torch.from_numpy(numbers)) for numbers in (source, driving, first))
    points = still.points + moved.points - began.points
    jacobians = moved.jacobians @ inverse(began.jacobians) @ still.jacobians
    result: Parameters = Keypoints(points, jacobians).numbers.numpy()
    return result
