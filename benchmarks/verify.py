"""Checking a run: hashes, sizes, and a fresh sealed decode of every stream."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..core.bitstream import sizes
from ..core.errors import TalkbenchError
from ..core.points import Point
from ..core.signature import sha256_file
from ..core.store import read_manifest, read_unit
from .sealed import SealedDecoder


@dataclass(frozen=True)
class Check:
    """One unit's result: the stream's path in the run's folder, and what is wrong with it, or ''."""

    stream: str
    wrong: str


def _check(run: Path, unit: dict[str, Any], point: Point, decoder: SealedDecoder) -> str:
    path = run / unit["stream"]["path"]
    if not path.is_file():
        return "the stream is missing"
    if sha256_file(path) != unit["stream"]["sha256"]:
        return "the stream's sha256 is not the recorded one"
    stream = path.read_bytes()
    if len(stream) != unit["stream"]["bytes"] or sizes(stream) != unit["stream"]["sizes"]:
        return "the stream's sizes are not the recorded ones"
    if decoder.decode(point, stream).sha256 != unit["decoded_sha256"]:
        return "a fresh decode gives other frames than the recorded ones"
    return ""


def verify(run: Path) -> Iterator[Check]:
    """Check a run's units one by one; those without a stream have nothing to be checked.

    Raises:
        StoreError: `run` is not a run's folder.
    """
    manifest = read_manifest(run)
    with SealedDecoder() as decoder:
        for entry in manifest["units"]:
            name = f"{entry['method']}/{entry['point']}/{entry['clip']}"
            if not (run / "units" / f"{entry['key']}.json").is_file():
                yield Check(name, "the unit was never finished; repeat the run's command")
                continue
            try:
                unit = read_unit(run, entry["key"])
                if unit["stream"] is None:  # its frames were made, not coded
                    continue
                name = unit["stream"]["path"]
                settings = manifest["methods"][entry["method"]][entry["point"]]["settings"]
                wrong = _check(run, unit, Point(entry["method"], entry["point"], settings), decoder)
            except (TalkbenchError, OSError) as error:
                wrong = str(error)
            yield Check(name, wrong)
