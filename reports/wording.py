"""Numbers and names as a reader sees them, alike on the page, in sentences and in tables for print."""

from __future__ import annotations

import math
from collections.abc import Callable

from ..core.statistics import Interval
from .aggregate import Point
from .matching import Matching


def named(point: Point) -> str:
    """'ours (k20)', or the method alone where it has no points to tell apart."""
    return point[0] if point[1] == "default" else f"{point[0]} ({point[1]})"


def metric_name(metric: str) -> str:
    """A metric in a sentence."""
    return metric.upper() if metric == "lpips" else metric


def digits(number: float) -> str:
    """A ratio: two digits or three, or all before the point."""
    places = 0 if number >= 10 else 1 if number >= 2 else 2
    return f"{number:.{places}f}"


def short(number: float) -> str:
    """Any value to three digits."""
    return (f"{number:.0f}" if abs(number) >= 1000 else f"{number:.3g}").replace("-", "−")


def signed(number: float) -> str:
    """A difference to three digits."""
    return f"{number:+.3g}".replace("-", "−") if number else "0"


def ends(found: Interval, show: Callable[[float], str], least: float = -math.inf) -> str:
    """' [7.9, 10.6]', or '' where there is no interval.

    An end that nothing bounds is open: ' [7.9, ∞)'; so is one at the least value that there can be.
    """
    if found.low is None or found.high is None:
        return ""
    floor = f"({show(least)}" if math.isfinite(least) else "(−∞"
    low = f"[{show(found.low)}" if found.low > least else floor
    high = f"{show(found.high)}]" if math.isfinite(found.high) else "∞)"
    return f" {low}, {high}"


def ratio(found: Interval) -> tuple[str, str]:
    """'9.1×' and ' [7.9, 10.6]'; 'n/a' where there is no ratio, or the curve does not reach so far."""
    if not found.clips or not 0 < found.mean < math.inf:
        return "n/a", ""
    return f"{digits(found.mean)}×", ends(found, _from_zero, 0.0)


def _from_zero(number: float) -> str:
    return "0" if number == 0 else digits(number)


def times(found: Interval) -> str:
    """'9.1× [7.9, 10.6]', as `ratio`."""
    return "".join(ratio(found))


def matched(at: Matching) -> str:
    """'crf 38.4 [36.1, 40.2]', or that the point lies beyond the sweep, or 'n/a'."""
    if not at.at.clips:
        return "n/a"
    if at.beyond:
        return f"{at.beyond} than at every {at.setting}"
    return f"{at.setting} {at.at.mean:.1f}{ends(at.at, '{:.1f}'.format)}"


def probability(p: float) -> str:
    """A p value to two digits, 'n/a' where there was no test."""
    if math.isnan(p):
        return "n/a"
    return "< 0.0001" if p < 0.0001 else f"{p:.2g}"


def p_value(p: float) -> str:
    """'p = 0.012', 'p < 0.0001'."""
    return f"p {probability(p)}" if p < 0.0001 else f"p = {probability(p)}"
