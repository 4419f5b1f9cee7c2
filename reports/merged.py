"""Several runs as the results of one: their methods side by side, on the clips that all of them have."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ..core.errors import StoreError, UsageError
from ..core.feature_store import SetScore
from .aggregate import Point, Results, aggregated
from .recipes import differing, unshared
from .sets import SetCell, set_cells


@dataclass(frozen=True)
class Merged:
    """What can be compared of several runs, and what must be known before.

    Attributes:
        results: a method whose points differ between runs stands there once a run, as 'ours [run]'.
        recipe: what differs in how the runs were made, a line each.
        left_out: what is not compared, and why, a line each.
        pairs: points of the same name in two runs, where they are not the same.
    """

    results: Results
    recipe: tuple[str, ...]
    left_out: tuple[str, ...]
    pairs: tuple[tuple[Point, Point], ...]


def labels(folders: list[Path]) -> list[str]:
    """A short name for each run: the end of its path, as long as it takes to tell them apart.

    Raises:
        UsageError: one is named twice.
    """
    paths = [folder.resolve() for folder in folders]
    if len(set(paths)) < len(paths):
        raise UsageError("a run is named twice; name each once")
    for parts in range(1, max(len(path.parts) for path in paths) + 1):
        found = ["/".join(path.parts[-parts:]) for path in paths]
        if len(set(found)) == len(found):
            break
    return found


def merge(runs: Mapping[str, Results], folder: Path) -> Merged:
    """Put runs together.

    Of the clips, those that have the same pixels in all runs count; of the metrics, those of one signature
    in all runs that have them. Points of equal values, but for times, stand once; `recipe`
    says where their settings differ all the same.

    Args:
        runs: by label, in order.
        folder: where reports on the whole are to be written.

    Raises:
        StoreError: the runs have no clip in common, or no metric.
    """
    manifests = {label: run.manifest for label, run in runs.items()}
    clips = _common_clips(runs)
    metrics, left_out = _common_metrics(runs)
    missing = {
        label: len(run.clips) - len(clips) for label, run in runs.items() if len(run.clips) > len(clips)
    }
    left_out += [
        f"{count} clip{'' if count == 1 else 's'} of {label}, not in all runs with the same pixels"
        for label, count in missing.items()
    ]
    apart = [method for method in _methods(runs) if not _same(runs, method, clips, metrics)]

    def renamed(label: str, point: Point) -> Point:
        return (f"{point[0]} [{label}]", point[1]) if point[0] in apart else point

    points = tuple(
        dict.fromkeys(renamed(label, point) for label, run in runs.items() for point in run.points)
    )
    values: dict[str, dict[Point, dict[str, float]]] = {name: {} for name in metrics}
    for label, run in runs.items():
        for name in metrics:
            for point, by_clip in run.values.get(name, {}).items():
                kept = {clip: value for clip, value in by_clip.items() if clip in clips}
                values[name].setdefault(renamed(label, point), kept)
    sets = _sets(runs, metrics, renamed)
    judged = {
        column: {point: found for point, cell in cells.items() if (found := cell.interval) is not None}
        for column, cells in sets.items()
    }
    first = next(iter(runs.values()))
    results = Results(
        run=folder,
        manifest=_manifest(runs, clips, metrics, renamed),
        points=points,
        clips=clips,
        units={
            (renamed(label, point), clip): unit
            for label, run in reversed(list(runs.items()))
            for (point, clip), unit in run.units.items()
            if clip in clips
        },
        values=values,
        aggregates=aggregated(values, points, int(first.manifest.get("seed", 0))) | judged,
        failures=tuple(failure for run in runs.values() for failure in run.failures),
        sets=sets,
    )
    pairs = tuple(_pairs(runs, apart))
    return Merged(results, (*unshared(manifests), *differing(manifests)), tuple(left_out), pairs)


def _methods(runs: Mapping[str, Results]) -> list[str]:
    return list(dict.fromkeys(method for run in runs.values() for method in run.methods))


def _common_clips(runs: Mapping[str, Results]) -> tuple[str, ...]:
    hashes = [
        {clip["name"]: clip["sha256"] for clip in run.manifest["dataset"]["clips"] if clip["sha256"]}
        for run in runs.values()
    ]
    first = next(iter(runs.values()))
    found = tuple(
        name
        for name in first.clips
        if name in hashes[0] and all(hashes[0][name] == h.get(name) for h in hashes)
    )
    if not found:
        have = "; ".join(
            f"{label}: {len(run.clips)} of {run.manifest['dataset']['name']}" for label, run in runs.items()
        )
        raise StoreError(
            f"no clip has the same pixels in all runs ({have}); compare runs of the same clips and size"
        )
    return found


def _common_metrics(runs: Mapping[str, Results]) -> tuple[tuple[str, ...], list[str]]:
    """Columns of one signature wherever they are, and a line on each of the others."""
    signatures: dict[str, set[str]] = {}
    for run in runs.values():
        for name, about in run.metrics.items():
            signatures.setdefault(name, set()).add(_signature(name, about))
    kept = tuple(name for name, found in signatures.items() if len(found) == 1)
    left_out = [f"{name}, whose signatures differ" for name, found in signatures.items() if len(found) > 1]
    if not kept:
        raise StoreError("the runs have no metric of one signature; score them anew by `bench score`")
    return kept, left_out


def _signature(column: str, about: Mapping[str, str]) -> str:
    """A signature without what does not concern the column: the call's length is of `amortised` alone."""
    if about["kind"] == "rate" and not column.endswith("_amortised"):
        return re.sub(r"\|call_seconds:[^|]*", "", about["signature"])
    return about["signature"]


