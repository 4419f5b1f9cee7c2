"""Quality over rate, for print."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from ..core.statistics import Interval
from .aggregate import Results
from .palette import Look, looks
from .plots import COLUMN, label, legend_columns

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

HEIGHT = 2.7
"""Inches."""
SIDES = ((True, True), (False, False), (False, True), (True, False))
"""Right and above a point, where its name stands: neighbouring methods' names stand apart."""
ALL_NAMED = 4
"""Methods in a plot up to which every point is named; beyond, only the two ends of a curve are."""


def rate_distortion(results: Results, metric: str, rate: str) -> Figure:
    """One plot: mean quality against mean rate on a logarithmic axis, with intervals.

    A point without rate has no place on that axis: its quality is a dotted line across. A marker is open
    where not all clips count.

    Args:
        results: of the run.
        metric: a picture metric's column.
        rate: a rate's column, such as ``bpp_total``.
    """
    from matplotlib.figure import Figure
    from matplotlib.ticker import LogLocator, NullFormatter

    figure = Figure((COLUMN, HEIGHT), layout="constrained")
    axes = figure.add_subplot(xscale="log")
    axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axes.xaxis.set_major_formatter("{x:g}")
    axes.xaxis.set_minor_formatter(NullFormatter())
    for method, look in looks(results.methods).items():
        _draw_method(axes, results, method, look, metric, rate)
    about = results.metrics[metric]
    unit = f" [{about['unit']}]" if about["unit"] else ""
    # In words: an arrow lies outside of Latin-1, and would embed the font in the PDF a second time.
    axes.set_ylabel(f"{metric}{unit}, {about['direction']} is better")
    name, _, accounting = rate.rpartition("_")
    axes.set_xlabel(f"{name} [{results.metrics[rate]['unit']}], {accounting}")
    axes.grid(True, which="major")
    if axes.has_data():
        figure.legend(loc="outside upper center", ncols=legend_columns(results.methods))
    return figure


def _draw_method(axes: Axes, results: Results, method: str, look: Look, metric: str, rate: str) -> None:
    x, y = results.aggregates[rate], results.aggregates[metric]
    points = [point for point in results.points if point[0] == method and point in x and point in y]
    points.sort(key=lambda point: x[point].mean)
    shown = [point for point in points if x[point].mean > 0]
    style: dict[str, Any] = {"color": look.colour, "label": label(method)}
    if shown:
        axes.errorbar(
            [x[point].mean for point in shown],
            [y[point].mean for point in shown],
            xerr=arms([x[point] for point in shown]),
            yerr=arms([y[point] for point in shown]),
            marker=look.marker,
            linestyle=look.line,
            markersize=3.5,
            linewidth=1.1,
            elinewidth=0.5,
            capsize=1.2,
            **style,
        )
    right, above = SIDES[results.methods.index(method) % len(SIDES)]
    for point in points:
        place = (x[point].mean, y[point].mean)
        if point not in shown:
            axes.axhline(place[1], linestyle=":", linewidth=1.1, **style)
            continue
        if len(results.methods) <= ALL_NAMED or point in (shown[0], shown[-1]):
            axes.annotate(
                point[1],
                place,
                (2.5 if right else -2.5, 2.5 if above else -2.5),
                textcoords="offset points",
                horizontalalignment="left" if right else "right",
                verticalalignment="bottom" if above else "top",
                fontsize=5,
                color=look.colour,
            )
        if min(x[point].clips, y[point].clips) < len(results.clips):  # open: not all clips count
            axes.plot(
                *place, look.marker, markersize=3.5, color=look.colour, markerfacecolor="white", zorder=5
            )


def arms(found: Sequence[Interval], scale: float = 1) -> list[list[float]]:
    """How far intervals reach to both sides, times `scale`, for error bars; 0 where there is none."""
    # By rounding, the ends of equal values may lie beside their mean.
    low = [0.0 if one.low is None else scale * max(0.0, one.mean - one.low) for one in found]
    high = [0.0 if one.high is None else scale * max(0.0, one.high - one.mean) for one in found]
    return [low, high]
