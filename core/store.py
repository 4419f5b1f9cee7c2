"""A run's folder: its layout, its schema, and how it is read.

    results/NAME/manifest.json     recipe, versions, machine, seeds, hashes, signatures, command line
                 streams/METHOD/POINT/CLIP.tkb      the bytes
                 units/KEY.json, units/KEY.parquet  clip values and frame values of one unit
                 features/, sets.json               of metrics of sets of pictures: core/feature_store.py
                 scores.csv, scores.parquet         tidy: one row a value; without a clip where it is of a set
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
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .errors import StoreError
from .signature import digest

if TYPE_CHECKING:
    import pandas as pd

SCHEMA = 1
UNFINISHED = ".unfinished-"
"""How the names of files begin that are still being written."""
SCORE_COLUMNS = (
    "benchmark", "dataset", "method", "point", "clip", "metric", "value", "unit", "direction", "signature",
)  # fmt: skip
MANIFEST_KEYS = (
    "benchmark", "command", "config", "created", "dataset", "methods", "metrics", "units",
)  # fmt: skip
UNIT_KEYS = (
    "benchmark", "clip", "dataset", "decoded_sha256", "fps", "frames", "height", "key", "method", "point",
    "stream", "timing", "values", "video", "width",
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

    A process that is killed meanwhile leaves the temporary file: `clear_unfinished`.

    Raises:
        StoreError: the folder cannot be written, or the disk is full.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(prefix=UNFINISHED, suffix=path.suffix, dir=path.parent)
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
            f"cannot write {path} ({error.strerror or error}); make room or choose another place, "
            "then repeat the command: what is finished is kept"
        ) from None


def clear_unfinished(run: Path) -> None:
    """Delete what killed processes left half written in a run's folder, which nobody else may be using."""
    for path in run.rglob(f"{UNFINISHED}*"):
        path.unlink(missing_ok=True)


def write_json(path: Path, value: Any) -> None:
    """Write JSON atomically."""
    with writing(path) as temporary:
        text = json.dumps(value, indent=1, sort_keys=True, ensure_ascii=False) + "\n"
        # a path's bytes that are no UTF-8 become JSON's own escapes, and are read back as they were
        temporary.write_text(text, "utf-8", "backslashreplace")


def write_rows(path: Path, columns: Sequence[str], rows: Sequence[Mapping[str, Any]]) -> None:
    """Write a CSV atomically."""
    with writing(path) as temporary, temporary.open("w", newline="", encoding="utf-8") as file:
        table = csv.DictWriter(file, columns)
        table.writeheader()
        table.writerows(rows)


def read_json(path: Path, keys: Collection[str] = ()) -> dict[str, Any]:
    """Read a file of the store and check its schema.

    Args:
        path: of the file.
        keys: that must be in it.

    Raises:
        StoreError: missing, damaged, or of another schema.
    """
    try:
        value = json.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        raise StoreError(f"{path} is missing; expected a folder made by `bench run`") from None
    except (OSError, ValueError) as error:
        raise damaged(path, error) from None
    if not isinstance(value, dict) or "schema" not in value:
        raise damaged(path, "it states no schema")
    if value["schema"] != SCHEMA:
        raise StoreError(
            f"{path} has schema {value['schema']}, this talkbench reads {SCHEMA}; "
            "use the version that wrote it, or choose another folder"
        )
    for key in keys:
        if key not in value:
            raise damaged(path, f"it has no '{key}'")
    return value


def damaged(path: Path, found: object) -> StoreError:
    """The error for a stored file that is not what was written."""
    return StoreError(
        f"{path} is damaged ({found}); delete it and repeat the run's command: what is finished is kept"
    )


def read_manifest(run: Path) -> dict[str, Any]:
    """A run's manifest.

    Raises:
        StoreError: `run` is not a run's folder.
    """
    return read_json(run / "manifest.json", MANIFEST_KEYS)


def read_unit(run: Path, key: str) -> dict[str, Any]:
    """A finished unit.

    Raises:
        StoreError: there is none of that key, or it is damaged.
    """
    return read_json(run / "units" / f"{key}.json", UNIT_KEYS)


def read_units(run: Path) -> list[dict[str, Any]]:
    """The finished units that a run's manifest names, in its order.

    Raises:
        StoreError: `run` is not a run's folder, or a unit is damaged.
    """
    keys = [unit["key"] for unit in read_manifest(run)["units"]]
    return [read_unit(run, key) for key in keys if (run / "units" / f"{key}.json").is_file()]


def read_scores(run: Path) -> pd.DataFrame:
    """The tidy table of clip values (SCORE_COLUMNS); of a run that is kept as text alone, from its CSV.

    Raises:
        StoreError: the run has no scores.
    """
    path = run / "scores.parquet"
    if not path.is_file() and (run / "scores.csv").is_file():
        return _read_text(run / "scores.csv")
    if not path.is_file():
        raise StoreError(f"{path} is missing; finish the run by repeating its command")
    return _read_table(path)


def read_frames(run: Path, key: str) -> pd.DataFrame:
    """Per-frame values of a unit: a column ``frame``, one for each per-frame metric, and, of a codec that can
    tell, ``bytes``: what each frame added to the stream.

    Raises:
        StoreError: they are missing or damaged.
    """
    return _read_table(run / "units" / f"{key}.parquet")


def write_table(path: Path, table: pd.DataFrame) -> None:
    """Write a table as Parquet, with checksums, atomically.

    Raises:
        StoreError: the folder cannot be written, or the disk is full.
    """
    with writing(path) as temporary:
        table.to_parquet(temporary, index=False, write_page_checksum=True)


def _read_table(path: Path) -> pd.DataFrame:
    import pandas as pd
    import pyarrow as pa

    try:
        return pd.read_parquet(path, page_checksum_verification=True)
    except (OSError, pa.ArrowException) as error:
        raise damaged(path, error) from None


def _read_text(path: Path) -> pd.DataFrame:
    import pandas as pd

    try:
        table = pd.read_csv(path, keep_default_na=False, na_values={"value": [""]}, dtype={"value": float})
    except (OSError, ValueError) as error:
        raise damaged(path, error) from None
    if tuple(table.columns) != SCORE_COLUMNS:
        raise damaged(path, "it does not have the columns of scores")
    return table


def read_failures(run: Path) -> list[dict[str, str]]:
    """What did not work (FAILURE_COLUMNS); empty where all did.

    Raises:
        StoreError: the table is damaged.
    """
    path = run / "failures.csv"
    if not path.is_file():
        return []
    try:
        with path.open(newline="", encoding="utf-8") as file:
            rows = list(csv.DictReader(file, strict=True))
    except (OSError, ValueError, csv.Error) as error:
        raise damaged(path, error) from None
    if any(tuple(row) != FAILURE_COLUMNS or None in row.values() for row in rows):
        raise damaged(path, "a row does not have its columns")
    return rows
