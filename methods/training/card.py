"""The model card: what the weights are, how they came about, and how good they are."""

from __future__ import annotations

import os
import platform
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import torch

from ...core.signature import sha256_file
from ...core.version import __version__
from . import log
from .clips import TrainingClip
from .contract import M, S, Training

SCHEMA = 1


@dataclass(frozen=True)
class Past:
    """How a model came about.

    Attributes:
        step, pictures: how many it was trained for, and with.
        seconds: that this took.
        origin: the weights that it began with; '' for none.
    """

    step: int
    pictures: int
    seconds: float
    origin: str


CARD = """---
name: {name}
model: {method}, size `{size}`
schema: {schema}
sha256: {digest}
bytes: {bytes}
parameters: {parameters}
began_with: {origin}
steps: {steps}
pictures: {pictures}
hours: {hours:.2f}
machine: {machine}
talkbench: {version}
data: {data}
held_out: [{held_out}]
licence: that of the clips it was trained on
---

# {name}

{summary}

## Where it departs from the paper

{departures}

## Training

Pairs of frames of the same clip, identities drawn evenly, driving frames with closed eyes and with
open or shut mouths drawn more often. Labels (landmarks, blendshapes, head rotation) come from MediaPipe's
face landmarker. Weights of the loss terms:

{losses}

## Figures

On pairs of pictures of the held-out people, the frames with the most closed eyes and the widest mouths
among them (LPIPS alex, lower is better; `regions` are eyes and mouth, `freeze` is the source picture itself):

{figures}

The motion statistics beside it were learnt on {frames} clips of people that it was not trained on.

## Limits

People, poses and lighting unlike those of the training clips; hands and other things before the face;
what the source picture does not show. Not looked into further.
"""


def card(
    training: Training[M, S],
    settings: S,
    model: M,
    past: Past,
    clips: tuple[Sequence[TrainingClip], Sequence[TrainingClip]],
    history: Path,
    weights: Path,
) -> str:
    """The card's text, Markdown with a YAML head.

    Args:
        training, settings, model, past, clips: as those of `export`.
        history: table of held-out figures.
        weights: the file.
    """
    name = weights.stem
    trained_on, held_out = clips
    figures = [row for row in log.rows(history) if row["step"] == str(past.step)][-1:]
    shown = [
        f"- {key}: {value}" for row in figures for key, value in row.items() if key not in ("step", "hours")
    ]
    departures = training.departures(model, settings)
    losses = [f"- {key}: {value}" for key, value in asdict(settings.weights).items() if value]
    device = torch.cuda.get_device_name() if torch.cuda.is_available() else "CPU"
    people = len({clip.identity for clip in trained_on})
    return CARD.format(
        name=name,
        method=training.method,
        size=name.removeprefix(f"{training.method}-"),
        schema=SCHEMA,
        digest=sha256_file(weights),
        bytes=weights.stat().st_size,
        parameters=sum(parameter.numel() for parameter in model.parameters()),
        origin=past.origin or "untrained networks",
        steps=past.step,
        pictures=past.pictures,
        hours=past.seconds / 3600,
        machine=f"{device}, {os.cpu_count()} cores, {platform.machine()}",
        version=__version__,
        data=f"{len(trained_on)} clips of {people} people",
        held_out=", ".join(sorted({clip.identity for clip in held_out})),
        summary=training.summary,
        departures="\n".join(f"- {text}" for text in departures) or "- It does not.",
        losses="\n".join(losses),
        figures="\n".join(shown) or "None.",
        frames=len(held_out),
    )
