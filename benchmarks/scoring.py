"""Scoring decoded clips in step with their reference, so that its features are computed once for all."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from ..core.errors import MetricError, TalkbenchError
from ..core.metric import Metric, PictureMetric, RateMetric, Scorer, Scores, Shape, StreamFacts, silence
from ..core.set_metric import SetMetric
from ..core.video import Clip, Frames, Sound


@dataclass
class Scored:
    """What became of one unit's scores.

    Attributes:
        scores: by metric name.
        errors: why a metric has none, by metric name.
        inapplicable: why a metric will never have one for such a clip, by metric name.
        absent: why a metric is not scored on this machine, by metric name.
    """

    scores: dict[str, Scores] = field(default_factory=dict)
    errors: dict[str, Exception] = field(default_factory=dict)
    inapplicable: dict[str, str] = field(default_factory=dict)
    absent: dict[str, str] = field(default_factory=dict)


def _open(metrics: Mapping[str, PictureMetric], shape: Shape, scored: Scored) -> dict[str, Scorer]:
    scorers = {}
    for name, metric in metrics.items():
        try:
            scorers[name] = metric.start(shape)
        except Exception as error:  # a metric that cannot start is shown as such; the others go on
            scored.errors[name] = error
            if isinstance(error, MetricError):
                scored.inapplicable[name] = str(error)
    return scorers


def _first_of_space(metrics: Mapping[str, PictureMetric]) -> dict[str, str]:
    """For each set metric, the first of the same feature space: its features are those of all."""
    first: dict[str, str] = {}
    sets = {name: metric.space for name, metric in metrics.items() if isinstance(metric, SetMetric)}
    return {name: first.setdefault(space, name) for name, space in sets.items()}


def score_pictures(
    reference: Clip,
    decoded: Sequence[Clip],
    metrics: Mapping[str, PictureMetric],
    frames: int | None = None,
    beside: Mapping[str, Clip] = MappingProxyType({}),
    against: Mapping[str, str] = MappingProxyType({}),
    sound: Callable[[], Sound | None] = silence,
) -> list[Scored]:
    """Score several decoded clips against one reference.

    Args:
        reference: the truth.
        decoded: clips of the same shape and number of frames.
        metrics: by name.
        frames: how many each clip has; metrics of sets, which take a sample of them, need it.
        beside: other references by name, of the same shape and of as many frames or more.
        against: which of them a metric is given, by the metric's name; the others get `reference`.
        sound: reads what is heard with the reference, if a metric asks for it.

    Returns:
        one result for each decoded clip, in order. A metric that fails is recorded and left out.
    """
    first = _first_of_space(metrics)
    metrics = {name: metric for name, metric in metrics.items() if first.get(name, name) == name}
    results = [Scored() for _ in decoded]
    shape = Shape(reference.width, reference.height, reference.fps, frames, sound)
    scorers = [_open(metrics, shape, scored) for scored in results]
    streams = [clip.frames() for clip in decoded]
    others = {name: beside[name].frames() for name in {against.get(name) for name in metrics} if name}
    try:
        for block in reference.frames():
            blocks = [next(stream) for stream in streams]  # of one shape, so cut at the same frames
            truths = {name: _fitted(next(stream), block) for name, stream in others.items()}
            given = {name: truths.get(against.get(name, ""), block) for name in metrics}
            prepared = _prepare(metrics, given, scorers, results)
            # Clip by clip, so that what metrics share of a block (metrics/block_memory.py) is still there.
            for decoded_block, mine, scored in zip(blocks, scorers, results, strict=True):
                _update(prepared, decoded_block, mine, scored)
        for mine, scored in zip(scorers, results, strict=True):
            for name, scorer in mine.items():
                try:
                    scored.scores[name] = scorer.finish()
                except Exception as error:
                    scored.errors[name] = error
    finally:
        for mine in scorers:
            for scorer in mine.values():
                scorer.close()
    for name, other in first.items():
        for scored in results:
            for outcome in (scored.scores, scored.errors, scored.inapplicable):
                if other in outcome:
                    outcome[name] = outcome[other]  # type: ignore[assignment]
    return results


def _fitted(block: Frames, like: Frames) -> Frames:
    """A block of another reference, itself where it has no more frames than it should."""
    return block if len(block) == len(like) else block[: len(like)]


def _prepare(
    metrics: Mapping[str, PictureMetric],
    given: Mapping[str, Frames],
    scorers: Sequence[dict[str, Scorer]],
    results: Sequence[Scored],
) -> dict[str, Any]:
    """What the metrics in use want of their reference's block; one that fails is dropped for all clips."""
    prepared = {}
    for name, metric in metrics.items():
        if not any(name in mine for mine in scorers):
            continue
        try:
            prepared[name] = metric.prepare(given[name])
        except Exception as error:
            for mine, scored in zip(scorers, results, strict=True):
                if name in mine:
                    mine.pop(name).close()
                    scored.errors[name] = error
    return prepared


def _update(prepared: Mapping[str, Any], decoded: Frames, scorers: dict[str, Scorer], scored: Scored) -> None:
    """One block of one decoded clip, all metrics."""
    for name in list(scorers):
        try:
            scorers[name].update(prepared[name], decoded)
        except Exception as error:
            scorers.pop(name).close()
            scored.errors[name] = error


def score_rates(facts: StreamFacts | None, metrics: Mapping[str, Metric]) -> Scored:
    """The rate metrics of one unit; none apply where nothing was coded."""
    scored = Scored()
    for name, metric in metrics.items():
        if not isinstance(metric, RateMetric | PictureMetric):
            scored.inapplicable[name] = "it is scored by a benchmark of its own; see `bench list benchmarks`"
        if isinstance(metric, RateMetric) and facts is None:
            scored.inapplicable[name] = "nothing is coded here and no bytes are stated: no rate, no timing"
        elif isinstance(metric, RateMetric):
            assert facts is not None
            try:
                scored.scores[name] = Scores(metric.measure(facts))
            except MetricError as error:
                scored.inapplicable[name] = str(error)
            except TalkbenchError as error:
                scored.errors[name] = error
    return scored
