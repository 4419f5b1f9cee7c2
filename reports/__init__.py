"""Reports: read the store and nothing else."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .compared_runs import ComparedRuns

KINDS = {
    "html": "report/index.html: plots, tables, videos in step, failures, definitions; opens from disk",
    "plots": "report/plots: rate against quality, ratios and matching CRF as SVG and PDF, a column wide",
    "paper": "report/paper: tables as LaTeX and Markdown, and paper.tex, which shows them with the plots",
    "table": "report/table.csv: means over clips with their intervals",
    "ratios": "report/ratios.csv: at equal quality, how many times the bits a block codec needs",
    "matching": "report/matching.csv: at which CRF a block codec is as good as a point, and the ratio there",
    "differences": "report/differences.csv: points against each other, clip by clip, and what is significant",
    "summary": "report/summary.md: headline, means over clips and ratios, for pasting elsewhere",
    "votes": "report/STUDY: what people voted, as tables, figures and summary, after `bench study analyse`",
    "bd": "report/bd.csv: Bjøntegaard deltas of rate and metric against the first block codec",
}
"""What a report consists of, and what each part is."""


def compare_runs(runs: Sequence[Path]) -> ComparedRuns:
    """Compare two runs or more: `reports.compared_runs.compare_runs`."""
    from . import compared_runs

    return compared_runs.compare_runs(runs)


def build(run: Path) -> Path:
    """Make a run's report: the page, the plots and the tables, anew.

    Args:
        run: a folder made by `bench run`; units may be missing from it, none need have finished.

    Returns:
        path of ``report/index.html``.

    Raises:
        StoreError: `run` is not a run's folder or has no scores yet, or it cannot be written.
    """
    from .aggregate import load, write_table
    from .comparison import compare, write_comparison
    from .html import write_page
    from .paper import write_paper
    from .plots import write_plots
    from .summary import write_summary

    results = load(run)
    comparison = compare(results)
    write_table(results)
    write_comparison(results, comparison)
    write_summary(results, comparison)
    plots = write_plots(results, comparison)
    write_paper(results, comparison, plots)
    return write_page(results, comparison, plots)
