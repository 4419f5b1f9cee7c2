"""Clips drawn by this module: a moving face with its frame number in the pixels.

For self-tests without any download. The number stands in the top quarter of the picture, as two rows of
eight black or white blocks: twelve bits of number and four check bits, most significant first. From 128
pixels a side on they survive H.264 and H.265 at CRF 51 (from 64 on, CRF 45), so a frame that was lost,
doubled or shifted is found out.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from ..core.bitstream import MAX_SIDE
from ..core.dataset import Dataset, rate, whole
from ..core.errors import VideoError
from ..core.signature import code, digest
from ..core.video import Clip, Frame, Frames, Source, block_length

ROWS, COLUMNS, CHECK_BITS = 2, 8, 4
MAX_FRAMES = 1 << (ROWS * COLUMNS - CHECK_BITS)
MIN_SIDE = 16
MAX_CLIPS = 1000

_Plane = NDArray[np.float32]


def _word(number: int) -> int:
    """The number with its check bits: the remainder by x⁴ + x + 1, complemented."""
    rest = number << CHECK_BITS
    for bit in reversed(range(CHECK_BITS, ROWS * COLUMNS)):
        if rest >> bit & 1:
            rest ^= 0b10011 << (bit - CHECK_BITS)
    return number << CHECK_BITS | rest ^ 0b1111


def _blocks(width: int, height: int) -> Iterator[tuple[slice, slice]]:
    """Where the bits stand, most significant first."""
    for row in range(ROWS):
        for column in range(COLUMNS):
            yield (
                slice(row * height // 8, (row + 1) * height // 8),
                slice(column * width // COLUMNS, (column + 1) * width // COLUMNS),
            )


def write_number(frame: Frame, number: int) -> None:
    """Write a number below 4096 into the top quarter of a frame (H, W, 3), in place."""
    word = _word(number)
    for bit, (rows, columns) in enumerate(_blocks(frame.shape[1], frame.shape[0])):
        frame[rows, columns] = 255 * (word >> (ROWS * COLUMNS - 1 - bit) & 1)


def read_number(frame: Frame) -> int:
    """The frame number that stands in a test card's pixels.

    Args:
        frame: (H, W, 3) uint8 RGB, possibly coded and decoded with loss, not cropped.

    Raises:
        VideoError: the check bits do not fit, so no whole number is there.
    """
    word = 0
    for rows, columns in _blocks(frame.shape[1], frame.shape[0]):
        word = word << 1 | int(frame[rows, columns].mean() > 127.5)
    if word != _word(word >> CHECK_BITS):
        raise VideoError("no frame number can be read in this picture; give an uncropped test card frame")
    return word >> CHECK_BITS


@dataclass(frozen=True)
class Card(Source):
    """A test card's frames, drawn when asked for.

    Attributes:
        width, height: in pixels.
        fps: frames per second; the motion is in seconds.
        length: frames.
        seed: of the textures, the colours and the motion.
    """

    width: int
    height: int
    fps: Fraction
    length: int
    seed: int

    def frames(self) -> Iterator[Frames]:
        painter = _Painter(self.width, self.height, self.seed)
        step = block_length(self.width, self.height)
        for start in range(0, self.length, step):
            numbers = range(start, min(start + step, self.length))
            block = np.empty((len(numbers), self.height, self.width, 3), np.uint8)
            for frame, number in zip(block, numbers, strict=True):
                frame[:] = painter.picture(float(number / self.fps))
                write_number(frame, number)
            yield block

    def fingerprint(self) -> str:
        return digest([code(Card), self.width, self.height, str(self.fps), self.length, self.seed])


class _Painter:
    """Draws the face. Lengths are in half short sides, the origin is the picture's centre.

    Only sums, products and rounded scalars are used, so that every machine draws the same bytes.
    """

    def __init__(self, width: int, height: int, seed: int) -> None:
        self.unit = min(width, height) / 2
        self.x = ((np.arange(width) + 0.5 - width / 2) / self.unit).astype(np.float32)
        self.y = ((np.arange(height) + 0.5 - height / 2) / self.unit).astype(np.float32)
        raw = np.random.PCG64(seed).random_raw(width * height + 128)
        dice = (raw >> np.uint64(40)).astype(np.float64) / (1 << 24)
        self.dice, coarse = dice[:64], dice[64:128].reshape(8, 8)
        self.grain = (dice[128:].reshape(height, width) - 0.5).astype(np.float32)
        at_x, at_y = np.linspace(0, 7, width), np.linspace(0, 7, height)
        wide = np.stack([np.interp(at_x, np.arange(8), line) for line in coarse])
        smooth = np.stack([np.interp(at_y, np.arange(8), column) for column in wide.T], axis=1)
        tint = 90 + 70 * self.dice[:3]
        self.back = (tint * (0.5 + smooth[..., None])).astype(np.float32) + 24 * self.grain[..., None]

    def picture(self, seconds: float) -> NDArray[np.uint8]:
        """One frame (H, W, 3) uint8, without its number."""

        def swing(hertz: float, die: int) -> float:
            return round(math.sin(2 * math.pi * (hertz * seconds + float(self.dice[die]))), 4)

        canvas = self.back.copy()
        x, y = 0.14 * swing(0.31, 10), 0.28 + 0.05 * swing(0.43, 11)
        turn, scale = 0.07 * swing(0.23, 12), 1 + 0.06 * swing(0.17, 13)
        skin = np.array([205, 155, 130]) + 30 * (self.dice[3:6] - 0.5)
        hair = np.array([70, 50, 40]) + 40 * (self.dice[6:9] - 0.5)
        self._ellipse(canvas, (0, 1.25), (0.95, 0.6), np.array([60, 75, 110]), 10)
        self._ellipse(canvas, (x, y - 0.08 * scale), (0.5 * scale, 0.66 * scale), hair, 70, (x, y))
        self._ellipse(canvas, (x + turn / 2, y), (0.42 * scale, 0.56 * scale), skin, 14, (x, y))
        blink = 0.2 if (seconds + 2.3 * float(self.dice[14])) % 2.3 < 0.15 else 1.0
        for side in (-1, 1):
            eye = (x + turn + side * 0.17 * scale, y - 0.1)
            self._ellipse(canvas, eye, (0.09 * scale, 0.055 * blink), np.array([240, 240, 235]), 0)
            self._ellipse(
                canvas, (eye[0] + turn / 4, eye[1]), (0.04, 0.05 * blink), np.array([40, 45, 50]), 0
            )
        mouth = 0.025 + 0.035 * (1 + swing(1.7, 15))
        self._ellipse(canvas, (x + turn, y + 0.28), (0.15 * scale, mouth), np.array([140, 50, 55]), 8)
        drawn: NDArray[np.uint8] = np.rint(canvas).clip(0, 255).astype(np.uint8)
        return drawn

    def _ellipse(
        self,
        canvas: _Plane,
        centre: tuple[float, float],
        radii: tuple[float, float],
        colour: NDArray[np.float64],
        texture: float,
        anchor: tuple[float, float] = (0, 0),
    ) -> None:
        """Paint a shaded ellipse with a soft edge; its grain moves with `anchor`."""
        columns = slice(*np.searchsorted(self.x, (centre[0] - radii[0], centre[0] + radii[0])))
        rows = slice(*np.searchsorted(self.y, (centre[1] - radii[1], centre[1] + radii[1])))
        across = ((self.x[columns] - np.float32(centre[0])) / np.float32(radii[0])) ** 2
        down = ((self.y[rows, None] - np.float32(centre[1])) / np.float32(radii[1])) ** 2
        inside = 1 - across - down
        mask = np.clip(inside * 6, 0, 1)[..., None]
        paint = colour.astype(np.float32) * (0.8 + 0.25 * np.maximum(inside, 0)[..., None])
        if texture:
            shift = (round(anchor[1] * self.unit), round(anchor[0] * self.unit))
            grain = np.roll(self.grain, shift, (0, 1)) if any(shift) else self.grain
            paint += texture * grain[rows, columns, None]
        canvas[rows, columns] += mask * (paint - canvas[rows, columns])


class Cards(Dataset):
    """Moving, numbered test pictures.

    Args:
        size: side of the square picture in pixels.
        width, height: in pixels, where the picture is no square; `size` by default.
        fps: frames per second, a number or ``30000/1001``.
        frames: of each clip, at most 4096.
        clips: how many; they differ in texture, colours and motion.
        seed: of the first clip.

    Raises:
        UsageError: a setting is out of range.
    """

    name = "testcard"

    def __init__(
        self,
        size: int = 256,
        width: int | None = None,
        height: int | None = None,
        fps: float | str = 25,
        frames: int = 60,
        clips: int = 1,
        seed: int = 0,
    ) -> None:
        side = whole("data.size", size, MIN_SIDE, MAX_SIDE)
        self.width = side if width is None else whole("data.width", width, MIN_SIDE, MAX_SIDE)
        self.height = side if height is None else whole("data.height", height, MIN_SIDE, MAX_SIDE)
        self.fps = rate("data.fps", fps)
        self.frames = whole("data.frames", frames, 1, MAX_FRAMES)
        self.count = whole("data.clips", clips, 1, MAX_CLIPS)
        self.seed = whole("data.seed", seed, 0)

    def clips(self) -> Sequence[Clip]:
        return [
            Clip(
                f"card{number}",
                Card(self.width, self.height, self.fps, self.frames, self.seed + number),
                self.width,
                self.height,
                self.fps,
                identity=f"card{number}",
            )
            for number in range(self.count)
        ]
