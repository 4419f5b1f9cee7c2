"""Quality over rate, for print."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
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
Curve = list[tuple[str, float, float]]
"""Points' names, rates and qualities."""
NAME = 5
"""Size of a point's name, in points."""


def rate_distortion(results: Results, metric: str, rate: str) -> Figure:
    """One plot: mean quality against mean rate on a logarithmic axis, with intervals.

    A point without rate has no place on that axis: its quality is a dotted line across. A marker is open
    where not all clips count. A point is named where its name has room, the ends of curves before others.

    Args:
        results: of the run.
        metric: a picture metric's column.
        rate: a rate's column, such as ``bpp_total``.
    """
    from matplotlib.figure import Figure

    figure = Figure((COLUMN, HEIGHT), layout="constrained")
    axes = figure.add_subplot(xscale="log")
    drawn = looks(results.methods)
    curves = {
        method: _draw_method(axes, results, method, look, metric, rate) for method, look in drawn.items()
    }
    _set_ticks(axes)
    about = results.metrics[metric]
    unit = f" [{about['unit']}]" if about["unit"] else ""
    # In words: an arrow lies outside of Latin-1, and would embed the font in the PDF a second time.
    axes.set_ylabel(f"{metric}{unit}, {about['direction']} is better")
    name, _, accounting = rate.rpartition("_")
    axes.set_xlabel(f"{name} [{results.metrics[rate]['unit']}], {accounting}")
    axes.grid(True, which="major")
    if axes.has_data():
        figure.legend(loc="outside upper center", ncols=legend_columns(results.methods))
    _name_points(axes, curves, drawn)
    return figure


def _set_ticks(axes: Axes) -> None:
    """Plain numbers on the axis of rates, as many as have room; once everything is drawn."""
    from matplotlib.ticker import LogLocator, NullFormatter

    low, high = axes.get_xlim()
    decades = math.log10(high / low)
    digits = (1, 2, 5) if decades < 2 else (1, 3) if decades < 3 else (1,)
    axes.xaxis.set_major_locator(LogLocator(subs=digits))
    axes.xaxis.set_major_formatter("{x:g}")
    axes.xaxis.set_minor_formatter(NullFormatter())


def _name_points(axes: Axes, curves: Mapping[str, Curve], drawn: Mapping[str, Look]) -> None:
    """Points' names where they have room, those of the ends of curves first; once everything is drawn."""
    import textalloc

    curves = {method: curve for method, curve in curves.items() if curve}
    if not curves:
        return
    points = [
        (at not in (0, len(curve) - 1), drawn[method].colour, *point)
        for method, curve in curves.items()
        for at, point in enumerate(curve)
    ]
    columns = zip(*sorted(points, key=lambda point: point[0]), strict=True)
    _, colours, names, x, y = map(list, columns)
    axes.autoscale(False)  # the lines from points to names do not move the limits
    textalloc.allocate(
        axes, x, y, names, textsize=NAME, textcolor=colours, linecolor=colours, linewidth=0.4, draw_all=False,
        x_scatter=x, y_scatter=y,
        x_lines=[[rate for _, rate, _ in curve] for curve in curves.values()],
        y_lines=[[quality for _, _, quality in curve] for curve in curves.values()],
        margin=0.006, min_distance=0.02, max_distance=0.08,
        avoid_label_lines_overlap=True, avoid_crossing_label_lines=True,
    )  # fmt: skip
    figure: Any = axes.get_figure()
    figure.set_layout_engine("none")  # it is laid out by now, and the names fit that layout


def _draw_method(axes: Axes, results: Results, method: str, look: Look, metric: str, rate: str) -> Curve:
    """A method's points with a rate, from the lowest: name, rate, quality."""
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
    for point in points:
        place = (x[point].mean, y[point].mean)
        if point not in shown:
            axes.axhline(place[1], linestyle=":", linewidth=1.1, **style)
        elif min(x[point].clips, y[point].clips) < len(results.clips):  # open: not all clips count
            axes.plot(
                *place, look.marker, markersize=3.5, color=look.colour, markerfacecolor="white", zorder=5
            )
    return [(point[1], x[point].mean, y[point].mean) for point in shown if math.isfinite(y[point].mean)]


def arms(found: Sequence[Interval], scale: float = 1) -> list[list[float]]:
    """How far intervals reach to both sides, times `scale`, for error bars; 0 where there is none."""
    # By rounding, the ends of equal values may lie beside their mean.
    low = [0.0 if one.low is None else scale * max(0.0, one.mean - one.low) for one in found]
    high = [0.0 if one.high is None else scale * max(0.0, one.high - one.mean) for one in found]
    return [low, high]
