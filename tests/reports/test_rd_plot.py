"""The plot of quality over rate, of runs as crowded as the reference ones."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import combinations
from pathlib import Path

import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.text import Text
from talkbench.reports.aggregate import load
from talkbench.reports.plots import drawing
from talkbench.reports.rd_plot import rate_distortion

KEPT = Path(__file__).parents[2] / "results" / "reference"


@pytest.mark.parametrize("accounting", ["motion", "total"])
@pytest.mark.parametrize("kept", ["sample", "test256", "test512"])
def test_names_and_tick_labels_stand_apart(kept: str, accounting: str) -> None:
    results = load(KEPT / kept)
    with drawing():
        figure = rate_distortion(results, "lpips", f"bpp_{accounting}")
        FigureCanvasAgg(figure).draw()
    axes = figure.axes[0]
    low, high = axes.get_xlim()
    ticks = [
        one.label1
        for one in axes.xaxis.get_major_ticks()
        if low <= one.get_loc() <= high and one.label1.get_text()
    ]
    assert len(ticks) >= 3
    assert not _touching(ticks)
    names = axes.texts
    assert not _touching(names)
    # Of a sweep, the coarsest and the finest point say what it spans.
    assert {"crf51", "crf26"} <= {name.get_text() for name in names}


def _touching(texts: Iterable[Text]) -> list[tuple[str, str]]:
    boxes = [(text.get_text(), text.get_window_extent()) for text in texts]
    return [(one[0], two[0]) for one, two in combinations(boxes, 2) if one[1].overlaps(two[1])]
