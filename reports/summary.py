"""A run on one page of Markdown: the headline, means over clips, and ratios of rates at equal quality."""

from __future__ import annotations

import html
import math
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from ..core.statistics import CONFIDENCE, Interval
from ..core.store import writing
from .aggregate import Results
from .comparison import Comparison
from .equal_quality import PAIRINGS, EqualQuality, subsets
from .headline import headline, spoken_metric

COLUMNS = (
    "frame_bytes_motion", "frame_bytes_total", "bpp_motion", "bpp_total", "lpips", "psnr", "ms_ssim", "vmaf",
    "akd", "csim", "fid", "pose_error", "expression_error", "frontal_good_identity", "frontal_good_angle",
    "frontal_good_both", "recognition", "recognition_landmarks", "recognition_chance", "encode_ms",
    "decode_ms",
)  # fmt: skip
"""What the table of means shows of the columns that a run has."""


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
    yield f"# {_text(results.manifest['benchmark'].capitalize())} on {_text(dataset['name'])}"
    yield ""
    sizes = dict.fromkeys(f"{clip['width']}×{clip['height']}" for clip in dataset["clips"])
    frames = sum(clip["frames"] or 0 for clip in dataset["clips"])
    clips = f"{len(results.clips)} clip{'' if len(results.clips) == 1 else 's'}"
    yield f"{clips}, {frames} frames of {', '.join(sizes)}. {CONFIDENCE:.0%} intervals over clips."
    coverage = dataset.get("coverage")
    if coverage:
        yield ""
        yield f"{_text(coverage['line'])}."
    for sentence in headline(results, comparison):
        yield ""
        yield _text(sentence)
    if results.failures:
        yield ""
        yield f"{len(results.failures)} failures, missing from the figures."
    yield from _means(results)
    yield from _ratios(results, comparison)


def _means(results: Results) -> Iterator[str]:
    shown = [name for name in COLUMNS if name in results.metrics]
    yield from ("", "## Means over clips", "")
    units = [results.metrics[name]["unit"] for name in shown]
    heads = [f"{name} ({unit})" if unit else name for name, unit in zip(shown, units, strict=True)]
    yield from _table(
        ["method", "point", *heads],
        (
            [*point, *(_mean(results.aggregates[name].get(point), len(results.clips)) for name in shown)]
            for point in results.points
        ),
    )


def _mean(found: Interval | None, clips: int) -> str:
    if found is None or math.isnan(found.mean):
        return "n/a"
    few = f" ({found.clips} of {clips})" if found.clips < clips and found.low is not None else ""
    ends = "" if found.low is None or found.high is None else f" [{_short(found.low)}, {_short(found.high)}]"
    return f"{_short(found.mean)}{ends}{few}"


def _ratios(results: Results, comparison: Comparison) -> Iterator[str]:
    metric = spoken_metric(results)
    chosen = [at for at in comparison.ratios if at.metric == metric]
    if metric is None or not chosen:
        return
    yield from ("", f"## How many times the bits a block codec needs at equal {metric}", "")
    yield (
        "Above 1 the point needs fewer bits. Geometric means over the clips on which the point's quality "
        "lies within the codec's curve; after `≤`, the mean that takes the clips on which the point is worse "
        "than the codec at its lowest rate as if it were as good. Accountings: `motion` without source "
        "picture and container, `total` with, `amortised` with them spread over a call, `as published` the "
        "point's motion against the codec's total."
    )
    for subset, clips in subsets(results).items():
        yield from ("", f"On {subset} clips ({len(clips)}):" if subset != "all" else "On all clips:", "")
        cases = {(at.point, at.anchor): at for at in chosen if at.subset == subset}
        rows = (
            [
                " ".join(point),
                anchor,
                *(_ratio(comparison.by_case[metric, subset, point, anchor, name]) for name in PAIRINGS),
            ]
            for point, anchor in cases
        )
        yield from _table(["point", "against", *PAIRINGS], rows)


def _ratio(at: EqualQuality) -> str:
    if not at.bound.clips:
        return "n/a"
    said = [_times(at.ratio)] if at.ratio.clips else []
    if at.ratio.clips < at.clips:
        said.append(f"({at.ratio.clips} of {at.clips})")
    if at.worse or at.better:
        side = "≈" if at.worse and at.better else "≤" if at.worse else "≥"
        said.append(f"{side} {_times(at.bound)}")
    return " ".join(said)


def _times(found: Interval) -> str:
    ends = "" if found.low is None or found.high is None else f" [{_short(found.low)}, {_short(found.high)}]"
    return f"{_short(found.mean)}×{ends}"


def _short(number: float) -> str:
    return f"{number:.0f}" if abs(number) >= 1000 else f"{number:.3g}"


def _table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[str]:
    for row in (heads, ["---"] * len(heads), *rows):
        yield f"| {' | '.join(_text(cell) for cell in row)} |"


def _text(text: str) -> str:
    """A name or sentence that Markdown takes for nothing else."""
    return " ".join(html.escape(text, quote=False).replace("|", "\\|").split())
