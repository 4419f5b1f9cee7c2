"""What a run says, in a few sentences that hold in both directions."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from fractions import Fraction

from ..core.statistics import Interval
from .aggregate import Point, Results
from .bd_rate import Delta, anchor_of
from .comparison import Comparison
from .curves import block_codecs, clip_metrics, counted, rate_unit
from .equal_quality import LONG, PAIRINGS, STILL, EqualQuality
from .tested import against_freeze, gains
from .wording import digits, matched, metric_name, named, times

SPOKEN_OF = ("lpips", "csim")
"""The sentences are about the first of these that a run has: fidelity, or identity."""
LOW_DELAY = "low delay"
"""How the `structure` begins that codecs for calls describe."""


def headline(results: Results, comparison: Comparison) -> list[str]:
    """Sentences for a reader in a hurry; none where nothing can be compared.

    They speak of LPIPS, without it of CSIM, without both of the run's first metric, and of the first method
    that is no block codec and sends motion: of its point that can be held against the first block codec on
    most clips, and of several such the one with the largest ratio under `total`, the least flattering
    accounting. Then of the CRF that matches it, of the block codec that is hardest to beat, of moving, still
    and long clips, and of what `freeze` gets for nothing. A run of block codecs alone gets their BD-rates,
    and one without them what the first method gains over the others.
    """
    metric = spoken_metric(results)
    if metric is None:
        return []
    point = _spoken_of(results, comparison, metric)
    if point is None:
        return [*_deltas(results, comparison, metric), *gains(results, comparison, metric)]
    return [*_sentences(results, comparison, metric, point), *_of_files(results)]


def spoken_metric(results: Results) -> str | None:
    """The metric that the sentences are about; it has values by clip."""
    metrics = clip_metrics(results)
    return next((name for name in (*SPOKEN_OF, *metrics) if name in metrics), None)


def _spoken_of(results: Results, comparison: Comparison, metric: str) -> Point | None:
    """The point that the sentences are about."""
    anchors, unit = block_codecs(results), rate_unit(results)
    if not anchors or unit is None:
        return None
    sent = results.aggregates.get(f"{unit}_motion", {})
    moving = [point for point in results.points if point[0] not in anchors and _mean(sent.get(point)) > 0]
    own = [point for point in moving if point[0] == moving[0][0]]

    def rank(point: Point) -> tuple[int, float]:
        found = comparison.by_case.get((metric, "all", point, anchors[0], "total"))
        if found is None or not found.bound.clips:
            return 0, -math.inf
        return found.ratio.clips + found.better, found.bound.mean  # where it is worse, the bound says little

    return max(own, key=rank, default=None)


def _mean(found: Interval | None) -> float:
    return math.nan if found is None else found.mean


def _sentences(results: Results, comparison: Comparison, metric: str, point: Point) -> Iterator[str]:
    anchors = block_codecs(results)

    def at(anchor: str, pairing: str, subset: str = "all") -> EqualQuality:
        return comparison.by_case[metric, subset, point, anchor, pairing]

    name, shown = named(point), metric_name(metric)
    others = sum(other[0] == point[0] for other in results.points) - 1
    chosen = f", of its {others + 1} points the one that does best (total)," if others else ""
    first = anchors[0]
    parts = {pairing: at(first, pairing) for pairing in ("motion", "total", "amortised")}
    if not any(part.bound.clips for part in parts.values()):
        yield f"At equal {shown}, {name} cannot be held against {first}: {counted(parts['total'].refused)}."
    elif not any(part.ratio.clips for part in parts.values()):
        total = parts["total"]
        most = (
            f" (the ratio of totals there: at most {digits(total.bound.mean)}×)"
            if total.worse and not total.better
            else ""
        )
        yield f"{name} cannot be held against {first} at equal {shown}: {_beyond(total, first)}{most}."
    else:
        call = _call(results)
        said = [
            f"{_bits(parts['motion'].ratio)} than {first}{_settings(results, first)} "
            "with source picture and container excluded (motion)",
            f"{_bits(parts['total'].ratio)} with them (total, {_lengths(results)})",
            f"{_bits(parts['amortised'].ratio)} with them spread over a call{call} (amortised)",
        ]
        yield (
            f"At equal {shown}, {name}{chosen} needs {'; '.join(said)}. Geometric means over clips. "
            f"{_coverage(parts['total'], first)}"
        )
    yield from _matching(comparison, metric, point, first)
    hardest = min(anchors, key=lambda anchor: _or_infinity(at(anchor, "total")))
    if hardest != first and at(hardest, "total").ratio.clips:
        pair = at(hardest, "motion"), at(hardest, "total")
        yield (
            f"Hardest to beat here is {hardest}: {_bits(pair[0].ratio)} than it (motion), "
            f"{_bits(pair[1].ratio)} (total). {_coverage(pair[1], hardest)}"
        )
    for subset, means in (
        ("moving", f"LPIPS of freeze at least {STILL}"),
        ("still", f"LPIPS of freeze below {STILL}; here any codec wins by sending nothing"),
        ("long", f"{LONG} frames or more"),
    ):
        if (metric, subset, point, first, "total") in comparison.by_case:
            motion, total = at(first, "motion", subset), at(first, "total", subset)
            clips = f"{total.clips} {subset} clip{'' if total.clips == 1 else 's'}"
            yield (
                f"On the {clips} ({means}): {_bits(motion.ratio)} than {first} (motion), "
                f"{_bits(total.ratio)} (total). {_coverage(total, first)}"
            )
    yield from against_freeze(results, comparison, metric, point)


def _or_infinity(at: EqualQuality) -> float:
    return at.bound.mean if at.bound.clips else math.inf


def _bits(found: Interval) -> str:
    """'9.1× [7.9, 10.6] fewer bits', or more."""
    if not found.clips:
        return "an unknown number of bits (no clip can be compared)"
    turned = found.mean < 1
    mean, low, high = (
        end if end is None or not turned else 1 / end for end in (found.mean, found.low, found.high)
    )
    if low is None or high is None or mean is None:
        return f"{digits(mean or math.nan)}× {'more' if turned else 'fewer'} bits (one clip, no interval)"
    open_ = ", so no difference is shown," if min(low, high) <= 1 <= max(low, high) else ""
    ends = f"[{digits(min(low, high))}, {digits(max(low, high))}]"
    return f"{digits(mean)}× {ends} {'more' if turned else 'fewer'} bits{open_}"


def _coverage(at: EqualQuality, anchor: str) -> str:
    """How many clips a ratio counts, and what is known of the rest."""
    if at.ratio.clips == at.clips:
        return f"All {at.clips} clips count." if at.clips > 1 else "It is the only clip."
    text = f"{at.ratio.clips} of {at.clips} clips count; {_beyond(at, anchor)}."
    if bool(at.worse) != bool(at.better) and at.ratio.clips:
        most = "at most" if at.worse else "at least"
        end = "lowest" if at.worse else "highest"
        text += f" With these at {anchor}'s {end} rate, the ratio of totals is {_bound(most, at.bound)}."
    return text


def _bound(most: str, found: Interval) -> str:
    ends = "" if found.low is None else f" [{digits(found.low)}, {digits(found.high or math.nan)}]"
    return f"{most} {digits(found.mean)}×{ends} over {found.clips} clips"


def _beyond(at: EqualQuality, anchor: str) -> str:
    said = []
    if at.worse:
        said.append(f"on {at.worse} it is worse than {anchor} at its lowest rate")
    if at.better:
        said.append(f"on {at.better} it is better than {anchor} at its highest rate")
    if at.refused:
        said.append(counted(at.refused))
    return ", ".join(said)


def _matching(comparison: Comparison, metric: str, point: Point, anchor: str) -> Iterator[str]:
    """The CRF at which the means are equal, and the ratio of mean rates there."""
    at = comparison.matching_by_case.get((metric, "all", point, anchor))
    if at is None or not at.at.clips:
        return
    if at.beyond:
        yield f"Its mean {metric_name(metric)} is {at.beyond} than {anchor}'s at every {at.setting} run."
        return
    known = [f"{times(at.ratios[name])} ({name})" for name in PAIRINGS if at.ratios[name].clips]
    divided = f"; the means of {anchor}'s rates there over its own: {', '.join(known)}" if known else ""
    yield f"Its mean {metric_name(metric)} is that of {anchor} at {matched(at)}{divided}."


def _deltas(results: Results, comparison: Comparison, metric: str) -> Iterator[str]:
    """BD-rates of the curves, for a run without anything but block codecs."""
    anchor = anchor_of(results)
    known = [
        delta for delta in comparison.deltas
        if delta.metric == metric and delta.accounting == "total" and delta.rate.clips
    ]  # fmt: skip
    if known:
        said = "; ".join(f"{delta.method} {_percent(delta)}" for delta in known)
        yield (
            f"At equal {metric_name(metric)}, every byte counted (total), averaged over the quality that "
            f"both reach (BD-rate), against {anchor}{_settings(results, anchor or '')}: {said}."
        )


def _percent(delta: Delta) -> str:
    found = delta.rate
    turned = -1 if found.mean < 0 else 1
    words = f"needs {abs(found.mean):.0f} %"
    if found.low is not None and found.high is not None:
        low, high = sorted((turned * found.low, turned * found.high))
        words += f" [{low:.0f}, {high:.0f}]"
        if low <= 0 <= high:
            return f"{words} {'fewer' if turned < 0 else 'more'} bits, so no difference is shown"
    whole = found.clips + found.left_out
    few = "" if not found.left_out else f" ({found.clips} of {whole} clips)"
    return f"{words} {'fewer' if turned < 0 else 'more'} bits{few}"


def _described(results: Results, method: str) -> Mapping[str, str]:
    """What the manifest says of a method's first point."""
    points = list(results.manifest["methods"].get(method, {}).values())
    described: Mapping[str, str] = points[0].get("describe", {}) if points else {}
    return described


