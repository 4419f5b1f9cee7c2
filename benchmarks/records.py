"""What is stored of a unit: its record, and its values by frame."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from typing import Any

from ..core.errors import TalkbenchError
from ..core.feature_store import write_features
from ..core.method import Method
from ..core.metric import Metric, Scores, Shape, StreamFacts
from ..core.set_metric import SetMetric
from ..core.store import SCHEMA, read_frames, write_json, write_table
from ..core.video import Clip
from .plan import Unit
from .scoring import Scored, score_rates
from .tasks import Failure, Task, failure


def new_record(task: Task, unit: Unit, method: Method, clip: Clip, frames: int) -> dict[str, Any]:
    """What is stored of a new unit, but for its stream, pixels and scores."""
    return {
        "schema": SCHEMA,
        "key": unit.key,
        "benchmark": task.benchmark,
        "dataset": task.dataset,
        "method": unit.point.method,
        "point": unit.point.name,
        "clip": unit.clip.name,
        "clip_sha256": unit.clip.sha256,
        "describe": dict(method.describe()),
        "frames": frames,
        "width": clip.width,
        "height": clip.height,
        "fps": str(clip.fps),
        "timing": {},
        "values": {},
        "video": None,
    }


def store(
    task: Task,
    record: dict[str, Any],
    metrics: Mapping[str, Metric],
    scored: Scored,
    failures: list[Failure],
    unit: Unit,
) -> None:
    """Add scores to a unit's record and write both of its files."""
    rates = score_rates(_facts(record), metrics)
    spared = set(task.config["benchmark"].get("optional") or ()) & scored.inapplicable.keys()
    for name, error in {**scored.errors, **rates.errors}.items():
        if name not in spared:
            failures.append(failure(unit, f"score {name}", error))
    for name, reason in {**scored.inapplicable, **rates.inapplicable}.items():
        for column in metrics[name].columns:
            record["values"][column] = {"value": None, "reason": reason, **described(metrics[name], column)}
    for name, reason in scored.absent.items():
        for column in metrics[name].columns:  # without signature: where the files are, it is scored yet
            about = {**described(metrics[name], column), "signature": ""}
            record["values"][column] = {"value": None, "reason": reason, **about}
    scores = {**scored.scores, **rates.scores}
    for name, result in scores.items():
        for column, value in result.values.items():
            record["values"][column] = {"value": float(value), **described(metrics[name], column)}
        for column, reason in result.absent.items():
            record["values"][column] = {"value": None, "reason": reason, **described(metrics[name], column)}
    write(task, record, metrics, scores, failures, unit)


def _facts(record: Mapping[str, Any]) -> StreamFacts | None:
    """What rates are made of, or None where nothing was coded here and nothing is stated of elsewhere."""
    coded = record["stream"] or record.get("stated")
    if coded is None:
        return None
    return StreamFacts(
        coded["sizes"],
        record["frames"],
        Shape(record["width"], record["height"], Fraction(record["fps"])),
        record["timing"].get("encode_seconds"),
        record["timing"].get("decode_seconds"),
    )


def write(
    task: Task,
    record: Mapping[str, Any],
    metrics: Mapping[str, Metric],
    scores: Mapping[str, Scores],
    failures: list[Failure],
    unit: Unit,
) -> None:
    """Write a unit's files."""
    try:
        for name, result in scores.items():
            metric = metrics[name]
            if isinstance(metric, SetMetric) and result.features is not None:
                write_features(task.run, metric.space, unit.key, result.features)
        _store_frames(task, unit, record, scores)
        write_json(task.run / "units" / f"{unit.key}.json", record)
    except TalkbenchError as error:
        failures.append(failure(unit, "store", error))


def _store_frames(task: Task, unit: Unit, record: Mapping[str, Any], scores: Mapping[str, Scores]) -> None:
    """Write a unit's per-frame values, beside those of the same stream that are there."""
    import pandas as pd

    columns: dict[str, Any] = {"frame": range(record["frames"])}
    if not task.encode:
        columns |= dict(read_frames(task.run, unit.key))
    elif record["stream"] is not None:
        told = unit.point.build().frame_bytes((task.run / record["stream"]["path"]).read_bytes())
        columns |= {"bytes": told} if told else {}
    for result in scores.values():
        columns |= result.frames
    write_table(task.run / "units" / f"{unit.key}.parquet", pd.DataFrame(columns))


def without_values(metrics: Mapping[str, Metric], reason: str) -> dict[str, Any]:
    """A unit's values where its method cannot take part: each column is there, without a value."""
    return {
        column: {"value": None, "reason": reason, **described(metric, column)}
        for metric in metrics.values()
        for column in metric.columns
    }


def described(metric: Metric, column: str) -> dict[str, str]:
    """What is stored of a column beside its value."""
    about = metric.column(column)
    return {
        "metric": metric.name,
        "unit": about.unit,
        "direction": about.direction,
        "signature": metric.signature,
    }