def _same(runs: Mapping[str, Results], method: str, clips: tuple[str, ...], metrics: tuple[str, ...]) -> bool:
    """Whether a method's points have the same values, but for times, in all runs that have them."""
    owners = [run for run in runs.values() if method in run.methods]
    for point in {point for run in owners for point in run.points if point[0] == method}:
        having = [run for run in owners if point in run.points]
        for name in metrics:
            timed = having[0].manifest["metrics"].get(name, {}).get("unit") == "ms/frame"
            known = [run.values[name].get(point, {}) for run in having if name in run.values]
            if not timed and any(not _equal(known[0], one, clips) for one in known):
                return False
    return True


def _equal(first: Mapping[str, float], second: Mapping[str, float], clips: tuple[str, ...]) -> bool:
    pairs = ((first.get(clip, math.nan), second.get(clip, math.nan)) for clip in clips)
    return all(one == other or (math.isnan(one) and math.isnan(other)) for one, other in pairs)


def _sets(
    runs: Mapping[str, Results], metrics: tuple[str, ...], renamed: Callable[[str, Point], Point]
) -> dict[str, dict[Point, SetCell]]:
    """Values of sets, judged against each other anew: those of other clips than most are not compared."""
    scores: dict[tuple[str, str, str], SetScore] = {}
    for label, run in runs.items():
        for name, cells in run.sets.items():
            for point, cell in cells.items() if name in metrics else ():
                method, place = renamed(label, point)
                scores.setdefault((name, method, place), replace(cell.score, method=method, point=place))
    return set_cells(list(scores.values()))


def _manifest(
    runs: Mapping[str, Results],
    clips: tuple[str, ...],
    metrics: tuple[str, ...],
    renamed: Callable[[str, Point], Point],
) -> dict[str, Any]:
    first = next(iter(runs.values())).manifest
    methods: dict[str, Any] = {}
    settings: dict[str, Any] = {}
    about: dict[str, Any] = {}
    for label, run in runs.items():
        about = {name: run.manifest["metrics"][name] for name in metrics if name in run.metrics} | about
        for method in run.methods:
            name = renamed(label, (method, ""))[0]
            methods[name] = run.manifest["methods"].get(method, {}) | methods.get(name, {})
            settings.setdefault(name, run.manifest["config"].get("methods", {}).get(method, {}))
    dataset = {
        **first["dataset"],
        "clips": [one for one in first["dataset"]["clips"] if one["name"] in clips],
    }
    config = {**first["config"], "methods": settings}
    return {**first, "dataset": dataset, "methods": methods, "metrics": about, "config": config}


def _pairs(runs: Mapping[str, Results], apart: list[str]) -> Iterator[tuple[Point, Point]]:
    """The first run's points against those of the same name in each of the others."""
    (label, first), *others = runs.items()
    for other, run in others:
        for method, point in first.points:
            if method in apart and (method, point) in run.points:
                yield (f"{method} [{label}]", point), (f"{method} [{other}]", point)
