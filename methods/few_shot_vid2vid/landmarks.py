"""The 126 landmarks that are sent for a frame: points of MediaPipe's face mesh (478 points).

What acts is sent whole (lips, lids, brows, irises), what only moves with the head thinned out. Sides are the
person's own: the right eye is on the left of the picture.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Contour:
    """A line through points of the mesh.

    Attributes:
        points: indices into the mesh, in the order of the line.
        closed: whether the line ends where it began.
    """

    points: tuple[int, ...]
    closed: bool = False


CONTOURS = {
    "outer lips": Contour(
        (61, 146, 91, 181, 84, 17, 314, 405, 321, 375, 291, 409, 270, 269, 267, 0, 37, 39, 40, 185), True
    ),
    "inner lips": Contour(
        (78, 95, 88, 178, 87, 14, 317, 402, 318, 324, 308, 415, 310, 311, 312, 13, 82, 81, 80, 191), True
    ),
    "right eye": Contour((33, 7, 163, 144, 145, 153, 154, 155, 133, 173, 157, 158, 159, 160, 161, 246), True),
    "left eye": Contour(
        (263, 249, 390, 373, 374, 380, 381, 382, 362, 398, 384, 385, 386, 387, 388, 466), True
    ),
    "right brow, lower": Contour((46, 53, 52, 65, 55)),
    "left brow, lower": Contour((276, 283, 282, 295, 285)),
    "right brow, upper": Contour((70, 63, 105, 66, 107)),
    "left brow, upper": Contour((300, 293, 334, 296, 336)),
    "right iris": Contour((468,)),
    "left iris": Contour((473,)),
    "bridge of the nose": Contour((168, 6, 197, 195, 5, 4, 1)),
    "base of the nose": Contour((48, 64, 98, 2, 327, 294, 278)),
    "face oval": Contour(
        (10, 297, 284, 389, 454, 361, 397, 379, 400, 152, 176, 150, 172, 132, 234, 162, 54, 67), True
    ),
}
"""The lines that the landmarks are drawn as."""

LANDMARKS = tuple(point for contour in CONTOURS.values() for point in contour.points)
"""Indices into the mesh, in the order in which the landmarks are sent."""


def _reflected(name: str) -> tuple[int, ...]:
    """The points of a contour's mirror image, in the order of its own."""
    if name.startswith(("right ", "left ")):
        side, rest = name.split(" ", 1)
        return CONTOURS[f"{'left' if side == 'right' else 'right'} {rest}"].points
    points = CONTOURS[name].points
    if name == "bridge of the nose":
        return points
    if name == "base of the nose":
        return points[::-1]
    # Loops: lips begin at a corner, the oval at the top of the forehead.
    axis = len(points) // 2 if name.endswith("lips") else 0
    return tuple(points[(axis - number) % len(points)] for number in range(len(points)))


MIRROR = tuple(LANDMARKS.index(point) for name in CONTOURS for point in _reflected(name))
"""Landmark i of a mirrored picture is where landmark MIRROR[i] of the picture was: order with this what a
mirrored picture's coordinates give."""

RIGID = tuple(
    LANDMARKS.index(point)
    for point in (
        *CONTOURS["bridge of the nose"].points,
        *CONTOURS["base of the nose"].points,
        *(33, 133, 263, 362),
        *(10, 297, 284, 389, 454, 234, 162, 54, 67),
    )
)
"""Positions of the landmarks that move with the skull: nose, corners of the eyes, the oval above the jaw."""

TOP, CHIN = LANDMARKS.index(10), LANDMARKS.index(152)


def segments() -> list[tuple[int, int]]:
    """Both ends, as positions among the landmarks, of the lines that a face is sketched with.

    Irises are points, and of a brow the upper line is enough.
    """
    found, at = [], 0
    for name, contour in CONTOURS.items():
        count = len(contour.points)
        if not name.endswith(("lower", "iris")):
            lines = count if contour.closed else count - 1
            found += [(at + number, at + (number + 1) % count) for number in range(lines)]
        at += count
    return found
