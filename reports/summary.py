"""A run on one page of Markdown: the headline, means over clips, and ratios of rates at equal quality."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

from ..core.statistics import CONFIDENCE
from ..core.store import writing
from . import markdown, tables
from .aggregate import Results
from .comparison import Comparison
from .headline import headline, spoken_metric
from .wording import metric_name

COLUMNS = (
    "frame_bytes_motion", "frame_bytes_total", "bpp_motion", "bpp_total", "lpips", "psnr", "ms_ssim", "vmaf",
    "akd", "csim", "fid", "pose_error", "expression_error", "frontal_good_identity", "frontal_good_angle",
    "frontal_good_both", "recognition", "recognition_landmarks", "recognition_chance", "encode_ms",
    "decode_ms",
)  # fmt: skip
"""What the table of means shows of the columns that a run has."""
TITLES: Mapping[str, str] = {
    "ratios": "How many times the bits a block codec needs at equal",
    "matching": "At which setting a block codec has an equal mean",
    "bd": "BD-rate at equal",
    "differences": "Differences, clip by clip, in",
}


def write_summary(results: Results, comparison: Comparison) -> Path:
    """Write ``report/summary.md``.

    Raises:
        StoreError: the folder cannot be written.
    """
    path = results.run / "report" / "summary.md"
    with writing(path) as temporary:
        temporary.write_text("\n".join(_lines(results, comparison)) + "\n", "utf-8", "backslashreplace")
    return path


def _lines(results: Results, comparison: Comparison) -> Iterator[str]:
    dataset = results.manifest["dataset"]
    title = f"{results.manifest['benchmark'].capitalize()} on {dataset['name']}"
    yield f"# {markdown.escaped(title)}"
    yield ""
    sizes = dict.fromkeys(f"{clip['width']}×{clip['height']}" for clip in dataset["clips"])
    frames = sum(clip["frames"] or 0 for clip in dataset["clips"])
    clips = f"{len(results.clips)} clip{'' if len(results.clips) == 1 else 's'}"
    yield f"{clips}, {frames} frames of {', '.join(sizes)}. {CONFIDENCE:.0%} intervals over clips."
    coverage = dataset.get("coverage")
    if coverage:
        yield ""
        yield f"{markdown.escaped(coverage['line'])}."
    yield from body(results, comparison)


def body(results: Results, comparison: Comparison) -> Iterator[str]:
    """The lines after the title: sentences, failures, means, and the comparisons in the metric spoken of."""
    for sentence in headline(results, comparison):
        yield ""
        yield markdown.escaped(sentence)
    if results.failures:
        yield ""
        yield f"{len(results.failures)} failures, missing from the figures."
    shown = [name for name in COLUMNS if name in results.metrics]
    yield from ("", "## Means over clips", "")
    yield from markdown.table(tables.means(results, results.points, shown, "means"))
    metric = spoken_metric(results)
    for table in tables.comparisons(results, comparison, metric) if metric else ():
        yield from (f"## {TITLES[table.name.partition('_')[0]]} {metric_name(metric or '')}", "")
        yield from markdown.table(table)
