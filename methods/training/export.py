"""What a training leaves for use: weights, the statistics of their motion, and a model card."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from ...core.store import writing
from .card import Past, card
from .clips import TrainingClip
from .contract import M, S, Training
from .statistics import learn


def export(
    training: Training[M, S],
    settings: S,
    model: M,
    past: Past,
    clips: tuple[Sequence[TrainingClip], Sequence[TrainingClip]],
    out: Path,
    say: Callable[[str], None],
) -> list[Path]:
    """Write weights (.safetensors, fp16), motion statistics (.npz) and a model card (.md).

    An earlier export is replaced.

    Args:
        training: of the model.
        settings: that it was trained with.
        model: what is exported.
        past: how it came about.
        clips: trained on, and held out; the motion statistics are learnt on the latter.
        out: folder, with `held_out.csv` if there is one.
        say: told which clips give no motion.

    Returns:
        the three files.

    Raises:
        CodecError: no clip gave motion to learn from.
    """
    config: Any = model.config
    size = _size(training, config)
    name = f"{training.method}-{size}"
    weights, statistics, text = (out / f"{name}{end}" for end in (".safetensors", ".npz", ".md"))
    with writing(weights) as file:
        training.save(model, file, {"steps": str(past.step), "model": size})
    emphasis = training.emphasis(settings)
    learn(training.method, weights, clips[1], emphasis, say).save(out).replace(statistics)
    with writing(text) as file:
        file.write_text(card(training, settings, model, past, clips, out / "held_out.csv", weights), "utf-8")
    return [weights, statistics, text]


def _size(training: Training[Any, Any], config: Any) -> str:
    """Which of the named sizes networks have; `own` where it is none of them."""
    plain = config.to_dict()
    return next((name for name, size in training.sizes.items() if size.to_dict() == plain), "own")
