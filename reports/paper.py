"""What goes into a paper: tables as LaTeX and Markdown, and a document that shows them with the figures."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from ..core.store import file_stem, writing
from . import latex, markdown, tables
from .aggregate import Results
from .comparison import Comparison
from .headline import spoken_metric
from .paired import named_points

FOLDER = Path("report") / "paper"
COLUMNS = (
    "frame_bytes_motion", "frame_bytes_total", "lpips", "psnr", "ms_ssim", "akd", "csim", "fid", "pose_error",
    "expression_error", "frontal_good_identity", "frontal_good_angle", "frontal_good_both", "recognition",
    "recognition_landmarks", "recognition_chance",
)  # fmt: skip
WIDEST = 6
"""Columns of numbers that fit on a page: the first of COLUMNS that a run has."""


def write_paper(results: Results, comparison: Comparison, plots: Sequence[Path]) -> list[Path]:
    """Write ``report/paper``: a ``.tex`` for each table, ``tables.md`` with all, and ``paper.tex``.

    The table of means is of the points that the paired differences are of: of a swept block codec those
    whose rate is nearest to another method's. `paper.tex` shows the tables and plots of the metric that the
    headline speaks of.

    Args:
        results: of the run.
        comparison: of its methods.
        plots: figures, as `write_plots` returns them.

    Raises:
        StoreError: the folder cannot be written.
    """
    folder, spoken = results.run / FOLDER, spoken_metric(results)
    shown = [name for name in COLUMNS if name in results.metrics][:WIDEST]
    made = [tables.means(results, named_points(results), shown, "means")] if shown else []
    metrics = dict.fromkeys(
        [*filter(None, [spoken]), *comparison.families, *(at.metric for at in comparison.ratios)]
    )
    made += [table for metric in metrics for table in tables.comparisons(results, comparison, metric)]
    written = []
    for table in made:
        written.append(folder / f"{file_stem(table.name)}.tex")
        _write(written[-1], latex.table(table))
    written.append(folder / "tables.md")
    lines = [
        line for table in made for line in (f"## {markdown.escaped(table.name)}", "", *markdown.table(table))
    ]
    _write(written[-1], "\n".join(lines))
    written.append(folder / "paper.tex")
    names = [
        file_stem(table.name) for table in made if table.name == "means" or table.name.endswith(f"_{spoken}")
    ]
    figures = [
        (f"../plots/{path.name}", _caption(path.stem))
        for path in plots
        if path.suffix == ".pdf" and f"_{spoken}" in path.stem
    ]
    _write(written[-1], latex.document(names, figures))
    return written


def _caption(stem: str) -> str:
    kind = stem.partition("_")[0]
    return {
        "rd": "Quality over rate: means over clips with bootstrap intervals; open where not all clips count.",
        "ratios": "How many times the point's bits a block codec needs at equal quality.",
        "matching": "Block codecs' mean quality over their setting, and where points lie on it.",
    }[kind]


def _write(path: Path, text: str) -> None:
    with writing(path) as temporary:
        temporary.write_text(text, "utf-8", "backslashreplace")
