"""What a worker is given to do, and what it says of what did not work."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from ..core.errors import TalkbenchError, printable
from ..core.video import Clip
from .plan import Unit


@dataclass(frozen=True)
class Task:
    """Units of one clip that lack the same metrics.

    Attributes:
        run, scratch: folders.
        benchmark, dataset: names, for the units' records.
        config: the run's configuration.
        clip: of all the units.
        clip_sha256: the clip's when the run was planned.
        units: what is to be done.
        metrics: names of the metrics that the units lack.
        encode: False where stored streams are to be scored.
    """

    run: Path
    scratch: Path
    benchmark: str
    dataset: str
    config: Mapping[str, Any]
    clip: Clip
    clip_sha256: str
    units: Sequence[Unit]
    metrics: Sequence[str]
    encode: bool


@dataclass(frozen=True)
class Failure:
    """What did not work, and at which stage (read, encode, decode, make, measure, score, video, store)."""

    method: str
    point: str
    clip: str
    stage: str
    error: str
    message: str


def failure(unit: Unit, stage: str, error: BaseException) -> Failure:
    """The record of an error in a unit."""
    message = str(error) if isinstance(error, TalkbenchError) else f"{type(error).__name__}: {error}"
    return Failure(
        unit.point.method,
        unit.point.name,
        unit.clip.name,
        stage,
        type(error).__name__,
        printable(" ".join(message.split())),
    )


def as_row(record: Failure) -> dict[str, str]:
    """A failure as a row of failures.csv."""
    return asdict(record)
