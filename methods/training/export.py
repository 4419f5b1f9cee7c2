"""What a training leaves for use: weights, the statistics of their motion, and a model card."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ...core.errors import CodecError
from ...core.motion_coding import Parameters
from ...core.motion_statistics import MotionStatistics
from ...core.points import points
from ...core.registry import find, load
from ...core.store import writing
from ...core.video import Frames
from ..neural_codec import NeuralCodec
from .card import Past, card
from .clips import TrainingClip
from .contract import M, S, Training

MOST_FRAMES = 1500
"""Of a clip, from its start, that the statistics are learnt from."""


def export(
    training: Training[M, S],
    settings: S,
    model: M,
    past: Past,
    clips: tuple[Sequence[TrainingClip], Sequence[TrainingClip]],
    out: Path,
    say: Callable[[str], None],
    start: Path | None = None,
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
        start: file that the model is from, if it was not trained since.

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
        if start is None or start.suffix != weights.suffix:
            training.save(model, file, {"steps": str(past.step), "model": size})
        else:  # nothing has changed: the file keeps its hash
            shutil.copyfile(start, file)
    _learnt(training.method, config.keypoints, weights, clips[1], say, out).replace(statistics)
    with writing(text) as file:
        file.write_text(card(training, settings, model, past, clips, out / "held_out.csv", weights), "utf-8")
    return [weights, statistics, text]


def _size(training: Training[Any, Any], config: Any) -> str:
    """Which of the named sizes networks have; `own` where it is none of them."""
    plain = config.to_dict()
    return next((name for name, size in training.sizes.items() if size.to_dict() == plain), "own")


def _learnt(
    method: str,
    keypoints: int,
    weights: Path,
    clips: Sequence[TrainingClip],
    say: Callable[[str], None],
    out: Path,
) -> Path:
    """Learn motion statistics from what the codec itself reads off the clips' frames."""
    with tempfile.TemporaryDirectory() as folder:
        codec = _codec(method, keypoints, weights, Path(folder))
        steps = codec.steps(keypoints)
        tracks = []
        for clip in clips:
            try:
                tracks.append(_track(codec, clip))
            except CodecError as error:
                say(f"left out of the motion statistics: {clip.video.path.name}: {error}")
        return MotionStatistics.learn(tracks, steps, codec.together).save(out)


def _codec(method: str, keypoints: int, weights: Path, folder: Path) -> NeuralCodec:
    """The codec with the new weights, at the point that sends everything.

    It asks for statistics, which are what is to be learnt: it gets those of a track that rests.
    """
    from omegaconf import OmegaConf

    plugin = find("methods", method)
    config = OmegaConf.to_container(OmegaConf.load(plugin.yaml))
    assert isinstance(config, dict)
    steps = load("methods", method).steps(keypoints)
    resting = MotionStatistics.learn([np.zeros((2, len(steps)), np.float32)], steps).save(folder)
    settings = {"point": ["predictive"], "weights": str(weights.resolve()), "statistics": str(resting)}
    codec = points(method, {**config[method], **settings})[0].build()
    assert isinstance(codec, NeuralCodec)
    return codec


def _track(codec: NeuralCodec, clip: TrainingClip) -> Parameters:
    """The numbers (t, n) that the sender reads off a clip's frames.

    From the video itself, each frame of it: what is kept for training may be every other one.
    """

    def frames() -> Iterator[Frames]:
        left = MOST_FRAMES
        for block in clip.video.frames():
            yield block[:left]
            left -= len(block)
            if left <= 0:
                return

    return np.concatenate(list(codec.estimate(clip.frames[0], frames())))
