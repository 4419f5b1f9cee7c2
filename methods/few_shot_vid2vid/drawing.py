"""Landmarks as pictures: label maps, and the flow that follows from where they lie in both pictures.

Coordinates run from -1 to 1 over the picture, as in `face_vid2vid.geometry`. Nothing here is learnt, and
nothing is differentiated.
"""

from __future__ import annotations

import torch
from torch import Tensor

from ..face_vid2vid.geometry import cell_grid, single_precision
from .landmarks import CHIN, CONTOURS, LANDMARKS, RIGID, TOP, segments

FARTHEST = 4.0
"""Landmarks are held within so many half pictures of the centre."""
SPREAD = 0.7
"""Standard deviation of a drawn landmark, in cells of the label map."""
NEARNESS = {"face oval": 6.0, "bridge of the nose": 3.0, "base of the nose": 3.0, "brow": 2.0}
NEAREST = 0.4
"""How near a landmark says alone where a place comes from, in 128ths of the picture: lids and lips next to
them; what hardly changes its shape shares with its neighbours, so that the flow is smooth."""
LADDER = tuple(0.4 * 2**rung for rung in range(9))
"""Standard deviations of the Gaussians that make up the weights of the flow, in 128ths of the picture."""
REACH, SOFTNESS = 0.35, 0.06
"""The head ends at this distance from the nearest landmark, this softly; in heights of the face."""
BLUR = 0.1
"""How much farther landmarks share in what is nearest, in heights of the face."""
STILL = 1 / 128
"""Motion in half pictures that counts as such: detected landmarks tremble by half of that."""
SURROUNDINGS, FADING = 1.0, 0.15
"""What moves with the head ends at this distance from the nearest landmark, this softly; in heights again."""
SHARED = 0.25
"""How far landmarks speak for their neighbourhood's motion, in heights."""
STIFFNESS = 0.01
"""How much the head's own map is held to the identity, against the landmarks' squared distances."""

_GROUPS = [len(contour.points) for contour in CONTOURS.values()]
_NEAR = [
    next((near for part, near in NEARNESS.items() if part in name), NEAREST)
    for name, contour in CONTOURS.items()
    for _ in contour.points
]
_LINES = [list(side) for side in zip(*segments(), strict=True)]
_OPENINGS = [
    [LANDMARKS.index(point) for point in CONTOURS[name].points]
    for name in ("inner lips", "right eye", "left eye")
]
MAPS = len(_GROUPS) + len(_OPENINGS)
"""Label maps: one for each contour, and one for each opening."""


@single_precision
def _apart(landmarks: Tensor, size: int) -> Tensor:
    """Squared distances of (B, N, 2) landmarks from a grid's cells, along x and along y: (B, N, 2, size)."""
    axis = (torch.arange(size, device=landmarks.device, dtype=torch.float32) * 2 + 1) / size - 1
    return (landmarks[..., None].clamp(-FARTHEST, FARTHEST) - axis).square()


def _bells(apart: Tensor, deviation: Tensor | float) -> tuple[Tensor, Tensor]:
    """Gaussians along x and along y, (B, N, size) each, whose product is one around a landmark."""
    across, down = torch.exp(apart / (-2 * deviation**2)).unbind(2)
    return across, down


@single_precision
def label_maps(landmarks: Tensor, size: int) -> Tensor:
    """What landmarks (B, 126, 2) are drawn as: (B, 16, size, size) in [0, 1].

    The contours, as dots: the paper draws lines between the landmarks, but these are near to each other. Then
    what lies between the lips, and between the lids of both eyes.
    """
    across, down = _bells(_apart(landmarks, size), SPREAD * 2 / size)
    drawn = [
        y.transpose(1, 2) @ x
        for x, y in zip(torch.split(across, _GROUPS, 1), torch.split(down, _GROUPS, 1), strict=True)
    ]
    cells = (landmarks.clamp(-FARTHEST, FARTHEST) + 1) * size / 2
    filled = [_filled(cells[:, opening], size) for opening in _OPENINGS]
    return torch.stack([*drawn, *filled], 1).clamp(max=1)


