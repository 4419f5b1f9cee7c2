"""Carrying out a plan: what is finished is kept, what fails is recorded, the rest goes on."""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from ..core.errors import StoreError
from ..core.metric import Metric
from ..core.set_metric import SetMetric
from ..core.signature import sha256_file
from ..core.store import clear_unfinished, read_failures, read_frames, read_unit, write_json
from .executors import Executor
from .manifest import earlier_manifest, make_manifest, write_tables
from .plan import Plan, Unit, absent_metrics, build_metrics
from .reference import forget_reference
from .sets import has_set_features
from .tasks import Failure, Task, failure
from .work import work

UNITS_AT_ONCE = 8
"""Decoded clips scored in step with their reference in one task; their pixels wait on the disk."""


@dataclass(frozen=True)
class Outcome:
    """What a run came to.

    Attributes:
        computed: units that were worked on, failed ones included.
        kept: units that were finished before.
        failures: what did not work, now or before, of what was asked for.
    """

    computed: int
    kept: int
    failures: Sequence[Failure]


@contextmanager
def locked(run: Path) -> Iterator[None]:
    """Hold a results folder for this process alone.

    Raises:
        StoreError: another run holds it, or it cannot be written.
    """
    try:
        run.mkdir(parents=True, exist_ok=True)
        lock = FileLock(run / ".lock")
        lock.acquire(timeout=0)
    except Timeout:
        raise StoreError(f"another run is writing into {run}; wait for it or choose another --out") from None
    except OSError as error:
        raise StoreError(f"cannot write into {run} ({error.strerror}); choose another --out") from None
    try:
        yield
    finally:
        lock.release()


def _missing(
    run: Path, unit: Unit, metrics: Mapping[str, Metric], absent: Collection[str]
) -> tuple[str, ...] | None:
    """Names of the metrics that a stored unit lacks; None where there is no such unit, or a damaged one.

    That a metric is `absent` on this machine need be said once.
    """
    try:
        record = read_unit(run, unit.key)
        has = {(column, entry["signature"]) for column, entry in record["values"].items()}
        stream = record["stream"]
        if stream is not None and sha256_file(run / stream["path"]) != stream["sha256"]:
            return None
        if len(read_frames(run, unit.key)) != record["frames"]:
            return None
    except (StoreError, OSError, KeyError, TypeError, AttributeError):
        return None
    return tuple(
        name
        for name, metric in metrics.items()
        if any((column, metric.signature) not in has for column in metric.columns)
        and not (name in absent and set(metric.columns) <= record["values"].keys())
        and not (isinstance(metric, SetMetric) and has_set_features(run, metric, record))
    )


def _tasks(
    run: Path, scratch: Path, plan: Plan, workers: int, encode: bool
) -> tuple[list[Task], list[Failure]]:
    """Cut what is missing into tasks, clip by clip; units without a stream to score are failures."""
    metrics = build_metrics(plan.config)
    absent = absent_metrics(plan.config, metrics)
    lacking: dict[tuple[str, tuple[str, ...], bool], list[Unit]] = {}
    lost = []
    for unit in plan.units:
        missing = _missing(run, unit, metrics, absent)
        if missing is None and not encode:
            error = StoreError("it is unfinished, damaged or changed; repeat the run's command, then score")
            lost.append(failure(unit, "score", error))
        elif missing is None or missing:
            names = tuple(metrics) if missing is None else missing
            lacking.setdefault((unit.clip.name, names, missing is None), []).append(unit)
    clips = list(dict.fromkeys(name for name, _, _ in lacking))
    shared = clips[len(clips) // workers * workers :]  # too few to give each worker one: cut for all of them
    tasks = []
    for (name, names, new), units in lacking.items():
        share = -(-len(units) * len(shared) // workers) if name in shared else len(units)
        groups = -(-len(units) // max(1, min(UNITS_AT_ONCE, share)))
        for at in range(groups):
            group = units[at::groups]  # some of each method, so that groups cost alike
            clip = group[0].clip
            tasks.append(
                Task(
                    run, scratch, plan.benchmark, plan.dataset, plan.config,
                    clip, plan.hashes[clip.name], group, names, new,
                )
            )  # fmt: skip
    return tasks, lost


def _single(task: Task) -> list[Task]:
    """A task for each of a task's units."""
    return [replace(task, units=[unit]) for unit in task.units]


def _still_failed(run: Path, manifest: Mapping[str, Any], tasks: Sequence[Task]) -> list[Failure]:
    """Failures that the folder has recorded of units, or of metrics, that are not tried again now."""
    units = {(unit["method"], unit["point"], unit["clip"]) for unit in manifest["units"]}
    again = {
        (unit.point.method, unit.point.name, unit.clip.name): task.metrics
        for task in tasks
        for unit in task.units
    }
    kept = []
    for row in read_failures(run):
        unit, stage = (row["method"], row["point"], row["clip"]), row["stage"]
        scored = stage.removeprefix("score ") if stage.startswith("score ") else None
        if unit in units and (unit not in again or (scored and scored not in again[unit])):
            kept.append(Failure(**row))
    return kept


def execute(
    plan: Plan,
    run: Path,
    executor: Executor,
    command: Sequence[str],
    progress: Callable[[int, int], None] | None = None,
    encode: bool = True,
) -> Outcome:
    """Carry out a plan in a results folder.

    Args:
        plan: what is to be done.
        run: the folder; what it holds of the plan is kept.
        executor: who does it.
        command: the command line, for the manifest.
        progress: called with (units done, units to do) after each task.
        encode: False to score stored streams only.

    Returns:
        the outcome; tables and manifest are written, whatever failed.

    Raises:
        StoreError: the folder is in use, holds another run, or cannot be written.
    """
    with locked(run):
        manifest = make_manifest(plan, command, earlier_manifest(run, plan))
        scratch = run / ".scratch"
        shutil.rmtree(scratch, ignore_errors=True)
        tasks, lost = _tasks(run, scratch, plan, executor.workers, encode)
        clear_unfinished(run)
        write_json(run / "manifest.json", manifest)
        reasons = {} if encode else {row["clip"]: row["message"] for row in read_failures(run)}
        failures = [
            Failure("", "", name, "read", "VideoError", reasons.get(name, message))
            for name, message in plan.unreadable.items()
        ]
        before = _still_failed(run, manifest, tasks)
        told = {(old.method, old.point, old.clip) for old in before}
        failures += [new for new in lost if (new.method, new.point, new.clip) not in told]
        waiting = Counter(unit.clip.name for task in tasks for unit in task.units)
        done, total = 0, sum(len(task.units) for task in tasks)
        try:
            with closing(executor.run(work, tasks, _single)) as results:
                for task, result in results:
                    if isinstance(result, BaseException):
                        failures += [failure(unit, "work", result) for unit in task.units]
                    else:
                        failures += result
                    waiting[task.clip.name] -= len(task.units)
                    if not waiting[task.clip.name]:
                        forget_reference(task.clip, scratch)
                    done += len(task.units)
                    if progress is not None:
                        progress(done, total)
        finally:
            shutil.rmtree(scratch, ignore_errors=True)
            clear_unfinished(run)
        lost_sets = write_tables(run, manifest, before + failures)
    asked = {
        (unit.point.method, unit.point.name, clip)
        for unit in plan.units
        for clip in (unit.clip.name, "")  # without: of the whole set
    }
    failures += [
        old
        for old in before + lost_sets
        if (old.method, old.point, old.clip) in asked
        and (not old.stage.startswith("score ") or old.stage.removeprefix("score ") in plan.metrics)
    ]
    return Outcome(total, len(plan.units) - total - len(lost), failures)
