"""The page: one file that opens from disk, but for the videos beside it."""

from __future__ import annotations

import json
import math
import shlex
from collections.abc import Iterable, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any
from urllib.parse import quote

from ..core.rates import ACCOUNTINGS
from ..core.statistics import CONFIDENCE, RESAMPLES, Interval
from ..core.store import read_frames, video_path, writing
from . import bd_rate
from .aggregate import Point, Results
from .comparison import Comparison
from .curves import block_codecs, counted
from .equal_quality import LEAST_POINTS, STILL, subsets
from .headline import headline
from .palette import looks
from .published_values import measured_cell, published_tables
from .sets import set_notes

HERE = Path(__file__).parent
PAGE = HERE / "page"
SCRIPTS = ("page.js", "rd.js", "ratios.js", "tables.js", "viewer.js")
FRAME_VALUES = 3_000_000
"""Per-frame values that a page holds at most: about 20 MB of text."""


def write_page(results: Results, comparison: Comparison, plots: Sequence[Path]) -> Path:
    """Write ``report/index.html``.

    Args:
        results: of the run.
        comparison: of its methods.
        plots: files beside the page that it links to.

    Raises:
        StoreError: the folder cannot be written.
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
        anchors=block_codecs(results),
        still=STILL,
        least={"ratio": LEAST_POINTS, "bd": bd_rate.LEAST_POINTS, "overlap": bd_rate.LEAST_OVERLAP},
        looks=looks(results.methods),
        settings=settings(results),
        set_notes=set_notes(results.sets),
        definitions=definitions(results),
        decimals={metric: decimals(results, metric) for metric in results.metrics},
        config=json.dumps(results.manifest["config"], indent=1, ensure_ascii=False),
        command=shlex.join(results.manifest["command"]),
        confidence=f"{CONFIDENCE:.0%}",
        resamples=RESAMPLES,
        style=(PAGE / "page.css").read_text("utf-8"),
        scripts=[(PAGE / name).read_text("utf-8") for name in SCRIPTS],
        plotly=get_plotlyjs(),
        published=published_tables(results.manifest["benchmark"]),
        measured=measured_cell,
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


def decimals(results: Results, metric: str) -> int:
    """Places after the point, one count for a whole column, so that its smallest mean keeps three digits."""
    means = [abs(found.mean) for found in results.aggregates[metric].values()]
    least = min((mean for mean in means if 0 < mean < math.inf), default=1.0)
    return min(6, max(2, 2 - math.floor(math.log10(least))))


def definitions(results: Results) -> dict[str, list[str]]:
    """Columns by metric: of one metric, with one definition and one signature."""
    found: dict[str, list[str]] = {}
    for column, about in results.metrics.items():
        found.setdefault(about["metric"], []).append(column)
    return found


def settings(results: Results) -> dict[str, tuple[dict[str, str], dict[str, dict[str, str]]]]:
    """By method: what its points have in common, and by point what is its own."""
    found = {}
    for method in results.methods:
        by_point = {
            point: dict(results.manifest["methods"].get(method, {}).get(point, {}).get("describe", {}))
            for owner, point in results.points
            if owner == method
        }
        first = next(iter(by_point.values()))
        common = {
            key: value
            for key, value in first.items()
            if all(own.get(key) == value for own in by_point.values())
        }
        own = {
            point: {key: value for key, value in described.items() if key not in common}
            for point, described in by_point.items()
        }
        found[method] = (common, own)
    return found


def page_data(results: Results, plots: Sequence[Path]) -> dict[str, Any]:
    """What the page's scripts read: lists are in the order of `points` and `clips`; no NaN, but None."""
    table = settings(results)
    drawn = looks(results.methods)
    shapes = {clip["name"]: clip for clip in results.manifest["dataset"]["clips"]}
    frames, without_frames = frame_values(results)
    return {
        "clips": [
            {
                "name": clip,
                "frames": shapes[clip]["frames"] or 0,
                "fps": float(Fraction(shapes[clip]["fps"])),
                "width": shapes[clip]["width"],
                "height": shapes[clip]["height"],
                "video": _video(results, "reference", "", clip) if shapes[clip]["frames"] else None,
            }
            for clip in results.clips
        ],
        "methods": {method: vars(drawn[method]) for method in results.methods},
        "points": [
            {"method": method, "name": point, "settings": table[method][1][point] or table[method][0]}
            for method, point in results.points
        ],
        "metrics": {
            name: {
                "unit": about["unit"],
                "direction": about["direction"],
                "decimals": decimals(results, name),
            }
            for name, about in results.metrics.items()
        },
        "pictures": results.pictures,
        "rates": results.rates,
        "accountings": ACCOUNTINGS,
        "aggregates": {
            metric: [_aggregate(by_point.get(point)) for point in results.points]
            for metric, by_point in results.aggregates.items()
        },
        "values": {
            metric: [
                [_finite(by_point.get(point, {}).get(clip)) for clip in results.clips]
                for point in results.points
            ]
            for metric, by_point in results.values.items()
        },
        "videos": [[_unit_video(results, point, clip) for clip in results.clips] for point in results.points],
        "frames": frames,
        "withoutFrames": without_frames,
        "plots": {path.name: f"plots/{quote(path.name)}" for path in plots},
    }


