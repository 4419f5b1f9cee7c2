"""Landmarks as pictures: label maps, and the flow that follows from where they lie in both pictures.

Coordinates run from -1 to 1 over the picture, as in `face_vid2vid.geometry`. Nothing here is learnt, and
nothing is differentiated.
"""

from __future__ import annotations

import torch
from torch import Tensor

from ..face_vid2vid.geometry import cell_grid, single_precision
from .landmarks import CHIN, CONTOURS, RIGID, TOP

FARTHEST = 4.0
"""Landmarks are held within so many half pictures of the centre."""
SPREAD = 1.0
"""Standard deviation of a drawn landmark, in cells of the label map."""
NEARNESS = {"face oval": 6.0, "bridge of the nose": 3.0, "base of the nose": 3.0, "brow": 2.0}
NEAREST = 0.4
"""How near a landmark says alone where a place comes from, in 128ths of the picture: lids and lips next to
them; what hardly changes its shape shares with its neighbours, so that the flow is smooth."""
REACH, SOFTNESS = 0.35, 0.06
"""The head ends at this distance from the nearest landmark, this softly; in heights of the face."""
STIFFNESS = 0.01
"""How much the head's own map is held to the identity, against the landmarks' squared distances."""

_GROUPS = [len(contour.points) for contour in CONTOURS.values()]
_NEAR = [
    next((near for part, near in NEARNESS.items() if part in name), NEAREST)
    for name, contour in CONTOURS.items()
    for _ in contour.points
]
MAPS = len(_GROUPS)
"""Label maps, one for each contour."""


@single_precision
def squared_distances(landmarks: Tensor, size: int) -> Tensor:
    """Of (B, N, 2) landmarks from the cells of a size × size grid: (B, N, size²)."""
    axis = (torch.arange(size, device=landmarks.device, dtype=torch.float32) * 2 + 1) / size - 1
    along = (landmarks[..., None].clamp(-FARTHEST, FARTHEST) - axis).square()
    return (along[:, :, 1, :, None] + along[:, :, 0, None, :]).flatten(2)


@single_precision
def label_maps(distances: Tensor) -> Tensor:
    """The contours, drawn as their landmarks, from (B, 126, S²) squared distances: (B, 13, S, S) in [0, 1].

    The paper draws lines between the landmarks. These are so near to each other that points do.
    """
    size = round(distances.shape[-1] ** 0.5)
    nearest = torch.stack([group.amin(1) for group in torch.split(distances, _GROUPS, 1)], 1)
    drawn = torch.exp(-nearest * (size / 2 / SPREAD) ** 2 / 2)
    return drawn.reshape(len(distances), -1, size, size)


def rigid_map(source: Tensor, driving: Tensor) -> tuple[Tensor, Tensor]:
    """The affine map that carries the skull's landmarks of the driving picture to those of the source.

    Args:
        source, driving: (B, 126, 2).

    Returns:
        matrix (B, 2, 2) and offset (B, 1, 2): x_s = x_d matrixᵀ + offset.
    """
    index = torch.tensor(RIGID, device=source.device)
    to, of = source[:, index], driving[:, index]
    centre, target = of.mean(1, keepdim=True), to.mean(1, keepdim=True)
    of, change = of - centre, (to - target) - (of - centre)
    ridge = STIFFNESS * torch.eye(2, device=source.device)
    matrix = torch.linalg.solve(of.transpose(1, 2) @ of + ridge, of.transpose(1, 2) @ change)
    matrix = matrix.transpose(1, 2) + torch.eye(2, device=source.device)
    return matrix, target - centre @ matrix.transpose(1, 2)


@single_precision
def head_flow(source: Tensor, driving: Tensor, distances: Tensor) -> Tensor:
    """Where the head's points of the driving picture lie in the source picture: (B, S, S, 2).

    The skull's affine map, and what each landmark moves beyond it, interpolated by inverse distances
    (Shepard): right at the landmarks, and between closed lids or lips it parts.

    Args:
        source, driving: landmarks (B, 126, 2).
        distances: of the driving landmarks, (B, 126, S²).
    """
    source, driving = source.clamp(-FARTHEST, FARTHEST), driving.clamp(-FARTHEST, FARTHEST)
    size = round(distances.shape[-1] ** 0.5)
    matrix, offset = rigid_map(source, driving)
    rest = source - (driving @ matrix.transpose(1, 2) + offset)
    near = (torch.tensor(_NEAR, device=source.device) * 2 / 128).square()
    weights = (distances + near[:, None]).reciprocal().square()
    moved = weights.transpose(1, 2) @ torch.cat([rest, torch.ones_like(rest[..., :1])], -1)
    grid = cell_grid(size, size, device=source.device).reshape(1, -1, 2)
    flow: Tensor = grid @ matrix.transpose(1, 2) + offset + moved[..., :2] / moved[..., 2:]
    return flow.reshape(-1, size, size, 2)


@single_precision
def head_logits(driving: Tensor, distances: Tensor) -> Tensor:
    """Of whether a place of the driving picture belongs to the head: (B, 1, S, S)."""
    size = round(distances.shape[-1] ** 0.5)
    height = (driving[:, TOP] - driving[:, CHIN]).norm(dim=-1).clamp(min=0.05)[:, None]
    away = distances.amin(1).sqrt() / height
    logits: Tensor = (REACH - away) / SOFTNESS
    return logits.reshape(-1, 1, size, size)
