"""What a worker does: one clip, some operating points, from pixels to stored scores."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

from ..core.bitstream import sizes
from ..core.errors import CodecError, StoreError, TalkbenchError, VideoError, printable
from ..core.feature_store import write_features
from ..core.metric import Metric, PictureMetric, Scores, Shape, StreamFacts
from ..core.set_metric import SetMetric
from ..core.store import (
    SCHEMA,
    read_frames,
    read_unit,
    stream_path,
    video_path,
    write_json,
    write_table,
    writing,
)
from ..core.video import Clip, RawFile
from .plan import Unit, build_metrics
from .reference import Reference, decode_reference, write_video
from .scoring import Scored, score_pictures, score_rates
from .sealed import Decoded, SealedDecoder
from .sets import store_reference_features


@dataclass(frozen=True)
class Task:
    """Units of one clip that lack the same metrics.

    Attributes:
        run, scratch: folders.
        benchmark, dataset: names, for the units' records.
        config: the run's configuration.
        clip: of all the units.
        clip_sha256: the clip's when the run was planned.
        units: what is to be done.
        metrics: names of the metrics that the units lack.
        encode: False where stored streams are to be scored.
    """

    run: Path
    scratch: Path
    benchmark: str
    dataset: str
    config: Mapping[str, Any]
    clip: Clip
    clip_sha256: str
    units: Sequence[Unit]
    metrics: Sequence[str]
    encode: bool


@dataclass(frozen=True)
class Failure:
    """What did not work, and at which stage (read, encode, decode, score, video, store)."""

    method: str
    point: str
    clip: str
    stage: str
    error: str
    message: str


def failure(unit: Unit, stage: str, error: BaseException) -> Failure:
    """The record of an error in a unit."""
    message = str(error) if isinstance(error, TalkbenchError) else f"{type(error).__name__}: {error}"
    return Failure(
        unit.point.method,
        unit.point.name,
        unit.clip.name,
        stage,
        type(error).__name__,
        printable(" ".join(message.split())),
    )


@dataclass
class _Coded:
    """A unit on its way: its stream is stored and its decoded pixels wait in the scratch folder."""

    unit: Unit
    record: dict[str, Any]
    pixels: Clip


_decoder: SealedDecoder | None = None


def _sealed() -> SealedDecoder:
    """The worker's decoding process, shared by its tasks."""
    global _decoder
    if _decoder is None:
        _decoder = SealedDecoder()
    return _decoder


def work(task: Task) -> list[Failure]:
    """Do a task; every finished unit is stored, every other is in the answer."""
    failures: list[Failure] = []
    metrics = {name: metric for name, metric in build_metrics(task.config).items() if name in task.metrics}
    pictures = {name: metric for name, metric in metrics.items() if isinstance(metric, PictureMetric)}
    if not task.encode and not pictures:
        for unit in task.units:
            record = read_unit(task.run, unit.key)
            _store(task, record, metrics, Scored(), failures, unit)
        return failures
    try:
        first = task.config["run"]["count_first"]
        reference = decode_reference(task.clip, task.scratch, at_least=1 if first else 2)
        if task.clip.sha256 != task.clip_sha256:
            raise VideoError(f"clip '{task.clip.name}' has changed since the run began; repeat the command")
        if task.config["run"]["videos"]:
            _reference_video(task, reference)
    except Exception as error:
        return [failure(unit, "read", error) for unit in task.units]
    coded = [made for unit in task.units if (made := _code(task, unit, reference, failures))]
    try:
        pixels = [made.pixels for made in coded]
        results = score_pictures(reference.clip, pixels, pictures, reference.frames)
        _reference_features(task, reference, metrics, results)
        for made, scored in zip(coded, results, strict=True):
            _store(task, made.record, metrics, scored, failures, made.unit)
    finally:
        for made in coded:
            _pixels_path(task, made.unit).unlink(missing_ok=True)
    return failures


def _reference_video(task: Task, reference: Reference) -> None:
    path = task.run / video_path("reference", "", task.clip.name)
    if not path.is_file():
        clip = reference.clip
        write_video(clip.frames(), clip.width, clip.height, clip.fps, path)


def _reference_features(
    task: Task, reference: Reference, metrics: Mapping[str, Metric], results: Sequence[Scored]
) -> None:
    """Store what set metrics need of the reference clip; where that fails, they have failed for its units."""
    for name, metric in metrics.items():
        if isinstance(metric, SetMetric) and any(name in scored.scores for scored in results):
            try:
                store_reference_features(task.run, task.scratch, metric, task.clip_sha256, reference)
            except Exception as error:
                for scored in results:
                    if scored.scores.pop(name, None) is not None:
                        scored.errors[name] = error


def _pixels_path(task: Task, unit: Unit) -> Path:
    return task.scratch / f"{unit.key}.rgb"


