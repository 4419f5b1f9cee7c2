"""The comparisons between methods that a report shows, computed once, and their CSV files."""

from __future__ import annotations

import math
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
from .equal_quality import PAIRINGS, EqualQuality, equal_quality
from .matching import Matching, matchings
from .paired import Difference, differences

RATIO_COLUMNS = (
    "metric", "accounting", "clips", "method", "point", "anchor", "ratio", "low", "high", "counted",
    "worse", "better", "bound", "bound_low", "bound_high", "refused", "reasons", "mean_rates",
    "mean_rates_low", "mean_rates_high",
)  # fmt: skip
DELTA_COLUMNS = (
    "metric", "accounting", "method", "anchor", "bd_rate", "low", "high", "counted", "bd_metric",
    "metric_low", "metric_high", "metric_counted", "overlap", "refused", "reasons",
)  # fmt: skip
MATCHING_COLUMNS = (
    "metric", "accounting", "clips", "method", "point", "anchor", "setting", "at", "at_low", "at_high",
    "counted", "beyond", "ratio", "low", "high", "refused",
)  # fmt: skip
DIFFERENCE_COLUMNS = (
    "metric", "method", "point", "other_method", "other_point", "difference", "low", "high", "clips",
    "better", "worse", "equal", "p", "p_adjusted", "verdict", "bits", "bits_low", "bits_high",
)  # fmt: skip


@dataclass(frozen=True)
class Comparison:
    """What is said of methods against each other.

    Attributes:
        ratios: equal-quality ratios of points.
        deltas: Bjøntegaard deltas of curves.
        matchings: the CRF at which a block codec is as good as a point.
        differences: of two points, clip by clip.
    """

    ratios: tuple[EqualQuality, ...]
    deltas: tuple[Delta, ...]
    matchings: tuple[Matching, ...]
    differences: tuple[Difference, ...]

    @cached_property
    def by_case(self) -> Mapping[tuple[str, str, tuple[str, str], str, str], EqualQuality]:
        """The ratios by metric, subset, point, anchor and pairing."""
        return {(at.metric, at.subset, at.point, at.anchor, at.pairing): at for at in self.ratios}

    @cached_property
    def matching_by_case(self) -> Mapping[tuple[str, str, tuple[str, str], str], Matching]:
        """The matching settings by metric, subset, point and anchor."""
        return {(at.metric, at.subset, at.point, at.anchor): at for at in self.matchings}

    @cached_property
    def matched_metrics(self) -> tuple[str, ...]:
        """The metrics of which some matching setting is known."""
        return tuple(dict.fromkeys(at.metric for at in self.matchings if at.at.clips))

    @cached_property
    def families(self) -> Mapping[str, tuple[Difference, ...]]:
        """The differences by metric, of metrics that some two points share."""
        metrics = dict.fromkeys(one.metric for one in self.differences if one.clips)
        return {metric: tuple(one for one in self.differences if one.metric == metric) for metric in metrics}


def compare(results: Results) -> Comparison:
    """All comparisons of a run; none where there is nothing to compare."""
    return Comparison(
        ratios=tuple(equal_quality(results)),
        deltas=tuple(bd_rates(results)),
        matchings=tuple(matchings(results)),
        differences=tuple(differences(results)),
    )


def write_comparison(results: Results, comparison: Comparison) -> list[Path]:
    """Write ``report/ratios.csv``, ``bd.csv``, ``matching.csv`` and ``differences.csv``, in ``report``.

    An empty cell says that there is none: no interval of one clip, no mean over no clips. `clips` names
    the subset, `counted` says how many of it count, `worse` and `better` how many lie beyond the codec's
    curve, `refused` how many cannot be compared, for the `reasons` given. `ratio` is of the clips' geometric
    mean, `mean_rates` divides their means. A setting that matches, or its end, is -inf or inf beyond all that
    were swept; there a ratio, or its end, is 0 or inf. A `difference` is the point's value less the other's,
    and `bits` the other's rate (total) divided by the point's.

    Raises:
        StoreError: the folder cannot be written.
    """
    matched = [row for at in comparison.matchings for row in _matching_rows(at)]
    tables = (
        ("ratios.csv", RATIO_COLUMNS, [_ratio_row(ratio) for ratio in comparison.ratios]),
        ("bd.csv", DELTA_COLUMNS, [_delta_row(delta) for delta in comparison.deltas]),
        ("matching.csv", MATCHING_COLUMNS, matched),
        ("differences.csv", DIFFERENCE_COLUMNS, [_difference_row(one) for one in comparison.differences]),
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
    cells = (*which, *inside, *_cells(at.bound), *refused, *_cells(at.mean_rates))
    return dict(zip(RATIO_COLUMNS, cells, strict=True))


def _delta_row(at: Delta) -> dict[str, Any]:
    which = (at.metric, at.accounting, at.method, at.anchor)
    found = (*_cells(at.rate), at.rate.clips, *_cells(at.quality), at.quality.clips)
    overlap = at.overlap.mean if at.overlap.clips else None
    refused = (sum(at.refused.values()), counted(at.refused))
    return dict(zip(DELTA_COLUMNS, (*which, *found, overlap, *refused), strict=True))


def _matching_rows(at: Matching) -> list[dict[str, Any]]:
    found = (at.setting, *_cells(at.at), at.at.clips, at.beyond)
    return [
        dict(
            zip(
                MATCHING_COLUMNS,
                (at.metric, pairing, at.subset, *at.point, at.anchor, *found, *_cells(ratio), at.refused),
                strict=True,
            )
        )
        for pairing, ratio in (at.ratios or dict.fromkeys(PAIRINGS, at.at)).items()
    ]


def _difference_row(one: Difference) -> dict[str, Any]:
    which = (one.metric, *one.first, *one.second, *_cells(one.mean), one.clips)
    found = (one.better, one.worse, one.equal, *(None if math.isnan(p) else p for p in (one.p, one.adjusted)))
    bits = (None, None, None) if one.bits is None else _cells(one.bits)
    return dict(zip(DIFFERENCE_COLUMNS, (*which, *found, one.verdict, *bits), strict=True))
