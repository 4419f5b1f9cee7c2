"""Metrics of sets over a run's finished units: their features, and the values of each operating point."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from filelock import FileLock

from ..core.errors import StoreError, TalkbenchError
from ..core.feature_store import (
    SetScore,
    cached_features,
    has_features,
    keep_features,
    read_features,
    read_sets,
    write_features,
)
from ..core.metric import Shape
from ..core.set_metric import Features, FeatureSet, SetMetric, SetValue
from ..core.signature import digest
from ..core.video import Clip
from .reference import Reference


def features_of(metric: SetMetric, clip: Clip, frames: int) -> Features:
    """The features of a clip's sampled frames, (t, d).

    Args:
        metric: says which frames, and makes the features.
        clip: decoded once, from the first frame on.
        frames: how many it has.

    Raises:
        MetricError: the metric does not apply to such a clip.
    """
    scorer = metric.start(Shape(clip.width, clip.height, clip.fps, frames))
    try:
        for block in clip.frames():
            scorer.update(metric.prepare(block), block)
        found = scorer.finish().features
    finally:
        scorer.close()
    assert found is not None
    return found


def store_reference_features(
    run: Path, scratch: Path, metric: SetMetric, key: str, reference: Reference
) -> None:
    """Put the features of a reference clip into a run's folder: once a clip, once for all runs.

    Args:
        run, scratch: folders.
        metric: whose space is meant.
        key: the clip's sha256.
        reference: the clip, decoded.

    Raises:
        TalkbenchError: they cannot be made, or not written.
    """
    with FileLock(scratch / f"{metric.space}-{key}.lock"):
        if has_features(run, metric.space, key):
            return
        features = cached_features(metric.space, key)
        if features is None:
            features = features_of(metric, reference.clip, reference.frames)
            keep_features(metric.space, key, features)
        write_features(run, metric.space, key, features)


def has_set_features(run: Path, metric: SetMetric, unit: Mapping[str, Any]) -> bool:
    """Whether all that a metric needs of a finished unit is stored."""
    keys = (unit["key"], unit["clip_sha256"])
    return all(has_features(run, metric.space, key) for key in keys)


def set_scores(
    run: Path, metrics: Mapping[str, SetMetric], units: Sequence[Mapping[str, Any]]
) -> list[SetScore]:
    """The values of every operating point's set, from stored features; those that still hold are kept.

    A set holds all clips that were finished at its point, so that a method's failure changes no other
    method's value. Sets of different clips must not be compared: `SetScore.set` tells.

    Args:
        run: the folder.
        metrics: by name.
        units: the finished ones, in the run's order.
    """
    known = {(old.content, old.metric): old for old in _stored(run)}
    points = dict.fromkeys((unit["method"], unit["point"]) for unit in units)
    scores: list[SetScore] = []
    for metric in metrics.values():
        for point in points:
            mine = [
                unit
                for unit in units
                if (unit["method"], unit["point"]) == point and has_set_features(run, metric, unit)
            ]
            scores += _point_scores(run, metric, point, mine, known)
    return scores


def _stored(run: Path) -> list[SetScore]:
    try:
        return read_sets(run)
    except StoreError:
        return []  # they are made again


def _point_scores(
    run: Path,
    metric: SetMetric,
    point: tuple[str, str],
    units: Sequence[Mapping[str, Any]],
    known: Mapping[tuple[str, str], SetScore],
) -> Iterator[SetScore]:
    pairs = [(unit["clip"], unit["clip_sha256"]) for unit in units]
    of = digest([metric.space, sorted(pairs)])[:12]
    content = digest([metric.signature, point, pairs, [unit["decoded_sha256"] for unit in units]])
    kept = [known.get((content, column)) for column in metric.columns]
    if all(kept):
        yield from (score for score in kept if score is not None)
        return
    values: Mapping[str, SetValue] = {}
    reason, pictures = "", 0
    try:
        reference = FeatureSet([read_features(run, metric.space, unit["clip_sha256"]) for unit in units])
        decoded = FeatureSet([read_features(run, metric.space, unit["key"]) for unit in units])
        pictures = len(decoded)
        if not units:
            reason = "no clip was finished with its features"
        else:
            values = metric.compare(reference, decoded)
            if not all(math.isfinite(found.value) for found in values.values()):
                values, reason = {}, "the value is not a finite number; check the features"
    except Exception as error:  # one metric that fails leaves the others their values
        reason = str(error) if isinstance(error, TalkbenchError) else f"{type(error).__name__}: {error}"
    for column in metric.columns:
        found = values.get(column)
        yield SetScore(
            *point, column,
            value=None if found is None else float(found.value),
            standard_error=None if found is None else found.standard_error,
            pictures=pictures,
            clips=tuple(unit["clip"] for unit in units),
            reason=reason,
            caution=metric.caution(pictures),
            set=of,
            unit=metric.column(column).unit,
            direction=metric.column(column).direction,
            signature=metric.set_signature(pictures, len(units), of),
            content=content,
        )  # fmt: skip