def _code(task: Task, unit: Unit, reference: Reference, failures: list[Failure]) -> _Coded | None:
    """Encode (or read the stored stream) and decode one unit; None, and a failure, where that fails."""
    stage = "encode"
    try:
        stream, record = _stream(task, unit, reference)
        stage = "decode"
        decoded = _decode(task, unit, stream)
        clip = reference.clip
        if (decoded.frames, decoded.width, decoded.height) != (reference.frames, clip.width, clip.height):
            raise CodecError(
                f"{decoded.frames} frames of {decoded.width}x{decoded.height} decoded, "
                f"{reference.frames} of {clip.width}x{clip.height} encoded"
            )
        if record.setdefault("decoded_sha256", decoded.sha256) != decoded.sha256:
            raise CodecError(
                "the stored stream no longer decodes to the frames of its run; run again into another folder"
            )
        record["timing"].setdefault("decode_seconds", decoded.seconds)
        source = RawFile(_pixels_path(task, unit), clip.width, clip.height, decoded.sha256)
        pixels = Clip(clip.name, source, clip.width, clip.height, clip.fps)
        stage = "video"
        if task.config["run"]["videos"] and record["video"] is None:
            path = video_path(unit.point.method, unit.point.name, clip.name)
            write_video(pixels.frames(), clip.width, clip.height, clip.fps, task.run / path)
            record["video"] = path.as_posix()
    except Exception as error:
        _pixels_path(task, unit).unlink(missing_ok=True)
        failures.append(failure(unit, stage, error))
        return None
    return _Coded(unit, record, pixels)


def _stream(task: Task, unit: Unit, reference: Reference) -> tuple[bytes, dict[str, Any]]:
    """A unit's stream and record, stored or new."""
    path = stream_path(unit.point.method, unit.point.name, unit.clip.name)
    if not task.encode:
        record = read_unit(task.run, unit.key)
        return (task.run / path).read_bytes(), record
    clip = reference.clip
    method = unit.point.build()
    start = time.perf_counter()
    stream = method.encode(clip)
    seconds = time.perf_counter() - start
    by_kind = sizes(stream)
    with writing(task.run / path) as temporary:
        temporary.write_bytes(stream)
    record = {
        "schema": SCHEMA,
        "key": unit.key,
        "benchmark": task.benchmark,
        "dataset": task.dataset,
        "method": unit.point.method,
        "point": unit.point.name,
        "clip": unit.clip.name,
        "clip_sha256": unit.clip.sha256,
        "describe": dict(method.describe()),
        "frames": reference.frames,
        "width": clip.width,
        "height": clip.height,
        "fps": str(clip.fps),
        "stream": {
            "path": path.as_posix(),
            "sha256": hashlib.sha256(stream).hexdigest(),
            "bytes": len(stream),
            "sizes": by_kind,
        },
        "timing": {"encode_seconds": seconds},
        "values": {},
        "video": None,
    }
    return stream, record


def _decode(task: Task, unit: Unit, stream: bytes) -> Decoded:
    try:
        with _pixels_path(task, unit).open("wb") as file:
            return _sealed().decode(unit.point, stream, file)
    except OSError as error:
        raise StoreError(f"cannot write decoded frames ({error.strerror}); make room and repeat") from None


def _store(
    task: Task,
    record: dict[str, Any],
    metrics: Mapping[str, Metric],
    scored: Scored,
    failures: list[Failure],
    unit: Unit,
) -> None:
    """Add scores to a unit's record and write both of its files."""
    shape = Shape(record["width"], record["height"], Fraction(record["fps"]))
    facts = StreamFacts(
        record["stream"]["sizes"],
        record["frames"],
        shape,
        record["timing"]["encode_seconds"],
        record["timing"]["decode_seconds"],
    )
    rates = score_rates(facts, metrics)
    for name, error in {**scored.errors, **rates.errors}.items():
        failures.append(failure(unit, f"score {name}", error))
    for name, reason in scored.inapplicable.items():
        for column in metrics[name].columns:
            record["values"][column] = {"value": None, "reason": reason, **_about(metrics[name], column)}
    scores = {**scored.scores, **rates.scores}
    for name, result in scores.items():
        for column, value in result.values.items():
            record["values"][column] = {"value": float(value), **_about(metrics[name], column)}
        for column, reason in result.absent.items():
            record["values"][column] = {"value": None, "reason": reason, **_about(metrics[name], column)}
    try:
        for name, result in scores.items():
            metric = metrics[name]
            if isinstance(metric, SetMetric) and result.features is not None:
                write_features(task.run, metric.space, unit.key, result.features)
        _store_frames(task, unit, record["frames"], scores)
        write_json(task.run / "units" / f"{unit.key}.json", record)
    except TalkbenchError as error:
        failures.append(failure(unit, "store", error))


def _about(metric: Metric, column: str) -> dict[str, str]:
    about = metric.column(column)
    return {
        "metric": metric.name,
        "unit": about.unit,
        "direction": about.direction,
        "signature": metric.signature,
    }


def _store_frames(task: Task, unit: Unit, count: int, scores: Mapping[str, Scores]) -> None:
    """Write a unit's per-frame values, beside those of the same stream that are there."""
    import pandas as pd

    columns: dict[str, Any] = {"frame": range(count)}
    if not task.encode:
        columns |= dict(read_frames(task.run, unit.key))
    for result in scores.values():
        columns |= result.frames
    write_table(task.run / "units" / f"{unit.key}.parquet", pd.DataFrame(columns))


def as_row(record: Failure) -> dict[str, str]:
    """A failure as a row of failures.csv."""
    return asdict(record)
