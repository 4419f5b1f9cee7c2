"""Votes as figures for print: shares over the CRF, one scale for all, opinion scores.

Source: Wang et al., CVPR 2021, Fig. 11 right; appendix, Fig. 5b and c.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np

from ...core.statistics import Interval
from ..aggregate import Point, Results
from ..palette import Look, looks
from ..plots import COLUMN, label
from ..rd_plot import arms
from ..wording import named
from .analysis import Analysis, Crossed

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

HEIGHT = 2.4
"""Inches."""
LINE = 0.22
"""Inches of height for a point in a list of them."""


def figures(results: Results, analysis: Analysis) -> Iterator[tuple[str, str, Figure]]:
    """By name of the file, what each figure shows, in words; `plots.drawing` must be active."""
    drawn = looks(list(dict.fromkeys((*results.methods, *_methods(analysis)))))
    for codec in dict.fromkeys(one.codec for one in analysis.crossed):
        crossed = [one for one in analysis.crossed if one.codec == codec]
        setting = crossed[0].setting.upper()
        yield (
            f"votes_{codec}",
            f"Share of votes for {_names(crossed)} against {codec}, by {setting} of {codec}",
            _over_setting(crossed, drawn),
        )
    if len(analysis.strengths) > 2:
        rows = [(one.point, one.score) for one in analysis.strengths]
        yield "scores", "All on one scale (Bradley–Terry)", _listed(rows, "preference score, log-odds", drawn)
    for attribute in dict.fromkeys(one.attribute for one in analysis.opinions):
        name = attribute.replace("_", " ")
        rows = [(one.point, one.mean) for one in analysis.opinions if one.attribute == attribute]
        yield f"opinions_{attribute}", f"Mean opinion scores: {name}", _listed(rows, f"{name}, 1 to 5", drawn)


def _methods(analysis: Analysis) -> list[str]:
    points = [one.point for one in analysis.strengths] + [one.point for one in analysis.opinions]
    return [method for method, _ in points]


def _names(crossed: Sequence[Crossed]) -> str:
    return ", ".join(named(one.point) for one in crossed)


def _over_setting(crossed: Sequence[Crossed], drawn: dict[str, Look]) -> Figure:
    """Shares of votes over a codec's setting with their intervals, fitted curves, and where they cross."""
    from matplotlib.figure import Figure

    figure = Figure((COLUMN, HEIGHT), layout="constrained")
    axes = figure.add_subplot()
    axes.axhline(50, color="0.45", linewidth=0.7, linestyle="--")
    several = len(crossed) > 1
    for number, one in enumerate(crossed):
        look = drawn[one.point[0]]
        at = np.array(one.found.asked) + (number - (len(crossed) - 1) / 2) * (0.3 if several else 0)
        shares = [found.share for found in one.shown]
        fine = np.linspace(one.found.asked[0], one.found.asked[-1], 101)
        curve = 100 / (1 + np.exp(-(one.found.intercept + one.found.slope * fine)))
        axes.plot(fine, curve, color=look.colour, linestyle=look.line, linewidth=0.9, alpha=0.8)
        axes.errorbar(
            at,
            [100 * share.mean for share in shares],
            yerr=arms(shares, 100),
            color=look.colour,
            marker=look.marker,
            linestyle="none",
            markersize=3.5,
            elinewidth=0.8,
            capsize=1.8,
            label=label(f"{named(one.point)} preferred"),
        )
        _mark(axes, one, look.colour)
    axes.set_ylim(0, 100)
    axes.set_xticks(sorted({crf for one in crossed for crf in one.found.asked}))
    axes.set_xlabel(f"{crossed[0].setting.upper()} of {crossed[0].codec}")
    axes.set_ylabel("share of votes [%]")
    axes.grid(True)
    figure.legend(loc="outside upper center", ncols=2)
    return figure


def _mark(axes: Axes, one: Crossed, colour: str) -> None:
    """The crossing, a dot on the line of equal votes, and its interval as a bar there."""
    at = one.found.at
    if at.low is not None and at.high is not None:
        low, high = np.clip((at.low, at.high), one.found.asked[0], one.found.asked[-1])
        if high > low:
            axes.plot((low, high), (50, 50), color=colour, linewidth=5, alpha=0.4, solid_capstyle="butt")
    if math.isfinite(at.mean):
        axes.plot(at.mean, 50, "o", color=colour, markersize=4.5, markerfacecolor="white", zorder=6)
        axes.annotate(
            f"{at.mean:.1f}", (at.mean, 50), (7, -8), textcoords="offset points", ha="left", va="top",
            fontsize=7, color=colour,
        )  # fmt: skip


def _listed(rows: Sequence[tuple[Point, Interval]], about: str, drawn: dict[str, Look]) -> Figure:
    """Points below each other, the best on top, with their intervals."""
    from matplotlib.figure import Figure

    figure = Figure((COLUMN, 0.6 + LINE * len(rows)), layout="constrained")
    axes = figure.add_subplot()
    for height, (point, found) in enumerate(reversed(rows)):
        look = drawn[point[0]]
        axes.errorbar(
            found.mean,
            height,
            xerr=arms([found]),
            color=look.colour,
            marker=look.marker,
            markersize=4,
            elinewidth=0.8,
            capsize=1.8,
        )
    axes.set_yticks(range(len(rows)), [label(named(point)) for point, _ in reversed(rows)])
    axes.set_ylim(-0.6, len(rows) - 0.4)
    axes.set_xlabel(about)
    axes.grid(True, axis="x")
    return figure
