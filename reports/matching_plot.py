"""The block codecs' mean quality by their setting, and where points lie on it, for print."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from .aggregate import Results
from .comparison import Comparison
from .matching import Matching, swept
from .palette import looks
from .plots import COLUMN, label, legend_columns
from .rd_plot import arms
from .wording import metric_name, named

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

HEIGHT = 2.6
"""Inches."""


def matching_figure(results: Results, comparison: Comparison, metric: str) -> Figure:
    """Each block codec's curve over its setting, each other point's mean as a dotted line, and on the curve,
    where they meet, a dot with the interval of the setting.

    Args:
        results: of the run.
        comparison: of its methods.
        metric: a picture metric with values by clip.
    """
    from matplotlib.figure import Figure

    known = [at for at in comparison.matchings if (at.metric, at.subset) == (metric, "all") and at.at.clips]
    figure = Figure((COLUMN, HEIGHT), layout="constrained")
    axes = figure.add_subplot()
    drawn, means = looks(results.methods), results.aggregates[metric]
    settings = []
    for anchor in dict.fromkeys(at.anchor for at in known):
        setting, numbers = swept(results, anchor)
        settings.append(setting)
        points = sorted((number, point) for point, number in numbers.items() if point in means)
        found = [means[point] for _, point in points]
        axes.errorbar(
            [number for number, _ in points],
            [one.mean for one in found],
            yerr=arms(found),
            color=drawn[anchor].colour,
            marker=drawn[anchor].marker,
            linestyle=drawn[anchor].line,
            markersize=3,
            linewidth=1.1,
            elinewidth=0.5,
            capsize=1.2,
            label=label(anchor),
        )
    low, high = axes.get_xlim()
    for at in known:
        _mark(axes, at, drawn[at.point[0]].colour, (low, high), results.aggregates[metric][at.point].mean)
    for point in dict.fromkeys(at.point for at in known):
        axes.axhline(means[point].mean, color=drawn[point[0]].colour, linestyle=":", linewidth=0.9)
        axes.annotate(
            label(named(point)), (1, means[point].mean), (-1, 1), xycoords=("axes fraction", "data"),
            textcoords="offset points", ha="right", va="bottom", fontsize=5, color=drawn[point[0]].colour,
        )  # fmt: skip
    axes.set_xlim(low, high)
    about = results.metrics[metric]
    unit = f" [{about['unit']}]" if about["unit"] else ""
    axes.set_ylabel(f"mean {metric_name(metric)}{unit}, {about['direction']} is better")
    axes.set_xlabel(" or ".join(dict.fromkeys(name.upper() for name in settings)))
    axes.grid(True)
    figure.legend(loc="outside upper center", ncols=legend_columns({at.anchor for at in known}))
    return figure


def _mark(axes: Axes, at: Matching, colour: str, limits: tuple[float, float], height: float) -> None:
    if not math.isfinite(at.at.mean):
        return
    if at.at.low is not None and at.at.high is not None:
        ends = max(at.at.low, limits[0]), min(at.at.high, limits[1])
        axes.plot(ends, (height, height), color=colour, linewidth=2.2, alpha=0.6, solid_capstyle="butt")
    axes.plot(at.at.mean, height, "o", color=colour, markersize=4, zorder=6)
