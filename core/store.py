"""A run's folder: its layout, its schema, and how it is read.

    results/NAME/manifest.json     recipe, versions, machine, seeds, hashes, signatures, command line
                 streams/METHOD/POINT/CLIP.tkb      the bytes
                 units/KEY.json, units/KEY.parquet  clip values and frame values of one unit
                 scores.csv, scores.parquet         tidy: one row a value
                 failures.csv                       what did not work, and why
                 report/index.html                  with report/videos/METHOD/POINT/CLIP.mp4 beside it
                                                    and report/videos/reference/CLIP.mp4

A unit is one clip at one operating point. Its key is the sha256 of what determines its stream and its
decoded frames; each value in it carries the signature that determines the number, so a metric added
later is scored on the stored stream.
"""

from __future__ import annotations

import csv
import json
import os
import re
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .errors import StoreError
from .signature import digest

if TYPE_CHECKING:
    import pandas as pd

SCHEMA = 1
SCORE_COLUMNS = (
    "benchmark", "dataset", "method", "point", "clip", "metric", "value", "unit", "direction", "signature",
)  # fmt: skip
FAILURE_COLUMNS = ("method", "point", "clip", "stage", "error", "message")


def file_stem(name: str) -> str:
    """A name as part of a path: itself where it is harmless, else what is left of it and a hash."""
    if re.fullmatch(r"\w[\w.+-]{0,99}", name, re.ASCII) and not name.endswith("."):
        return name
    return f"{re.sub(r'[^A-Za-z0-9_-]+', '-', name)[:60].strip('-')}-{digest(name)[:8]}".lstrip("-")


def stream_path(method: str, point: str, clip: str) -> Path:
    """Where a unit's stream lies in a run's folder."""
    return Path("streams") / file_stem(method) / file_stem(point) / f"{file_stem(clip)}.tkb"


def video_path(method: str, point: str, clip: str) -> Path:
    """Where a unit's playable copy lies in a run's folder; for the reference, without method and point."""
    middle = Path("reference") if method == "reference" else Path(file_stem(method)) / file_stem(point)
    return Path("report") / "videos" / middle / f"{file_stem(clip)}.mp4"


@contextmanager
def writing(path: Path) -> Iterator[Path]:
    """Write a file under a temporary name beside it, and rename it once it is whole.

    Raises:
        StoreError: the folder cannot be written, or the disk is full.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(prefix=f".{path.name}.", suffix=path.suffix, dir=path.parent)
        os.close(handle)
        temporary = Path(name)
        try:
            yield temporary
            temporary.chmod(0o644)
            with temporary.open("rb") as file:
                os.fsync(file.fileno())
            temporary.replace(path)
        finally:
            temporary.unlink(missing_ok=True)
    except OSError as error:
        raise StoreError(
            f"cannot write {path} ({error.strerror or error}); make room or choose another --out, "
            "then repeat the command: what is finished is kept"
        ) from None


def write_json(path: Path, value: Any) -> None:
    """Write JSON atomically."""
    with writing(path) as temporary:
        temporary.write_text(json.dumps(value, indent=1, sort_keys=True, ensure_ascii=False) + "\n", "utf-8")


def write_rows(path: Path, columns: Sequence[str], rows: Sequence[Mapping[str, Any]]) -> None:
    """Write a CSV atomically."""
    with writing(path) as temporary, temporary.open("w", newline="", encoding="utf-8") as file:
        table = csv.DictWriter(file, columns)
        table.writeheader()
        table.writerows(rows)


def read_json(path: Path) -> dict[str, Any]:
    """Read a file of the store and check its schema.

    Raises:
        StoreError: missing, damaged, or of another schema.
    """
    try:
        value = json.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        raise StoreError(f"{path} is missing; expected a folder made by `bench run`") from None
    except (OSError, ValueError) as error:
        raise StoreError(f"{path} cannot be read ({error}); restore it or repeat the run") from None
    if not isinstance(value, dict) or value.get("schema") != SCHEMA:
        found = value.get("schema") if isinstance(value, dict) else None
        raise StoreError(
            f"{path} has schema {found}, this talkbench reads {SCHEMA}; use the version that wrote it"
        )
    return value


def read_manifest(run: Path) -> dict[str, Any]:
    """A run's manifest.

    Raises:
        StoreError: `run` is not a run's folder.
    """
    return read_json(run / "manifest.json")


def read_units(run: Path) -> list[dict[str, Any]]:
    """The finished units that a run's manifest names, in its order."""
    units = run / "units"
    keys = [unit["key"] for unit in read_manifest(run)["units"]]
    return [read_json(units / f"{key}.json") for key in keys if (units / f"{key}.json").is_file()]


def read_scores(run: Path) -> pd.DataFrame:
    """The tidy table of clip values (SCORE_COLUMNS).

    Raises:
        StoreError: the run has no scores.
    """
    import pandas as pd

    path = run / "scores.parquet"
    if not path.is_file():
        raise StoreError(f"{path} is missing; finish the run by repeating its command")
    return pd.read_parquet(path)


def read_frames(run: Path, key: str) -> pd.DataFrame:
    """Per-frame values of a unit: a column ``frame`` and one for each per-frame metric."""
    import pandas as pd

    return pd.read_parquet(run / "units" / f"{key}.parquet")


def read_failures(run: Path) -> list[dict[str, str]]:
    """What did not work (FAILURE_COLUMNS); empty where all did."""
    path = run / "failures.csv"
    if not path.is_file():
        return []
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))
