"""The page: one file that opens from disk; beside it lie the videos, and what is too much for one file."""

from __future__ import annotations

import json
import math
import shlex
from collections.abc import Sequence
from pathlib import Path

from ..core.statistics import CONFIDENCE, RESAMPLES
from ..core.store import writing
from . import bd_rate, wording
from .aggregate import Results
from .comparison import Comparison
from .contents import contents
from .equal_quality import LEAST_POINTS, PAIRINGS, STILL
from .frame_packs import write_packs
from .headline import headline, spoken_metric
from .page_data import compared, decimals, page_data, settings
from .paired import SIGNIFICANT, caution
from .palette import looks
from .published_values import measured_cell, published_tables
from .sets import set_notes
from .speed import speed_rows
from .study.account import accounts

HERE = Path(__file__).parent
PAGE = HERE / "page"
SCRIPTS = (
    "page.js", "rate_distortion.js", "ratios.js", "tables.js", "bits.js", "frame_values.js", "timelines.js",
    "views.js", "viewer.js", "matrix.js",
)  # fmt: skip
"""In the order in which they run."""
STYLES = ("page.css", "viewer.css")


def write_page(results: Results, comparison: Comparison, plots: Sequence[Path]) -> Path:
    """Write ``report/index.html``, and ``report/data`` where values by frame are too many for it.

    Args:
        results: of the run.
        comparison: of its methods.
        plots: files beside the page that it links to.

    Raises:
        StoreError: a table of the run is damaged, or the folder cannot be written.
    """
    from jinja2 import Environment, FileSystemLoader, StrictUndefined
    from plotly.offline import get_plotlyjs

    environment = Environment(
        loader=FileSystemLoader([PAGE, HERE]),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.policies["json.dumps_kwargs"] = {"allow_nan": False, "separators": (",", ":")}
    path = results.run / "report" / "index.html"
    text = environment.get_template("page.html").render(
        results=results,
        manifest=results.manifest,
        frames=sum(clip["frames"] or 0 for clip in results.manifest["dataset"]["clips"]),
        data=page_data(results, plots) | compared(results, comparison),
        headline=headline(results, comparison),
        comparison=comparison,
        contents=contents(results, comparison),
        spoken=spoken_metric(results),
        significant=SIGNIFICANT,
        caution=caution,
        pairings=tuple(PAIRINGS),
        wording=wording,
        still=STILL,
        least={"ratio": LEAST_POINTS, "bd": bd_rate.LEAST_POINTS, "overlap": bd_rate.LEAST_OVERLAP},
        looks=looks(results.methods),
        settings=settings(results),
        set_notes=set_notes(results.sets),
        speeds=speed_rows(results),
        packs=write_packs(results, path.parent / "data"),
        definitions=definitions(results),
        decimals={metric: decimals(results, metric) for metric in results.metrics},
        config=json.dumps(results.manifest["config"], indent=1, ensure_ascii=False),
        command=shlex.join(results.manifest["command"]),
        confidence=f"{CONFIDENCE:.0%}",
        resamples=RESAMPLES,
        styles=[(PAGE / name).read_text("utf-8") for name in STYLES],
        scripts=[(PAGE / name).read_text("utf-8") for name in SCRIPTS],
        plotly=get_plotlyjs(),
        published=published_tables(results.manifest["benchmark"]),
        measured=measured_cell,
        accounts=accounts(results.run),
        number=number,
        finite=math.isfinite,
    )
    with writing(path) as temporary:
        temporary.write_text(text, "utf-8", "backslashreplace")  # a path may hold bytes that are no text
    return path


def number(value: float | None, places: int) -> str:
    """A value for reading, `n/a` where there is none."""
    if value is None or math.isnan(value):
        return "n/a"
    return f"{value:.{places}f}" if math.isfinite(value) else "∞"


def definitions(results: Results) -> dict[str, list[str]]:
    """Columns by metric: of one metric, with one definition and one signature."""
    found: dict[str, list[str]] = {}
    for column, about in results.metrics.items():
        found.setdefault(about["metric"], []).append(column)
    return found
