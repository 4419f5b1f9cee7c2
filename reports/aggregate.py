"""From a run's tidy scores to aggregates over clips, with intervals."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any

from ..core.feature_store import read_sets
from ..core.rates import ACCOUNTINGS
from ..core.statistics import Interval, mean_intervals
from ..core.store import read_failures, read_manifest, read_scores, read_units, write_rows
from .sets import SetCell, set_cells

Point = tuple[str, str]
"""A method's name and its point's."""

COLUMNS = (
    "method", "point", "metric", "mean", "low", "high", "clips", "left_out", "missing", "pooled",
    "unit", "direction", "signature", "pictures",
)  # fmt: skip


@dataclass(frozen=True)
class Inapplicable:
    """Why columns have no value.

    Attributes:
        methods, clips: each of these methods on each of these clips.
        columns: names.
        reason: as the metric gave it.
    """

    methods: tuple[str, ...]
    clips: tuple[str, ...]
    columns: tuple[str, ...]
    reason: str


@dataclass(frozen=True)
class Results:
    """What a report shows of a run.

    Attributes:
        run: its folder.
        manifest: as stored.
        points: in the order of the plan, which is the order of the sweeps.
        clips: names, in the data set's order.
        units: finished units by point and clip.
        values: by metric, point and clip; NaN where the metric does not apply to the clip.
        aggregates: over clips, by metric and point; of a set its one value, if comparable.
        failures: as stored.
        sets: of set metrics, which have no values by clip, by metric and point.
    """

    run: Path
    manifest: Mapping[str, Any]
    points: tuple[Point, ...]
    clips: tuple[str, ...]
    units: Mapping[tuple[Point, str], Mapping[str, Any]]
    values: Mapping[str, Mapping[Point, Mapping[str, float]]]
    aggregates: Mapping[str, Mapping[Point, Interval]]
    failures: tuple[Mapping[str, str], ...]
    sets: Mapping[str, Mapping[Point, SetCell]] = field(default_factory=dict)

    @property
    def methods(self) -> tuple[str, ...]:
        """Names, in the order of the plan."""
        return tuple(dict.fromkeys(method for method, _ in self.points))

    @property
    def metrics(self) -> Mapping[str, Mapping[str, str]]:
        """What the manifest says of each column that holds any value: pictures', rates', then others."""
        about = self.manifest["metrics"]
        pictures = [name for name in self.values if about[name]["kind"] in ("picture", "set")]
        return {name: about[name] for name in dict.fromkeys((*pictures, *self.rates, *self.values))}

    @property
    def pictures(self) -> tuple[str, ...]:
        """Columns that score pixels, those of sets included."""
        return tuple(name for name, about in self.metrics.items() if about["kind"] in ("picture", "set"))

    @property
    def rates(self) -> tuple[str, ...]:
        """Columns that are a rate under one of the accountings, by unit and then by accounting."""
        split = [name.rpartition("_") for name in self.values]
        kinds = dict.fromkeys(rate for rate, _, accounting in split if accounting in ACCOUNTINGS)
        names = [f"{rate}_{accounting}" for rate in kinds for accounting in ACCOUNTINGS]
        return tuple(name for name in names if name in self.values)

    @property
    def inapplicable(self) -> tuple[Inapplicable, ...]:
        """Columns without a value, a row for each reason, wherever it is the same for several."""
        columns: dict[tuple[str, str, str], dict[str, None]] = {}
        for ((method, _), clip), unit in self.units.items():
            for column, entry in unit["values"].items():
                if entry["value"] is None and "reason" in entry:
                    columns.setdefault((entry["reason"], method, clip), {})[column] = None
        clips: dict[tuple[str, tuple[str, ...], str], list[str]] = {}
        for (reason, method, clip), having in columns.items():
            clips.setdefault((reason, tuple(having), method), []).append(clip)
        methods: dict[tuple[str, tuple[str, ...], tuple[str, ...]], list[str]] = {}
        for (reason, names, method), of in clips.items():
            methods.setdefault((reason, names, tuple(of)), []).append(method)
        return tuple(
            Inapplicable(tuple(who), of, names, reason) for (reason, names, of), who in methods.items()
        )

    def pooled(self, metric: str, point: Point) -> float | None:
        """A rate over all clips at once (all bits by all pixels, frames or seconds), or None for others.

        It differs from the mean over clips, which is the aggregate, where clips differ in length.
        """
        if metric not in self.rates:
            return None
        pairs = [
            (value, _weight(metric, self.units[point, clip]))
            for clip, value in self.values[metric].get(point, {}).items()
            if (point, clip) in self.units and not math.isnan(value)
        ]
        weight = sum(weight for _, weight in pairs)
        return sum(value * weight for value, weight in pairs) / weight if weight else None


def _weight(metric: str, unit: Mapping[str, Any]) -> float:
    if metric.startswith("bpp"):
        return float(unit["frames"] * unit["width"] * unit["height"])
    if metric.startswith("kbps"):
        return float(unit["frames"] / Fraction(unit["fps"]))
    return float(unit["frames"])


def load(run: Path) -> Results:
    """Read a run and aggregate it.

    Raises:
        StoreError: `run` is not a run's folder.
    """
    manifest = read_manifest(run)
    scores = read_scores(run)
    points = tuple(dict.fromkeys((unit["method"], unit["point"]) for unit in manifest["units"]))
    values: dict[str, dict[Point, dict[str, float]]] = {}
    rows = zip(*(scores[name] for name in ("metric", "method", "point", "clip", "value")), strict=True)
    for metric, method, point, clip, value in rows:
        if metric in manifest["metrics"] and (method, point) in points and clip:  # without: of a set
            values.setdefault(metric, {}).setdefault((method, point), {})[clip] = (
                math.nan if value is None else float(value)
            )
    seed = int(manifest.get("seed", 0))
    sets = {
        column: cells for column, cells in set_cells(read_sets(run)).items() if column in manifest["metrics"]
    }
    judged = {
        column: {point: found for point, cell in cells.items() if (found := cell.interval) is not None}
        for column, cells in sets.items()
    }
    return Results(
        run=run,
        manifest=manifest,
        points=points,
        clips=tuple(clip["name"] for clip in manifest["dataset"]["clips"]),
        units={((unit["method"], unit["point"]), unit["clip"]): unit for unit in read_units(run)},
        values=values | {column: {} for column in sets},
        aggregates=aggregated(values, points, seed) | judged,
        failures=tuple(read_failures(run)),
        sets=sets,
    )


def aggregated(
    values: Mapping[str, Mapping[Point, Mapping[str, float]]], points: Sequence[Point], seed: int
) -> dict[str, dict[Point, Interval]]:
    """Means over clips with their intervals, by metric and point.

    Args:
        values: by metric, point and clip.
        points: in the order of the plan.
        seed: of the resampling.
    """
    found: dict[str, dict[Point, Interval]] = {metric: {} for metric in values}
    cells = [(metric, point) for metric in values for point in points if point in values[metric]]
    rows = [list(values[metric][point].values()) for metric, point in cells]
    for (metric, point), interval in zip(cells, mean_intervals(rows, seed=seed), strict=True):
        found[metric][point] = interval
    return found


def write_table(results: Results) -> Path:
    """Write ``report/table.csv``: a row for each method, point and metric, with its interval.

    `clips` counts in the mean, `left_out` have no such value, `missing` did not finish; `low` and `high`
    are empty where one clip alone counts. Of a set metric, `pictures` says of how many the value is; one
    that must not be compared with the others of its column has no mean.
    """
    rows = []
    for metric, by_point in results.aggregates.items():
        about = results.metrics[metric]
        for point, found in by_point.items():
            numbers = (found.mean, found.low, found.high, found.clips, found.left_out)
            missing = len(results.clips) - found.clips - found.left_out
            last = (missing, results.pooled(metric, point))
            kept = (about["unit"], about["direction"], about["signature"])
            cell = results.sets.get(metric, {}).get(point)
            row = (*point, metric, *numbers, *last, *kept, cell.score.pictures if cell else "")
            rows.append(dict(zip(COLUMNS, row, strict=True)))
    path = results.run / "report" / "table.csv"
    write_rows(path, COLUMNS, rows)
    return path