def _settings(results: Results, method: str) -> str:
    """What a reader must know of a block codec's settings, in brackets."""
    described = _described(results, method)
    known = [described[key] for key in ("preset", "structure") if described.get(key)]
    return f" ({'; '.join(known)})" if known else ""


def _of_files(results: Results) -> Iterator[str]:
    """Codecs that stand beside those of low delay and are none."""
    structures = {method: _described(results, method).get("structure", "") for method in results.methods}
    if any(structure.startswith(LOW_DELAY) for structure in structures.values()):
        for method, structure in structures.items():
            if structure and not structure.startswith(LOW_DELAY):
                yield f"{method} is for files, not for calls ({structure})."


def _lengths(results: Results) -> str:
    """How long the clips are that a source picture is counted with in `total`."""
    clips = results.manifest["dataset"]["clips"]
    seconds = [clip["frames"] / float(Fraction(clip["fps"])) for clip in clips if clip["frames"]]
    if not seconds:
        return "whole clips"
    low, high = (digits(end) for end in (min(seconds), max(seconds)))
    return f"clips of {low} s" if low == high else f"clips of {low} to {high} s"


def _call(results: Results) -> str:
    about = results.manifest["config"].get("metrics", {}).get(rate_unit(results) or "", {})
    seconds = about.get("call_seconds")
    return f" of {seconds:g} s" if isinstance(seconds, int | float) else ""
