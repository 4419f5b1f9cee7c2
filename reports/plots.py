"""Figures for print, one column wide, as SVG and PDF."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..core.store import file_stem, writing
from .aggregate import Results
from .comparison import Comparison
from .contents import contents

if TYPE_CHECKING:
    from matplotlib.figure import Figure

COLUMN = 3.3
"""Inches: the width of a column of a two-column paper."""
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


def write_plots(results: Results, comparison: Comparison) -> list[Path]:
    """Write the figures into ``report/plots``, each as ``.svg`` and ``.pdf``: those with something in them.

    ``rd_METRIC_ACCOUNTING``: each picture metric by bits a pixel. ``ratios_METRIC``: how many times the bits
    the block codecs need at equal quality. ``matching_METRIC``: the block codecs' means by their setting, and
    where the points lie on them.

    Raises:
        StoreError: the folder cannot be written.
    """
    written = []
    with drawing():
        for name, figure in _figures(results, comparison):
            written += save(figure, results.run / "report" / "plots" / file_stem(name))
    return written


def _figures(results: Results, comparison: Comparison) -> Iterator[tuple[str, Figure]]:
    from .matching_plot import matching_figure
    from .ratio_plot import SHOWN, ratio_figure
    from .rd_plot import rate_distortion

    shown = contents(results, comparison)
    if shown.curves:
        for metric in results.pictures:
            for accounting in ("motion", "total"):
                if f"bpp_{accounting}" in results.rates:
                    yield f"rd_{metric}_{accounting}", rate_distortion(results, metric, f"bpp_{accounting}")
    if shown.ratios:
        drawn = (
            at for at in comparison.ratios if at.ratio.clips and at.subset == "all" and at.pairing in SHOWN
        )
        for metric in dict.fromkeys(at.metric for at in drawn):
            yield f"ratios_{metric}", ratio_figure(results, comparison, metric)
    if shown.matching:
        for metric in comparison.matched_metrics:
            yield f"matching_{metric}", matching_figure(results, comparison, metric)


@contextmanager
def drawing() -> Iterator[None]:
    """matplotlib in the style of these figures, and as it was afterwards."""
    logging.getLogger("matplotlib").setLevel(logging.ERROR)  # it mourns every HOME that it cannot write to
    import matplotlib as mpl

    with mpl.rc_context(STYLE), warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph")  # a name in a script that the font lacks shows boxes
        yield


def save(figure: Figure, stem: Path) -> list[Path]:
    """Lay a figure out once and write it as SVG and as PDF, the same bytes for the same figure.

    Raises:
        StoreError: the folder cannot be written.
    """
    from matplotlib.backends.backend_pdf import FigureCanvasPdf
    from matplotlib.backends.backend_svg import FigureCanvasSVG

    layout = figure.get_layout_engine()
    if layout is not None:
        layout.execute(figure)
        figure.set_layout_engine("none")
    # Not by savefig, which draws each figure once more, only to lay it out.
    paths = [stem.with_name(f"{stem.name}{ending}") for ending in (".svg", ".pdf")]
    svg: Any = FigureCanvasSVG(figure)
    with writing(paths[0]) as temporary:
        svg.print_svg(temporary, metadata={"Date": None})
    pdf: Any = FigureCanvasPdf(figure)
    with writing(paths[1]) as temporary:
        pdf.print_pdf(temporary, metadata={"CreationDate": None})
    return paths


def legend_columns(names: Collection[str]) -> int:
    """How many names of a legend stand beside each other in a figure one column wide."""
    sample, sign = 0.42, 0.057  # inches, at the legend's size
    widest = max(map(len, names), default=0)
    return max(1, min(5, len(names), int(COLUMN / (sample + sign * widest))))


def label(name: str) -> str:
    """A name for a legend; matplotlib hides those with _ in front."""
    return f" {name}" if name.startswith("_") else name
