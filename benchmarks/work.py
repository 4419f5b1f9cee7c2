"""What a worker does: one clip, some operating points, from pixels to stored scores."""

from __future__ import annotations

import hashlib
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from ..core.bitstream import sizes
from ..core.errors import CodecError, StoreError, VideoError
from ..core.method import Method
from ..core.metric import Metric, PictureMetric
from ..core.recorded import Recorded
from ..core.set_metric import SetMetric
from ..core.signature import digest
from ..core.store import read_unit, stream_path, video_path, writing
from ..core.video import Clip, RawFile
from .background import as_scored
from .making import write_frames
from .plan import Unit, absent_metrics, build_metrics, build_recipe
from .recipe import Recipe
from .records import new_record, store, without_values, write
from .reference import Reference, decode_reference, write_video
from .scoring import Scored, score_pictures
from .sealed import Decoded, SealedDecoder
from .sets import store_reference_features
from .tasks import Failure, Task, failure


@dataclass
class _Coded:
    """A unit on its way: its stream, if it has one, is stored, and its pixels wait in the scratch folder."""

    unit: Unit
    record: dict[str, Any]
    pixels: Clip


_decoder: SealedDecoder | None = None
_sizes: dict[str, Mapping[str, int]] = {}
"""Of methods, by what they and their frames are: counting takes as long as painting a frame."""


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
    absent = absent_metrics(task.config, metrics)
    pictures = {
        name: metric
        for name, metric in metrics.items()
        if isinstance(metric, PictureMetric) and name not in absent
    }
    if not task.encode and not pictures:
        for unit in task.units:
            record = read_unit(task.run, unit.key)
            store(task, record, metrics, Scored(absent=absent), failures, unit)
        return failures
    recipe = build_recipe(task.benchmark, task.config)
    units = [unit for unit in task.units if not _left_out(task, recipe, unit, metrics, failures)]
    if not units:
        return failures
    if not recipe.pictured:
        for unit in units:
            _measure(task, recipe, unit, metrics, failures)
        return failures
    try:
        first = task.config["run"]["count_first"]
        reference = decode_reference(task.clip, task.scratch, at_least=1 if first else 2)
        if task.clip.sha256 != task.clip_sha256:
            raise VideoError(f"clip '{task.clip.name}' has changed since the run began; repeat the command")
        shown = as_scored(task.config, reference.clip)
        if task.config["run"]["videos"]:
            _reference_video(task, reference)
    except Exception as error:
        return failures + [failure(unit, "read", error) for unit in units]
    coded = [made for unit in units if (made := _code(task, recipe, unit, reference, failures))]
    try:
        pixels = [shown(made.pixels) for made in coded]
        truth = shown(reference.clip)
        beside = recipe.references(task.clip)
        sound = task.clip.sound
        results = score_pictures(truth, pixels, pictures, reference.frames, beside, recipe.against, sound)
        truths = {name: beside.get(recipe.against.get(name, ""), truth) for name in metrics}
        _reference_features(task, truths, reference.frames, metrics, results)
        for made, scored in zip(coded, results, strict=True):
            scored.absent.update(absent)
            store(task, made.record, metrics, scored, failures, made.unit)
    finally:
        for made in coded:
            _pixels_path(task, made.unit).unlink(missing_ok=True)
    return failures


def _left_out(
    task: Task, recipe: Recipe, unit: Unit, metrics: Mapping[str, Metric], failures: list[Failure]
) -> bool:
    """Whether a unit's method cannot take part in a benchmark; then that is what is stored of it."""
    if recipe.coded:
        return False
    method = unit.point.build()
    reason = recipe.lacks(method)
    if reason:
        nothing = {"decoded_sha256": None, "stream": None}
        new = task.encode
        record = (
            new_record(task, unit, method, unit.clip, 0) | nothing if new else read_unit(task.run, unit.key)
        )
        record["values"] |= without_values(metrics, reason)
        write(task, record, metrics, {}, failures, unit)
    return bool(reason)


def _measure(
    task: Task, recipe: Recipe, unit: Unit, metrics: Mapping[str, Metric], failures: list[Failure]
) -> None:
    """Store what a recipe measures of a unit that has no frames."""
    try:
        method = unit.point.build()
        scores = recipe.measure(method, unit.clip, metrics)
    except Exception as error:
        failures.append(failure(unit, "measure", error))
        return
    others = dict.fromkeys(metrics.keys() - scores.keys(), f"{task.benchmark} makes no pictures")
    count = max((len(values) for result in scores.values() for values in result.frames.values()), default=0)
    record = new_record(task, unit, method, unit.clip, count) | {"decoded_sha256": None, "stream": None}
    store(task, record, metrics, Scored(dict(scores), inapplicable=others), failures, unit)


def _reference_video(task: Task, reference: Reference) -> None:
    path = task.run / video_path("reference", "", task.clip.name)
    if not path.is_file():
        clip = reference.clip
        write_video(clip.frames(), clip.width, clip.height, clip.fps, path)


