"""How many times the bits block codecs need at equal quality, for print: a dot and its interval a case."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .aggregate import Results
from .comparison import Comparison
from .curves import block_codecs
from .equal_quality import EqualQuality
from .palette import looks
from .plots import COLUMN, label, legend_columns
from .rd_plot import arms
from .wording import metric_name, named

if TYPE_CHECKING:
    from matplotlib.figure import Figure

SHOWN = ("motion", "total")
"""Accountings, a panel each where it has any case."""
ROW, FRAME = 0.13, 0.95
"""Inches: of one case, and of what stands around the panels."""


def ratio_figure(results: Results, comparison: Comparison, metric: str) -> Figure:
    """All points against all block codecs on all clips, on a logarithmic axis with a line at equal rates.

    A dot is open where not all clips count; with an arrow, where those that do not are all on one side: the
    ratio is less (or more) than what is shown.

    Args:
        results: of the run.
        comparison: of its methods.
        metric: at which quality is equal.
    """
    from matplotlib.figure import Figure
    from matplotlib.ticker import LogLocator, NullFormatter

    cases = {
        accounting: [
            at
            for at in comparison.ratios
            if (at.metric, at.subset, at.pairing) == (metric, "all", accounting) and at.ratio.clips
        ]
        for accounting in SHOWN
    }
    points = [
        point for point in results.points if any(at.point == point for side in cases.values() for at in side)
    ]
    anchors = [name for name in block_codecs(results) if any(at.anchor == name for at in cases["total"])]
    anchors = anchors or list(block_codecs(results))
    pitch = len(anchors) + 1
    figure = Figure((COLUMN, FRAME + ROW * pitch * len(points)), layout="constrained")
    shown = [accounting for accounting in SHOWN if cases[accounting]]
    panels = figure.subplots(1, len(shown), sharex=True, sharey=True, squeeze=False)[0]
    drawn = looks(results.methods)
    for axes, accounting in zip(panels, shown, strict=True):
        axes.set_xscale("log")
        axes.axvline(1, color="0.4", linewidth=0.8)
        for anchor in anchors:
            mine = [at for at in cases[accounting] if at.anchor == anchor]
            rows = [points.index(at.point) * pitch + anchors.index(anchor) for at in mine]
            look = drawn[anchor]
            axes.errorbar(
                [at.ratio.mean for at in mine],
                rows,
                xerr=arms([at.ratio for at in mine]),
                color=look.colour,
                marker=look.marker,
                linestyle="none",
                markersize=3.5,
                elinewidth=0.8,
                capsize=1.5,
                label=label(anchor) if axes is panels[0] else None,
            )
            for at, row in zip(mine, rows, strict=True):
                if at.ratio.clips < at.clips:
                    axes.plot(at.ratio.mean, row, look.marker, markersize=3.5, color=look.colour,
                              markerfacecolor="white", zorder=5)  # fmt: skip
                if arrow := _arrow(at):
                    axes.annotate(
                        arrow, (at.ratio.mean, row), (0, 1.5), textcoords="offset points", ha="center",
                        fontsize=5, color=look.colour,
                    )  # fmt: skip
        axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5), numticks=8))
        axes.xaxis.set_major_formatter("{x:g}")
        axes.xaxis.set_minor_formatter(NullFormatter())
        axes.grid(True, axis="x", which="major")
        axes.set_title(accounting, fontsize=8)
        axes.tick_params(axis="y", length=0)
    middle = (len(anchors) - 1) / 2
    panels[0].set_yticks(
        [k * pitch + middle for k in range(len(points))], [label(named(one)) for one in points]
    )
    panels[0].set_ylim(len(points) * pitch - 1, -1)
    figure.supxlabel(f"block codec's bits over the point's, at equal {metric_name(metric)}", fontsize=8)
    figure.legend(loc="outside upper center", ncols=legend_columns(anchors))
    return figure


def _arrow(at: EqualQuality) -> str:
    """The side to which the clips beyond the curve would pull the ratio."""
    if bool(at.worse) == bool(at.better):
        return ""
    return "<" if at.worse else ">"
