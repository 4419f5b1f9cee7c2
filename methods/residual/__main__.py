"""Trains the residual code: ``python -m talkbench.methods.residual --data DIR --out DIR``.

Clips are those that `bench train` takes, prepared as it does; reconstructions come from a neural codec in the
middle of its sweep. OUT/residual.safetensors then goes into that codec's setting `residual`.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import platform
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from ...core.assets import fetch
from ...core.config import compose
from ...core.errors import TalkbenchError, UsageError
from ...core.points import points
from ...core.shared_assets import FACE_LANDMARKER
from ...core.signature import sha256_file
from ...core.video import Frames
from ..correction import psnr
from ..neural_codec import NeuralCodec
from ..training.footage import footage, held_out
from ..training.landmarker import Landmarker
from ..training.prepare import Prepared, prepare
from .codec import ResidualCodec
from .training import Examples, Render, first_counts, train
from .weights import save_weights

SIZE, FRAMES = 256, 400
"""Side of the prepared pictures, and frames that are kept of a clip; those of `bench train`."""
EACH = 8
"""Frames a clip that are reconstructed."""

CARD = """---
name: residual
model: binary residual autoencoder
schema: 1
sha256: {digest}
bytes: {bytes}
steps: {steps}
minutes: {minutes:g}
machine: {machine}
data: {clips} clips of {people} people, {pictures} reconstructed pictures of {size}x{size}
reconstructed_by: {method}, weights {weights}
held_out: {held_out}
licence: that of the clips it was trained on
---

# residual

What a frame lacks, as signs: 32 a cell of 8x8 pixels, half a bit a pixel before entropy coding. After
Wang, Mallya, Liu, CVPR 2021, appendix C.3, with one more convolution at full size, from 32 channels to 3.

Trained on reconstructions by `{method}` and, nearly as often, on other frames of the same clip, frames
without their details, and other people's frames. The loss is the mean logarithm of the squared error.

## Figures

On {count} reconstructions of held-out people at {size}x{size}, by the files as they are shipped:

- PSNR before: {before:.2f} dB
- PSNR after: {after:.2f} dB
- bytes: {sent:.0f} on average, of {raw} before entropy coding
"""


def renderer(name: str) -> tuple[NeuralCodec, Render]:
    """A neural codec in the middle of its sweep, and what makes frames into its reconstructions of them.

    Raises:
        UsageError: no such codec, or it has no networks.
    """
    expanded = points(name, compose([name], "testcard", "compression", [])["methods"][name])
    codec = expanded[len(expanded) // 2].build()
    if not isinstance(codec, NeuralCodec):
        raise UsageError(f"--method {name} has no networks; name a neural codec, such as ours")
    codec.check()

    def render(frames: Frames) -> Frames:
        taken = frames if codec.sends_source else frames[1:]
        motion = list(codec.estimate(frames[0], [taken]))
        return np.concatenate([frames[:1], *codec.render(frames[0], motion)])

    return codec, render


def measure(file: Path, examples: Examples) -> tuple[float, float, float]:
    """Mean PSNR before and after the correction, in dB, and mean bytes of one."""
    codec = ResidualCodec(lambda: file, contextlib.nullcontext)
    found = []
    for original, shown in zip(examples.original, examples.shown, strict=True):
        data = codec.encode(original, shown)
        found.append((psnr(original, shown), psnr(original, codec.decode(data, shown)), len(data)))
    before, after, sent = np.mean(found, axis=0).tolist()
    return before, after, sent


def learn(
    clips: tuple[Sequence[Prepared], Sequence[Prepared]],
    name: str,
    minutes: float,
    out: Path,
    say: Callable[[str], None],
) -> Path:
    """Train, write weights and their card; returns the weights' file.

    Args:
        clips: to train on, and of held-out people.
        name: of the codec that reconstructs them.
        minutes: of training, after the pictures are reconstructed.
        out: a folder.
        say: told how it goes.
    """
    codec, render = renderer(name)
    dice = np.random.default_rng(1)
    trained, tried = (
        Examples.of([one.folder / "frames.npy" for one in part], render, EACH, dice) for part in clips
    )
    say(f"{len(trained.clip)} pictures reconstructed by {name}, {len(tried.clip)} of held-out people")
    model, steps = train(trained, say, minutes=minutes)
    out.mkdir(parents=True, exist_ok=True)
    file = out / "residual.safetensors"
    save_weights(model, first_counts(model, trained), file, {"steps": str(steps)})
    side, aside = trained.original.shape[1], sorted({one.footage.identity for one in clips[1]})
    before, after, sent = measure(file, tried)
    card = CARD.format(
        digest=sha256_file(file), bytes=file.stat().st_size, steps=steps, minutes=minutes,
        machine=f"{os.cpu_count()} cores, {platform.machine()}", clips=len(clips[0]),
        people=len({one.footage.identity for one in clips[0]}), pictures=len(trained.clip),
        method=name, weights=codec.weights_fingerprint()[:16],
        held_out=json.dumps(aside), size=side, count=len(tried.clip),
        before=before, after=after, sent=sent, raw=side**2 // 16,
    )  # fmt: skip
    (out / "residual.md").write_text(card, "utf-8")
    say(f"{file}: {before:.2f} dB become {after:.2f} with {sent:.0f} bytes")
    return file


def main() -> int:
    """Run as a program; returns its exit code."""
    parser = argparse.ArgumentParser(prog="python -m talkbench.methods.residual", description=__doc__)
    parser.add_argument(
        "--data", type=Path, required=True, help="folder of videos, as `bench train` takes it"
    )
    parser.add_argument("--out", type=Path, required=True, help="folder for weights and card")
    parser.add_argument("--minutes", type=float, default=12.0, help="of training (default: 12)")
    parser.add_argument("--method", default="ours", help="the codec that reconstructs (default: ours)")
    parser.add_argument("--held-out", nargs="*", default=[], help="people that are not trained on")
    args = parser.parse_args()
    try:
        found = footage(args.data)
        aside = held_out([clip.identity for clip in found], args.held_out)
        fetch(FACE_LANDMARKER)
        prepared = prepare(found, SIZE, FRAMES, Landmarker, print)
        parts = [
            [one for one in prepared if (one.footage.identity in aside) is away] for away in (False, True)
        ]
        if not all(parts):
            raise UsageError("no faces found in the clips to train on, or in those of held-out people")
        learn((parts[0], parts[1]), args.method, args.minutes, args.out, print)
    except TalkbenchError as error:
        print(f"bench: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
