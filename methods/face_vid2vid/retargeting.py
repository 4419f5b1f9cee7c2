"""Motion that no driving frame had: relative to a first frame, or with a head turned by the user.

Numbers of a frame are yaw, pitch, roll in degrees, the translation, and the deformations.
"""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ...core.errors import UsageError
from ...core.motion_coding import Parameters
from .geometry import euler_to_matrix, matrix_to_euler

ANGLES, TRANSLATION = slice(0, 3), slice(3, 6)


def relative_motion(source: Parameters, driving: Parameters, first: Parameters) -> Parameters:
    """The source's motion changed as the driving clip's has since its first frame.

    R = R_d R_d0⁻¹ R_s, t = t_s + t_d − t_d0, δ_k = δ_s,k + δ_d,k − δ_d0,k: the relative transfer of
    appendix B.3, as the first-order motion model defines it, on what is sent here for a frame.

    Args:
        source: (1, n) of the picture that is to move.
        driving: (t, n) of the driving frames.
        first: (1, n) of the driving clip's first frame.
    """
    numbers: Parameters = source + driving - first
    now, then, own = (_rotation(one) for one in (driving, first, source))
    numbers[:, ANGLES] = _degrees(now @ then.transpose(-1, -2) @ own)
    return numbers


def redirected(
    numbers: Parameters, rotation: NDArray[np.floating], translation: NDArray[np.floating]
) -> Parameters:
    """R_d ← R_u R_d and t_d ← t_u + t_d (paper, section 3.2) for numbers (t, n).

    Raises:
        UsageError: R_u (3, 3) is no rotation, or t_u (3,) no translation.
    """
    turn, shift = (np.asarray(given, np.float64) for given in (rotation, translation))
    orthonormal = turn.shape == (3, 3) and np.allclose(turn @ turn.T, np.eye(3), atol=1e-3)
    if not orthonormal or np.linalg.det(turn) < 0:
        raise UsageError(
            "what shall turn a head is no rotation; give an orthonormal 3×3 matrix of determinant 1"
        )
    if shift.shape != (3,) or not np.isfinite(shift).all():
        raise UsageError("what shall move a head is no translation; give three finite numbers")
    moved = numbers.copy()
    moved[:, ANGLES] = _degrees(torch.from_numpy(turn) @ _rotation(numbers))
    moved[:, TRANSLATION] += shift
    return moved


def head_rotations(numbers: Parameters) -> NDArray[np.float64]:
    """R (t, 3, 3) of numbers (t, n)."""
    rotations: NDArray[np.float64] = _rotation(numbers).numpy()
    return rotations


def _rotation(numbers: Parameters) -> Tensor:
    """R (t, 3, 3) float64."""
    return euler_to_matrix(torch.from_numpy(numbers[:, ANGLES].astype(np.float64)))


def _degrees(rotation: Tensor) -> NDArray[np.float64]:
    """Yaw, pitch, roll (t, 3); every rotation has such with |yaw| up to 90°."""
    degrees: NDArray[np.float64] = matrix_to_euler(rotation).numpy()
    return degrees
