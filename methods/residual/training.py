"""Training of the residual code: from what a neural codec shows of training people to what they look like."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from ...core.video import Frames
from .binary_code import Counts, observed
from .network import ResidualAutoencoder

Render = Callable[[Frames], Frames]
"""Frames (t, H, W, 3) as a codec shows them, the first of them its source picture."""

KINDS = {"shown": 0.55, "earlier": 0.2, "blurred": 0.1, "other": 0.15}
"""What a reconstruction is, and how often: the codec's; another frame of the clip; the frame without its
details; and another person, which is what a scene cut leaves."""
LEAST = 1e-5
"""Squared error below which nothing more is asked: 50 dB."""


@dataclass(frozen=True)
class Examples:
    """Frames of many clips and what a codec showed instead: (n, S, S, 3) uint8; `clip` (n,) says of which."""

    original: Frames
    shown: Frames
    clip: NDArray[np.int64]

    @classmethod
    def of(cls, files: Sequence[Path], render: Render, each: int, dice: np.random.Generator) -> Examples:
        """So many frames of each prepared clip (`frames.npy`), the source picture drawn too."""
        originals, shown = [], []
        for file in files:
            frames = np.load(file, mmap_mode="r")
            drawn = np.ascontiguousarray(frames[dice.choice(len(frames), min(each + 1, len(frames)), False)])
            originals.append(drawn[1:])
            shown.append(render(drawn)[1:])
        clip = np.repeat(np.arange(len(files)), [len(part) for part in originals])
        return cls(np.concatenate(originals), np.concatenate(shown), clip)

    def batch(self, count: int, size: int, dice: np.random.Generator) -> tuple[Tensor, Tensor]:
        """Originals and reconstructions (count, 3, size, size) in [0, 1]; mirrored, cut out alike."""
        side = self.original.shape[1]
        pairs = []
        for kind in dice.choice(list(KINDS), count, p=list(KINDS.values())):
            at = int(dice.integers(len(self.clip)))
            original, shown = self.original[at], self.shown[at]
            alike = self.clip == self.clip[at]
            if kind == "earlier":
                shown = self.original[dice.choice(np.flatnonzero(alike))]
            elif kind == "other":
                shown = self.original[dice.choice(np.flatnonzero(~alike))]
            top, left = dice.integers(0, side - size + 1, 2)
            pair = np.stack([original, shown])[:, top : top + size, left : left + size]
            cut = (
                torch.from_numpy(pair[:, :, :: dice.choice((1, -1))].copy()).permute(0, 3, 1, 2).float() / 255
            )
            if kind == "blurred":
                small = F.avg_pool2d(cut[:1], int(dice.choice((2, 4, 8))))
                cut[1:] = F.interpolate(small, (size, size), mode="bilinear", align_corners=False)
            pairs.append(cut)
        originals, reconstructions = torch.stack(pairs, 1)
        return originals, reconstructions


def error(model: ResidualAutoencoder, original: Tensor, shown: Tensor) -> Tensor:
    """Mean squared error (B,) of the corrected pictures in [0, 1]."""
    lacking: Tensor = model(original - shown) - (original - shown)
    return lacking.square().mean((1, 2, 3))


def train(
    examples: Examples,
    say: Callable[[str], None],
    *,
    minutes: float,
    batch: int = 8,
    size: int = 128,
    rate: float = 2e-3,
    seed: int = 0,
) -> tuple[ResidualAutoencoder, int]:
    """Train for so long; the rate falls as a cosine.

    The loss is the mean logarithm of each picture's squared error: PSNR, so that pictures that lack little
    count as much as those that lack all.

    Args:
        examples: at least as large as `size`, of two clips at least.
        say: told every 100 steps how good the latest pictures became.
        minutes: to train.
        batch, size: pictures a step, and their side.
        rate: of Adam, at first.

    Returns:
        the network, and the steps done.
    """
    torch.manual_seed(seed)
    dice = np.random.default_rng(seed)
    model = ResidualAutoencoder().to(memory_format=torch.channels_last)
    optimiser = torch.optim.Adam(model.parameters(), lr=rate)
    start, step, qualities = time.monotonic(), 0, []
    done = 0.0
    while done < 1:
        done = min((time.monotonic() - start) / (60 * minutes), 1)
        for group in optimiser.param_groups:
            group["lr"] = rate * max(0.5 + 0.5 * np.cos(np.pi * done), 0.01)
        loss = (error(model, *examples.batch(batch, size, dice)) + LEAST).log10().mean()
        optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimiser.step()
        step += 1
        qualities.append(-10 * loss.item())
        if step % 100 == 0:
            say(f"step {step}: {np.mean(qualities):.2f} dB")
            qualities.clear()
    return model, step


@torch.inference_mode()
def first_counts(model: ResidualAutoencoder, examples: Examples, count: int = 64, seed: int = 0) -> Counts:
    """What the entropy coder begins with: the signs of such pictures."""
    original, shown = examples.batch(count, examples.original.shape[1] // 8 * 8, np.random.default_rng(seed))
    signs = [model.analyse(part[None])[0] > 0 for part in original - shown]
    return observed([one.numpy().astype(np.uint8) for one in signs])
