"""What the page's scripts read."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any
from urllib.parse import quote

from ..core.bitstream import Kind
from ..core.rates import ACCOUNTINGS
from ..core.statistics import Interval, mean_intervals
from ..core.store import video_path
from . import bd_rate
from .aggregate import Point, Results
from .comparison import Comparison
from .curves import counted, value
from .equal_quality import subsets
from .palette import looks


def decimals(results: Results, metric: str) -> int:
    """Places after the point, one count for a whole column, so that its smallest mean keeps three digits."""
    means = [abs(found.mean) for found in results.aggregates[metric].values()]
    least = min((mean for mean in means if 0 < mean < math.inf), default=1.0)
    return min(6, max(2, 2 - math.floor(math.log10(least))))


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
                "metric": about["metric"],
                "unit": about["unit"],
                "direction": about["direction"],
                "decimals": decimals(results, name),
            }
            for name, about in results.metrics.items()
        },
        "pictures": results.pictures,
        "rates": results.rates,
        "accountings": ACCOUNTINGS,
        "aggregates": {name: means(results, clips) for name, clips in subsets(results).items()},
        "values": {
            metric: [
                [_finite(by_point.get(point, {}).get(clip)) for clip in results.clips]
                for point in results.points
            ]
            for metric, by_point in results.values.items()
        },
        "videos": [[_unit_video(results, point, clip) for clip in results.clips] for point in results.points],
        "bytes": chunk_bytes(results),
        "failed": sorted(
            {
                (results.points.index(point), results.clips.index(clip))
                for failure in results.failures
                if (point := (failure["method"], failure["point"])) in results.points
                and (clip := failure["clip"]) in results.clips
            }
        ),
        "plots": {path.name: f"plots/{quote(path.name)}" for path in plots},
    }


def means(results: Results, clips: Sequence[str]) -> dict[str, list[dict[str, float | int | None] | None]]:
    """By metric, each point's mean over some of the clips; over all of them those that the tables show."""
    found: dict[str, Mapping[Point, Interval]] = dict(results.aggregates)
    if len(clips) < len(results.clips):
        metrics = (*results.pictures, *results.rates)
        cells = [(metric, point) for metric in metrics for point in results.points]
        rows = [[value(results, metric, point, clip) for clip in clips] for metric, point in cells]
        intervals = iter(mean_intervals(rows, seed=int(results.manifest.get("seed", 0))))
        found = {metric: {point: next(intervals) for point in results.points} for metric in metrics}
    return {
        metric: [_aggregate(by_point.get(point)) for point in results.points]
        for metric, by_point in found.items()
    }


def chunk_bytes(results: Results) -> dict[str, Any]:
    """Bytes of each stream by kind of chunk, by point and clip; None where there is no stream."""
    found = {at: unit["stream"] or unit.get("stated") for at, unit in results.units.items()}
    streams = {at: stream for at, stream in found.items() if stream}
    present = {kind for stream in streams.values() for kind in stream["sizes"]}
    kinds = [kind.name.lower() for kind in Kind if kind.name.lower() in present]

    def of(point: Point, clip: str) -> list[int] | None:
        stream = streams.get((point, clip))
        return [stream["sizes"].get(kind, 0) for kind in kinds] if stream else None

    return {"kinds": kinds, "of": [[of(point, clip) for clip in results.clips] for point in results.points]}


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
