"""Motion statistics of a codec's weights: what its coders must know, learnt from clips."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ...core.errors import CodecError
from ...core.motion_coding import Parameters
from ...core.motion_statistics import MotionStatistics, emphasised
from ...core.points import points
from ...core.registry import find, load
from ...core.video import Frames
from ..neural_codec import NeuralCodec
from .clips import TrainingClip
from .emphasis import learn_emphasis
from .settings import Emphasis

MOST_FRAMES = 1500
"""Of a clip, from its start, that are learnt from."""


def learn(
    method: str, weights: Path, clips: Sequence[TrainingClip], emphasis: Emphasis, say: Callable[[str], None]
) -> MotionStatistics:
    """Learn from the numbers that the codec itself reads off the clips' frames.

    Args:
        method: name of the codec.
        weights: any file that it takes.
        clips: of people that the weights were not trained on.
        emphasis: of their expression, by the sender; part of what is learnt.
        say: told which clips give no motion.

    Raises:
        CodecError: none of them does.
        ValueError, KeyError, TypeError, RuntimeError: the file holds something else.
    """
    with tempfile.TemporaryDirectory() as folder:
        codec = _codec(method, weights, Path(folder))
        matrix = learn_emphasis(codec, clips, emphasis)
        tracks = []
        for clip in clips:
            try:
                tracks.append(_sent(np.concatenate(list(codec.track(_frames(clip)))), matrix))
            except CodecError as error:
                say(f"left out of the motion statistics: {clip.video.path.name}: {error}")
        return replace(codec.learn(tracks, codec.keypoints), emphasis=matrix)


def _sent(track: Parameters, matrix: NDArray[np.float32]) -> Parameters:
    """The numbers of a clip's frames (t, n) as its sender makes them, with the first frame as the source."""
    return emphasised(track, track[:1], matrix) if len(matrix) else track


def _codec(method: str, weights: Path, folder: Path) -> NeuralCodec:
    """The codec with these weights, at a point that sends all numbers.

    It asks for statistics, which are what is to be learnt: it gets those of a track that rests.
    """
    from omegaconf import OmegaConf

    model = load("methods", method).load(weights)
    steps: list[float] = load("methods", method).steps(model.config.keypoints)
    resting = MotionStatistics.learn([np.zeros((2, len(steps)), np.float32)], steps).save(folder)
    config = OmegaConf.to_container(OmegaConf.load(find("methods", method).yaml))
    assert isinstance(config, dict)
    settings = {"point": ["predictive"], "weights": str(weights.resolve()), "statistics": str(resting)}
    codec = points(method, {**config[method], **settings})[0].build()
    assert isinstance(codec, NeuralCodec)
    codec.model = model
    return codec


def _frames(clip: TrainingClip) -> Iterator[Frames]:
    """Each frame of the video itself: what is kept for training may be every other one."""
    left = MOST_FRAMES
    for block in clip.video.frames():
        yield block[:left]
        left -= len(block)
        if left <= 0:
            return