def compared(results: Results, comparison: Comparison) -> dict[str, Any]:
    """What the page's scripts read of methods against each other: one short list a cell of its tables."""
    ratios: dict[str, Any] = {}
    for at in comparison.ratios:
        found = ratios
        for name in (at.metric, at.subset, at.anchor, at.pairing):
            found = found.setdefault(name, {})
        inside, ends, reasons = _ends(at.ratio), _ends(at.bound), counted(at.refused)
        found[str(results.points.index(at.point))] = [
            *inside,
            at.ratio.clips,
            at.worse,
            at.better,
            *ends,
            reasons,
        ]
    deltas: dict[str, Any] = {}
    for delta in comparison.deltas:
        rate, quality = ([*_ends(found), found.clips] for found in (delta.rate, delta.quality))
        cell = [*rate, *quality, _finite(delta.overlap.mean), counted(delta.refused)]
        deltas.setdefault(delta.metric, {}).setdefault(delta.accounting, {})[delta.method] = cell
    return {
        "ratios": ratios,
        "deltas": deltas,
        "deltaAnchor": bd_rate.anchor_of(results),
        "subsets": {name: len(clips) for name, clips in subsets(results).items()},
    }


def _ends(found: Interval) -> tuple[float | None, float | None, float | None]:
    return _finite(found.mean), _finite(found.low), _finite(found.high)


def _finite(value: float | None) -> float | None:
    return None if value is None or not math.isfinite(value) else float(f"{value:.6g}")


def _aggregate(found: Interval | None) -> dict[str, float | int | None] | None:
    if found is None:
        return None
    return {
        "mean": _finite(found.mean),
        "low": _finite(found.low),
        "high": _finite(found.high),
        "clips": found.clips,
    }


def _video(results: Results, method: str, point: str, clip: str) -> str | None:
    """Address of a video as the page has to write it, or None where there is no such file."""
    path = video_path(method, point, clip)
    return quote(path.relative_to("report").as_posix()) if (results.run / path).is_file() else None


def _unit_video(results: Results, point: Point, clip: str) -> str | None:
    unit = results.units.get((point, clip))
    return _video(results, *point, clip) if unit is not None and unit.get("video") else None


def frame_values(results: Results) -> tuple[list[list[dict[str, list[float | None]] | None]], int]:
    """Per-frame values by point and clip, to four digits, and how many were too many for the page."""
    count = sum(unit["frames"] for unit in results.units.values()) * len(results.pictures)
    if count > FRAME_VALUES:
        return [], count

    def of(point: Point, clip: str) -> dict[str, list[float | None]] | None:
        unit = results.units.get((point, clip))
        if unit is None:
            return None
        table = read_frames(results.run, unit["key"])
        columns = [name for name in results.pictures if name in table]
        return {name: _short(table[name]) for name in columns}

    return [[of(point, clip) for clip in results.clips] for point in results.points], 0


def _short(values: Iterable[float]) -> list[float | None]:
    return [float(f"{value:.4g}") if math.isfinite(value) else None for value in values]
