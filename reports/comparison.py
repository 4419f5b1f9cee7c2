"""The comparisons between methods that a report shows, computed once, and their CSV files."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from ..core.statistics import Interval
from ..core.store import write_rows
from .aggregate import Results
from .bd_rate import Delta, bd_rates
from .curves import counted
from .equal_quality import EqualQuality, equal_quality

RATIO_COLUMNS = (
    "metric", "accounting", "clips", "method", "point", "anchor", "ratio", "low", "high", "counted",
    "worse", "better", "bound", "bound_low", "bound_high", "refused", "reasons",
)  # fmt: skip
DELTA_COLUMNS = (
    "metric", "accounting", "method", "anchor", "bd_rate", "low", "high", "counted", "bd_metric",
    "metric_low", "metric_high", "metric_counted", "overlap", "refused", "reasons",
)  # fmt: skip


@dataclass(frozen=True)
class Comparison:
    """What is said of methods against each other.

    Attributes:
        ratios: equal-quality ratios of points.
        deltas: Bjøntegaard deltas of curves.
    """

    ratios: tuple[EqualQuality, ...]
    deltas: tuple[Delta, ...]

    @cached_property
    def by_case(self) -> Mapping[tuple[str, str, tuple[str, str], str, str], EqualQuality]:
        """The ratios by metric, subset, point, anchor and pairing."""
        return {(at.metric, at.subset, at.point, at.anchor, at.pairing): at for at in self.ratios}


def compare(results: Results) -> Comparison:
    """All comparisons of a run; none where there is nothing to compare."""
    return Comparison(tuple(equal_quality(results)), tuple(bd_rates(results)))


def write_comparison(results: Results, comparison: Comparison) -> list[Path]:
    """Write ``report/ratios.csv`` and ``report/bd.csv``.

    An empty cell says that there is none: no interval of one clip, no mean over no clips. `clips` names
    the subset, `counted` says how many of it count, `worse` and `better` how many lie beyond the codec's
    curve, `refused` how many cannot be compared, for the `reasons` given.

    Raises:
        StoreError: the folder cannot be written.
    """
    tables = (
        ("ratios.csv", RATIO_COLUMNS, [_ratio_row(ratio) for ratio in comparison.ratios]),
        ("bd.csv", DELTA_COLUMNS, [_delta_row(delta) for delta in comparison.deltas]),
    )
    written = []
    for name, columns, rows in tables:
        written.append(results.run / "report" / name)
        write_rows(written[-1], columns, rows)
    return written


def _cells(found: Interval) -> tuple[float | None, float | None, float | None]:
    return (found.mean if found.clips else None, found.low, found.high)


def _ratio_row(at: EqualQuality) -> dict[str, Any]:
    which = (at.metric, at.pairing, at.subset, *at.point, at.anchor)
    inside = (*_cells(at.ratio), at.ratio.clips, at.worse, at.better)
    refused = (sum(at.refused.values()), counted(at.refused))
    return dict(zip(RATIO_COLUMNS, (*which, *inside, *_cells(at.bound), *refused), strict=True))


def _delta_row(at: Delta) -> dict[str, Any]:
    which = (at.metric, at.accounting, at.method, at.anchor)
    found = (*_cells(at.rate), at.rate.clips, *_cells(at.quality), at.quality.clips)
    overlap = at.overlap.mean if at.overlap.clips else None
    refused = (sum(at.refused.values()), counted(at.refused))
    return dict(zip(DELTA_COLUMNS, (*which, *found, overlap, *refused), strict=True))
