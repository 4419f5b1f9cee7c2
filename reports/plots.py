"""Static rate–distortion plots for print, one column wide."""

from __future__ import annotations

import logging
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..core.statistics import Interval
from ..core.store import file_stem, writing
from .aggregate import Results
from .palette import Look, looks

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

COLUMN = (3.4, 2.7)
"""Width and height in inches: one column of a two-column paper."""
SIDES = ((True, True), (False, False), (False, True), (True, False))
"""Right and above a point, where its name stands: neighbouring methods' names stand apart."""
ALL_NAMED = 4
"""Methods in a plot up to which every point is named; beyond, only the two ends of a curve are."""
STYLE: dict[Any, Any] = {
    "font.size": 8,
    "text.parse_math": False,  # a $ in a name is a $
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.linewidth": 0.6,
    "grid.linewidth": 0.4,
    "grid.alpha": 0.5,
    "legend.frameon": False,
    "legend.fontsize": 7,
    "pdf.fonttype": 42,  # text stays text
    "svg.hashsalt": "talkbench",  # the same results give the same file
}


def write_plots(results: Results) -> list[Path]:
    """Write ``report/plots/rd_METRIC_ACCOUNTING.svg`` and ``.pdf``, each picture metric by bits a pixel.

    Raises:
        StoreError: the folder cannot be written.
    """
    logging.getLogger("matplotlib").setLevel(logging.ERROR)  # it mourns every HOME that it cannot write to
    import matplotlib as mpl
    from matplotlib.backends.backend_pdf import FigureCanvasPdf
    from matplotlib.backends.backend_svg import FigureCanvasSVG

    folder = results.run / "report" / "plots"
    written = []
    with mpl.rc_context(STYLE), warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph")  # a name in a script that the font lacks shows boxes
        for metric in results.pictures:
            for accounting in ("motion", "total"):
                if f"bpp_{accounting}" not in results.rates:
                    continue
                figure = rate_distortion(results, metric, f"bpp_{accounting}")
                stem = file_stem(f"rd_{metric}_{accounting}")
                # Not by savefig, which draws each figure once more, only to lay it out.
                svg: Any = FigureCanvasSVG(figure)
                with writing(folder / f"{stem}.svg") as temporary:
                    svg.print_svg(temporary, metadata={"Date": None})
                pdf: Any = FigureCanvasPdf(figure)
                with writing(folder / f"{stem}.pdf") as temporary:
                    pdf.print_pdf(temporary, metadata={"CreationDate": None})
                written += [folder / f"{stem}.svg", folder / f"{stem}.pdf"]
    return written


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

    figure = Figure(COLUMN, layout="constrained")
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
        figure.legend(loc="outside upper center", ncols=min(4, len(results.methods)))
    layout = figure.get_layout_engine()
    assert layout is not None
    layout.execute(figure)
    figure.set_layout_engine("none")  # laid out once, saved twice
    return figure


def _draw_method(axes: Axes, results: Results, method: str, look: Look, metric: str, rate: str) -> None:
    x, y = results.aggregates[rate], results.aggregates[metric]
    points = [point for point in results.points if point[0] == method and point in x and point in y]
    points.sort(key=lambda point: x[point].mean)
    shown = [point for point in points if x[point].mean > 0]
    style: dict[str, Any] = {"color": look.colour, "label": _label(method)}
    if shown:
        axes.errorbar(
            [x[point].mean for point in shown],
            [y[point].mean for point in shown],
            xerr=_arms([x[point] for point in shown]),
            yerr=_arms([y[point] for point in shown]),
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


def _label(method: str) -> str:
    return f" {method}" if method.startswith("_") else method  # matplotlib hides names with _ in front


def _arms(found: list[Interval]) -> list[list[float]]:
    low = [0.0 if one.low is None else one.mean - one.low for one in found]
    high = [0.0 if one.high is None else one.high - one.mean for one in found]
    return [low, high]