def _reference_features(
    task: Task,
    truths: Mapping[str, Clip],
    frames: int,
    metrics: Mapping[str, Metric],
    results: Sequence[Scored],
) -> None:
    """Store what set metrics need of their references; where that fails, they have failed for the units."""
    for name, metric in metrics.items():
        if isinstance(metric, SetMetric) and any(name in scored.scores for scored in results):
            truth = Reference(truths[name].first(frames), frames)
            try:
                store_reference_features(task.run, task.scratch, metric, task.clip_sha256, truth)
            except Exception as error:
                for scored in results:
                    if scored.scores.pop(name, None) is not None:
                        scored.errors[name] = error


def _pixels_path(task: Task, unit: Unit) -> Path:
    return task.scratch / f"{unit.key}.rgb"


def _code(
    task: Task, recipe: Recipe, unit: Unit, reference: Reference, failures: list[Failure]
) -> _Coded | None:
    """Encode (or read the stored stream) and decode one unit, or make or read its frames; None, and a
    failure, where that fails."""
    stage, timed = ("encode", "decode_seconds") if recipe.coded else ("make", "make_seconds")
    try:
        clip, method = reference.clip, unit.point.build()
        if not recipe.coded:
            record = _unsealed(task, unit, method, reference)
            at_hand = replace(unit.clip, source=clip.source, limit=None)
            decoded = write_frames(recipe.make(method, unit.point, at_hand), _pixels_path(task, unit))
        elif isinstance(method, Recorded):
            stage, timed = "read", "read_seconds"
            record = _unsealed(task, unit, method, reference)
            decoded = write_frames(method.frames(clip), _pixels_path(task, unit))
        else:
            stream, record = _stream(task, unit, method, reference)
            stage = "decode"
            decoded = _decode(task, unit, stream)
        if (decoded.frames, decoded.width, decoded.height) != (reference.frames, clip.width, clip.height):
            raise CodecError(
                f"{decoded.frames} frames of {decoded.width}x{decoded.height} came out, "
                f"{reference.frames} of {clip.width}x{clip.height} went in"
            )
        if record.setdefault("decoded_sha256", decoded.sha256) != decoded.sha256:
            raise CodecError(
                "the frames that come out are no longer those of the run; run again into another folder"
            )
        record["timing"].setdefault(timed, decoded.seconds)
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


def _stream(task: Task, unit: Unit, method: Method, reference: Reference) -> tuple[bytes, dict[str, Any]]:
    """A unit's stream and record, stored or new."""
    path = stream_path(unit.point.method, unit.point.name, unit.clip.name)
    if not task.encode:
        record = read_unit(task.run, unit.key)
        return (task.run / path).read_bytes(), record
    clip = reference.clip
    start = time.perf_counter()
    with _temporary_files_in(task.scratch):
        stream = method.encode(clip)
    seconds = time.perf_counter() - start
    by_kind = sizes(stream)
    with writing(task.run / path) as temporary:
        temporary.write_bytes(stream)
    record = new_record(task, unit, method, clip, reference.frames)
    record["stream"] = {
        "path": path.as_posix(),
        "sha256": hashlib.sha256(stream).hexdigest(),
        "bytes": len(stream),
        "sizes": by_kind,
    }
    record["timing"] = {"encode_seconds": seconds}
    record["size"] = _size(method, record)
    record["sealed"] = True
    return stream, record


@contextmanager
def _temporary_files_in(folder: Path) -> Iterator[None]:
    """What an encoder leaves behind, killed in its work, is deleted with a run's scratch folder."""
    before, tempfile.tempdir = tempfile.tempdir, str(folder.resolve())
    try:
        yield
    finally:
        tempfile.tempdir = before


def _size(method: Method, record: Mapping[str, Any]) -> dict[str, int]:
    """How large a method's networks are for frames of a unit's size."""
    shape = record["width"], record["height"]
    key = digest([method.name, record["describe"], shape])
    if key not in _sizes:
        _sizes[key] = method.size(*shape)
    return dict(_sizes[key])


def _unsealed(task: Task, unit: Unit, method: Method, reference: Reference) -> dict[str, Any]:
    """The record of a unit without a stream, stored or new."""
    if not task.encode:
        return read_unit(task.run, unit.key)
    stated = method.stated(reference.clip) if isinstance(method, Recorded) else None
    about = {"stream": None, "sealed": False, "stated": None if stated is None else asdict(stated)}
    return new_record(task, unit, method, reference.clip, reference.frames) | about


def _decode(task: Task, unit: Unit, stream: bytes) -> Decoded:
    try:
        with _pixels_path(task, unit).open("wb") as file:
            return _sealed().decode(unit.point, stream, file)
    except OSError as error:
        raise StoreError(f"cannot write decoded frames ({error.strerror}); make room and repeat") from None