def _filled(corners: Tensor, size: int) -> Tensor:
    """Share of each cell inside polygons (B, n, 2) in cells, along the rows' middles: (B, size, size)."""
    x, y = corners[..., None].unbind(2)
    other_x, other_y = corners.roll(-1, 1)[..., None].unbind(2)
    row = torch.arange(size, device=corners.device) + 0.5
    down, up = (y <= row) & (other_y > row), (other_y <= row) & (y > row)
    at = x + (row - y) / torch.where(down | up, other_y - y, 1.0) * (other_x - x)
    ends = torch.arange(1, size + 1, device=corners.device)
    covered = (ends - at[..., None]).clamp(0, 1)
    return torch.einsum("bnr,bnrc->brc", down.float() - up.float(), covered).abs()


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
def head_flow(source: Tensor, driving: Tensor, size: int) -> Tensor:
    """Where the head's points of the driving picture lie in the source picture: (B, size, size, 2).

    The skull's affine map, and what each landmark moves beyond it, interpolated by the inverse fourth powers
    of the distances (Shepard): right at the landmarks, and between closed lids or lips it parts. The weights
    are a ladder of Gaussians, Σ_σ σ⁻⁴ exp(−r²/2σ²) ~ r⁻⁴, each of which is a product of one in x and one in
    y; a landmark has those that are wider than its nearness.

    Args:
        source, driving: landmarks (B, 126, 2).
    """
    source, driving = source.clamp(-FARTHEST, FARTHEST), driving.clamp(-FARTHEST, FARTHEST)
    matrix, offset = rigid_map(source, driving)
    rest = source - (driving @ matrix.transpose(1, 2) + offset)
    values = torch.cat([rest, torch.ones_like(rest[..., :1])], -1).transpose(1, 2)
    near = torch.tensor(_NEAR, device=source.device)
    apart = _apart(driving, size)
    sums = torch.zeros(len(source), 3, size, size, device=source.device)
    for deviation in LADDER:
        across, down = _bells(apart, deviation * 2 / 128)
        shares = values * torch.where(near <= deviation * 1.01, deviation**-4, 0.0)
        sums += torch.einsum("bky,bkcx->bcyx", down, across[:, :, None] * shares.transpose(1, 2)[..., None])
    moved = (sums[:, :2] / sums[:, 2:].clamp(min=1e-20)).movedim(1, -1)
    grid = cell_grid(size, size, device=source.device)
    flow: Tensor = (grid.reshape(1, -1, 2) @ matrix.transpose(1, 2) + offset).reshape(-1, size, size, 2)
    return flow + moved


@single_precision
def away_from_face(driving: Tensor, size: int) -> Tensor:
    """Distance from about the nearest landmark, in heights of the face: (B, 1, size, size)."""
    across, down = _bells(_apart(driving, size), BLUR * _height(driving))
    near = torch.log((down.transpose(1, 2) @ across).clamp(1e-20, 1))
    return BLUR * torch.sqrt(-2 * near)[:, None]


def head_logits(away: Tensor) -> Tensor:
    """Of whether a place belongs to the head, from its distance (B, 1, S, S) from the face."""
    return (REACH - away) / SOFTNESS


@single_precision
def motion_share(source: Tensor, driving: Tensor, away: Tensor) -> Tensor:
    """How much may change at a place, because the face moves near it: (B, 1, S, S) in [0, 1].

    Where landmarks lie as they did, a frame is the source picture itself, untouched.

    Args:
        source, driving: landmarks (B, 126, 2).
        away: (B, 1, S, S) distance from the face.
    """
    moved = (source - driving).clamp(-FARTHEST, FARTHEST).square().sum(-1)[..., None]
    across, down = _bells(_apart(driving, away.shape[-1]), SHARED * _height(driving))
    weights = (down.transpose(1, 2) @ across).clamp(min=1e-20)
    mean = (down.transpose(1, 2) @ (across * moved) / weights)[:, None]
    around = torch.sigmoid((SURROUNDINGS - away) / FADING)
    share: Tensor = around * (1 - torch.exp(-mean / STILL**2))
    return share


def _height(landmarks: Tensor) -> Tensor:
    """Of the face, (B, 1, 1, 1), from the top of the oval to the chin."""
    top, chin = landmarks[:, [TOP, CHIN]].clamp(-FARTHEST, FARTHEST).unbind(1)
    height: Tensor = (top - chin).norm(dim=-1).clamp(min=0.05)
    return height[:, None, None, None]


@single_precision
def line_map(landmarks: Tensor, size: int) -> Tensor:
    """Lines through the landmarks (B, 126, 2) of the face's oval, upper brows, nose, eyes and lips.

    Returns:
        (B, 1, size, size), one on the lines and zero elsewhere; a line is a 256th of the picture wide.
    """
    begins, ends = _LINES
    steps = torch.linspace(0, 1, size // 2, device=landmarks.device)[:, None, None]
    points = landmarks.clamp(-FARTHEST, FARTHEST)
    drawn = torch.zeros(len(landmarks), size * size, device=landmarks.device)
    cells = (torch.lerp(points[None, :, begins], points[None, :, ends], steps[..., None]) + 1) * size / 2
    cells = cells.floor().long().movedim(0, 1).flatten(1, 2)
    stroke = range(max(1, size // 256))
    for down in stroke:
        for across in stroke:
            x, y = cells[..., 0] + across, cells[..., 1] + down
            inside = (x >= 0) & (x < size) & (y >= 0) & (y < size)
            drawn.scatter_add_(1, (y * size + x).where(inside, 0), inside.float())
    return drawn.clamp(max=1).reshape(-1, 1, size, size)
