"""What of a run is asked about: pairs of points (or points to be rated), clips, and the gold point."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ...core.errors import UsageError, unknown
from ...core.store import read_manifest, read_units
from .manifest import REFERENCE

Point = tuple[str, str]
"""A method's name and its point's; (REFERENCE, '') is the clip itself."""

ORIGINAL: Point = (REFERENCE, "")
GOLD_METRICS = ("lpips", "dists", "vmaf", "ms_ssim", "ssim", "psnr")
"""By which the gold point is chosen: the first that a run has."""


def written(point: Point) -> str:
    """A point as the command line has it."""
    return ":".join(part for part in point if part)


@dataclass(frozen=True)
class Asked:
    """Something to be asked once: which of two, or, with ORIGINAL first, how good the second."""

    clip: str
    first: Point
    second: Point


@dataclass(frozen=True)
class Stored:
    """What a run holds for a study.

    Attributes:
        manifest: the run's.
        units: the finished ones that have frames, by point and clip.
    """

    manifest: Mapping[str, Any]
    units: Mapping[tuple[Point, str], Mapping[str, Any]]

    @property
    def clips(self) -> Mapping[str, Mapping[str, Any]]:
        """The run's clips by name, in its order."""
        return {clip["name"]: clip for clip in self.manifest["dataset"]["clips"]}

    @property
    def pictured(self) -> bool:
        """Whether its clips move a picture of somebody else."""
        return any("shown" in clip for clip in self.clips.values())

    @property
    def points(self) -> list[Point]:
        """In the order of the plan."""
        return list(dict.fromkeys((unit["method"], unit["point"]) for unit in self.manifest["units"]))

    def has(self, point: Point, clip: str) -> bool:
        """Whether there is something to show: of the clip itself, if anything of it could be read."""
        if point == ORIGINAL:
            return any(name == clip for _, name in self.units)
        return (point, clip) in self.units


def stored(run: Path) -> Stored:
    """Read what a run holds.

    Raises:
        StoreError: `run` is not a run's folder, or a unit is damaged.
        UsageError: nothing in it can be seen.
    """
    manifest = read_manifest(run)
    units = {
        ((unit["method"], unit["point"]), unit["clip"]): unit
        for unit in read_units(run)
        if unit["decoded_sha256"] is not None
    }
    if not units:
        raise UsageError(
            f"{run} holds no frames ('{manifest['benchmark']}'), so there is nothing to show; "
            "a study needs a finished run of a benchmark that makes videos, such as compression or transfer"
        )
    return Stored(manifest, units)


def points_named(run: Stored, name: str) -> list[Point]:
    """The points that a word means: ``ours:adaptive`` one, ``h264`` all of it, ``reference`` the clip.

    Raises:
        UsageError: the run has no such method or point.
    """
    method, _, point = name.partition(":")
    if name == REFERENCE:
        return [ORIGINAL]
    known = [own for owner, own in run.points if owner == method]
    if not known:
        raise unknown("method of the run", method, [REFERENCE, *(owner for owner, _ in run.points)])
    if point and point not in known:
        raise unknown(f"point of {method} in the run", point, known)
    return [(method, own) for own in ([point] if point else known)]


def comparisons(run: Stored, kind: str, pairs: Sequence[str]) -> list[tuple[Point, Point]]:
    """What is compared, each once: the points of a pair's first name with those of its second.

    Args:
        run: what it holds.
        kind: ``pair``, or ``rating``, where any number of names may be given, and each of their points is
            held against the original.
        pairs: such as ``ours:adaptive,h264``.

    Raises:
        UsageError: a pair is none, or names what the run does not have.
    """
    found: dict[frozenset[Point], tuple[Point, Point]] = {}
    for pair in pairs:
        names = [name.strip() for name in pair.split(",") if name.strip()]
        if kind == "rating":
            rated = [point for name in names for point in points_named(run, name)]
            found |= {frozenset((ORIGINAL, point)): (ORIGINAL, point) for point in rated if point != ORIGINAL}
            continue
        if len(names) != 2:
            raise UsageError(
                f"--pairs {pair} names {len(names)}; give two, METHOD[:POINT],METHOD[:POINT], "
                "such as ours:adaptive,h264, and repeat --pairs for more"
            )
        for first in points_named(run, names[0]):
            for second in points_named(run, names[1]):
                if first != second:
                    found.setdefault(frozenset((first, second)), (first, second))
    if not found:
        raise UsageError(f"--pairs {' '.join(pairs)} leaves nothing to compare; name two different points")
    return list(found.values())


def asked_of(
    run: Stored, compared: Sequence[tuple[Point, Point]], clips: Sequence[str]
) -> tuple[list[Asked], list[str]]:
    """What can be asked of the clips, and a line for each thing that cannot, since a unit is missing.

    Args:
        run: what it holds.
        compared: from `comparisons`.
        clips: names; of none, all.

    Raises:
        UsageError: no such clip, or nothing can be asked.
    """
    for clip in clips:
        if clip not in run.clips:
            raise unknown("clip of the run", clip, run.clips)
    found, left_out = [], []
    for first, second in compared:
        for clip in dict.fromkeys(clips or run.clips):
            missing = [written(point) for point in (first, second) if not run.has(point, clip)]
            if missing:
                line = f"{written(first)} against {written(second)} on '{clip}'"
                left_out.append(f"{line}: {' and '.join(missing)} did not finish in the run")
            else:
                found.append(Asked(clip, first, second))
    if not found:
        raise UsageError(f"nothing can be asked: {left_out[0]}; finish the run by repeating its command")
    return found, left_out


def gold_point(run: Stored, kind: str, named: str | None) -> Point:
    """What gold questions hold against the original, their answer being known.

    In a rating study it is the original itself. In a pair study it is something obviously worse: the worst
    point of the block codecs, or the one named.

    A method that sends little is no gold: where nothing moves, it may look like the original.

    Raises:
        UsageError: none was named, and no block codec was run or scored; or it makes no sense.
    """
    if kind == "rating":
        if named is not None:
            raise UsageError(f"--gold {named} is for pairs; a rating study's gold is the original itself")
        return ORIGINAL
    if named is not None:
        found = points_named(run, named)
        if len(found) != 1 or found == [ORIGINAL]:
            raise UsageError(f"--gold {named} is not one point; give METHOD:POINT, such as h264:crf51")
        return found[0]
    methods = run.manifest["methods"]
    block = [
        point
        for point in run.points
        if "encoder" in methods.get(point[0], {}).get(point[1], {}).get("describe", {})
    ]
    for metric in GOLD_METRICS:
        means = {point: badness for point in block if (badness := _badness(run, point, metric)) is not None}
        if means:
            return max(means, key=means.__getitem__)
    raise UsageError(
        f"no block codec with any of {', '.join(GOLD_METRICS)} is in the run, to make gold pairs of; "
        "name the worst point in --gold METHOD:POINT"
    )


def _badness(run: Stored, point: Point, metric: str) -> float | None:
    """Mean of a metric over a point's clips, turned so that more is worse; None where it has no value."""
    entries = [unit["values"].get(metric, {}) for (owner, _), unit in run.units.items() if owner == point]
    values = [entry["value"] for entry in entries if entry.get("value") is not None]
    if not values:
        return None
    higher = run.manifest["metrics"][metric]["direction"] == "higher"
    return math.fsum(values) / len(values) * (-1 if higher else 1)
