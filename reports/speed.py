"""How fast a method codes, and how large it is: time, parameters and multiplications a frame."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Any

from .aggregate import Point, Results


@dataclass(frozen=True)
class Speed:
    """What a point costs in time and size, over the clips that it finished; None where nothing says so.

    Attributes:
        point: method and point.
        encode_ms, decode_ms: a frame, mean over clips; process start and loading of networks are in the
            first clip that a worker codes.
        parameters: of the networks that the method loads.
        macs: multiply-accumulate operations a frame of the receiver, mean over clips.
        clips: how many were timed.
    """

    point: Point
    encode_ms: float | None
    decode_ms: float | None
    parameters: int | None
    macs: float | None
    clips: int


def speed_rows(results: Results) -> list[Speed]:
    """A row a point that was timed; none where nothing was coded."""
    rows = []
    for point in results.points:
        units = [
            unit for clip in results.clips if (unit := results.units.get((point, clip))) and unit["timing"]
        ]
        if units:
            encode, decode = (_milliseconds(units, f"{what}_seconds") for what in ("encode", "decode"))
            sizes = [unit["size"] for unit in units if unit.get("size")]
            parameters = sizes[0].get("parameters") if sizes else None
            counted = [size["macs"] for size in sizes if "macs" in size]
            macs = fmean(counted) if counted else None
            if any(known is not None for known in (encode, decode, parameters, macs)):
                rows.append(Speed(point, encode, decode, parameters, macs, len(units)))
    return rows


def _milliseconds(units: Sequence[Mapping[str, Any]], key: str) -> float | None:
    found = [1000 * unit["timing"][key] / unit["frames"] for unit in units if key in unit["timing"]]
    return fmean(found) if found else None
