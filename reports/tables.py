"""Tables for print as data: what stands in them, before it is LaTeX or Markdown."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from ..core.statistics import CONFIDENCE, Interval
from .aggregate import Point, Results
from .bd_rate import Delta
from .comparison import Comparison
from .equal_quality import LONG, PAIRINGS, STILL, EqualQuality, subsets
from .paired import SIGNIFICANT, Difference, caution
from .wording import ends, matched, metric_name, named, probability, ratio, short, signed, times

ARROWS: Mapping[str, str] = {"higher": "↑", "lower": "↓"}
INTERVALS = f"{CONFIDENCE:.0%} bootstrap intervals over clips"
ACCOUNTED = (
    " Rates by accounting: motion leaves source picture and container out, total counts every byte, "
    "amortised spreads source picture and container over a call."
)
STARS = (0.001, 0.01, SIGNIFICANT)
"""Adjusted p below which a difference gets three stars, two, or one."""
SUBSETS: Mapping[str, str] = {
    "all": "All clips",
    "still": f"Still clips, LPIPS of freeze below {STILL}",
    "moving": f"Moving clips, LPIPS of freeze at least {STILL}",
    "long": f"Clips of {LONG} frames or more",
}


@dataclass(frozen=True)
class Cell:
    """What a table says in one place.

    Attributes:
        text: plain, of any script.
        interval: ' [low, high]', or ''.
        best: whether it is the best of its column.
        more: what has to be said after the interval.
    """

    text: str
    interval: str = ""
    best: bool = False
    more: str = ""


@dataclass(frozen=True)
class Table:
    """A table for print.

    Attributes:
        name: of its file, and what its label ends in.
        caption: sentences.
        heads: of the columns; ↑ and ↓ say which way is better.
        texts: how many columns at the left are words; the others are numbers.
        rows: one cell a column each.
        groups: headings by the row that they stand above.
    """

    name: str
    caption: str
    heads: tuple[str, ...]
    texts: int
    rows: tuple[tuple[Cell, ...], ...]
    groups: Mapping[int, str] = field(default_factory=dict)


def means(results: Results, points: Sequence[Point], metrics: Sequence[str], name: str) -> Table:
    """Means over clips, a row a point; the best of each column among those that count as many clips."""
    about = results.metrics
    columns = [_column(results, points, metric) for metric in metrics]
    units = [f" ({about[metric]['unit']})" if about[metric]["unit"] else "" for metric in metrics]
    arrows = [ARROWS[about[metric]["direction"]] for metric in metrics]
    clips = len(results.clips)
    return Table(
        name,
        f"Means over {clips} clip{'' if clips == 1 else 's'} of {results.manifest['dataset']['name']} with "
        f"{INTERVALS}; the best of each column, of those that count as many clips, in bold."
        f"{ACCOUNTED if any(metric in results.rates for metric in metrics) else ''}",
        ("method", "point", *(f"{m}{u} {a}" for m, u, a in zip(metrics, units, arrows, strict=True))),
        2,
        tuple((*map(Cell, point), *(column[k] for column in columns)) for k, point in enumerate(points)),
    )


def _column(results: Results, points: Sequence[Point], metric: str) -> list[Cell]:
    found = [results.aggregates.get(metric, {}).get(point) for point in points]
    known = [one for one in found if one is not None and one.clips]
    most = max((one.clips for one in known), default=0)
    pick = max if results.metrics[metric]["direction"] == "higher" else min
    best = short(pick(one.mean for one in known if one.clips == most)) if known else ""

    def cell(one: Interval | None) -> Cell:
        if one is None or not one.clips:
            return Cell("n/a")
        few = f" ({one.clips} of {len(results.clips)})" if one.clips < len(results.clips) else ""
        text = short(one.mean)
        return Cell(text, ends(one, short), one.clips == most and text == best and len(known) > 1, few)

    return [cell(one) for one in found]


def ratios(results: Results, comparison: Comparison, metric: str) -> Table:
    """How many times the bits the block codecs need at equal quality, a row a point and codec."""
    sizes = {name: len(clips) for name, clips in subsets(results).items()}
    rows: list[tuple[Cell, ...]] = []
    groups = {}
    for subset, clips in sizes.items():
        if len(sizes) > 1:
            groups[len(rows)] = f"{SUBSETS[subset]} ({clips})"
        cases = dict.fromkeys(
            (at.point, at.anchor) for at in comparison.ratios if (at.metric, at.subset) == (metric, subset)
        )
        for point, anchor in cases:
            found = (comparison.by_case[metric, subset, point, anchor, name] for name in PAIRINGS)
            rows.append((Cell(named(point)), Cell(anchor), *map(_ratio, found)))
    return Table(
        f"ratios_{metric}",
        f"How many times the bits a block codec needs at equal {metric_name(metric)}: above 1 the point "
        "needs fewer. Geometric means over the clips on which the point's quality lies within the codec's "
        f"curve, with {INTERVALS}; after ≤ (≥) the mean that takes clips on which the point is worse "
        "(better) than all of the codec's points as if it were as good as the last of these. Accountings: "
        "motion without source picture and container, total with, amortised with them spread over a call, "
        "as published the point's motion against the codec's total.",
        ("point", "against", *PAIRINGS),
        2,
        tuple(rows),
        groups,
    )


def _ratio(at: EqualQuality) -> Cell:
    if not at.bound.clips:
        return Cell("n/a")
    few = f" ({at.ratio.clips} of {at.clips})" if at.ratio.clips < at.clips else ""
    side = "≈" if at.worse and at.better else "≤" if at.worse else "≥"
    bound = f"{side} {times(at.bound)}" if at.worse or at.better else ""
    if not at.ratio.clips:
        return Cell(f"{bound}{few}")
    return Cell(*ratio(at.ratio), more=f"{few} {bound}".rstrip())


def matching(results: Results, comparison: Comparison, metric: str) -> Table:
    """At which setting the block codecs are as good, and the ratio of mean rates there."""
    chosen = [at for at in comparison.matchings if (at.metric, at.subset) == (metric, "all")]
    return Table(
        f"matching_{metric}",
        f"The setting at which a block codec's mean {metric_name(metric)} over clips is the point's, and "
        f"there its mean rate divided by the point's: above 1 the point needs fewer bits. {INTERVALS}; an "
        "end is open where the sweep does not reach so far.",
        ("point", "against", "as good at", *PAIRINGS),
        3,
        tuple(
            (
                Cell(named(at.point)),
                Cell(at.anchor),
                Cell(matched(at) if not at.refused else "n/a"),
                *(Cell(*ratio(at.ratios[name])) if name in at.ratios else Cell("n/a") for name in PAIRINGS),
            )
            for at in chosen
        ),
    )


def differences(results: Results, comparison: Comparison, metric: str) -> Table:
    """Points against each other, clip by clip."""
    family = comparison.families[metric]
    about = results.metrics[metric]
    unit, better = f" ({about['unit']})" if about["unit"] else "", about["direction"]
    careful = caution(family)
    return Table(
        f"differences_{metric}",
        f"{metric_name(metric)} of the first point less that of the second, clip by clip ({better} is "
        f"better): means with {INTERVALS}, clips on which the first is better, p of Wilcoxon's signed-rank "
        f"test after Holm over the {len(family)} pairs, and how many times the first one's bits the second "
        "sends (total). Stars: p below .05, .01, .001, where ranks and mean point the same "
        f"way.{' ' if careful else ''}{careful}",
        ("first", "second", f"difference{unit}", "better on", "p", "bits"),
        2,
        tuple(_difference(one) for one in family),
    )


def _difference(one: Difference) -> tuple[Cell, ...]:
    stars = "" if one.verdict == "not shown" else "*" * sum(one.adjusted < level for level in STARS)
    mean = Cell(signed(one.mean.mean) + stars, ends(one.mean, signed)) if one.clips else Cell("n/a")
    bits = Cell(*ratio(one.bits)) if one.bits else Cell("n/a")
    counts = Cell(f"{one.better} of {one.clips}")
    return (
        Cell(named(one.first)),
        Cell(named(one.second)),
        mean,
        counts,
        Cell(probability(one.adjusted)),
        bits,
    )


def deltas(comparison: Comparison, metric: str) -> Table:
    """Bjøntegaard deltas of rate, a row a method, a column an accounting."""
    chosen = [delta for delta in comparison.deltas if delta.metric == metric]
    accountings = tuple(dict.fromkeys(delta.accounting for delta in chosen))
    by_case = {(delta.method, delta.accounting): delta for delta in chosen}
    anchors = ", ".join(dict.fromkeys(delta.anchor for delta in chosen))
    return Table(
        f"bd_{metric}",
        f"BD-rate against {anchors} in percent at equal {metric_name(metric)}: below 0 the method needs "
        f"fewer bits. Means over clips (their number where not all count) with {INTERVALS}.",
        ("method", *accountings),
        1,
        tuple(
            (Cell(method), *(_delta(by_case[method, accounting]) for accounting in accountings))
            for method in dict.fromkeys(delta.method for delta in chosen if delta.rate.clips)
        ),
    )


def _delta(delta: Delta) -> Cell:
    found = delta.rate
    if not found.clips:
        return Cell("n/a")
    few = f" ({found.clips} of {found.clips + found.left_out})" if found.left_out else ""
    return Cell(_tenths(found.mean), ends(found, _tenths), more=few)


def _tenths(number: float) -> str:
    return f"{number:+.1f}".replace("-", "−")


def comparisons(results: Results, comparison: Comparison, metric: str) -> Iterator[Table]:
    """The tables of a metric that have something in them."""
    if any(at.metric == metric and at.bound.clips for at in comparison.ratios):
        yield ratios(results, comparison, metric)
    if metric in comparison.matched_metrics:
        yield matching(results, comparison, metric)
    if any(delta.metric == metric and delta.rate.clips for delta in comparison.deltas):
        yield deltas(comparison, metric)
    if metric in comparison.families:
        yield differences(results, comparison, metric)
