"""Stored features of set metrics, and the values made of them.

    results/NAME/features/SPACE/KEY.npz    of the sampled frames of one unit (KEY as in units/), or of a
                                           reference clip (KEY: the clip's sha256)
                 sets.json                 each set's value, how many pictures, of which clips

References' features are kept in the cache folder too, under the same names, for other runs.
"""

from __future__ import annotations

import zipfile
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from .assets import cache
from .errors import StoreError
from .set_metric import Features
from .store import SCHEMA, damaged, read_json, write_json, writing


@dataclass(frozen=True)
class SetScore:
    """One column's value of one operating point over all its clips.

    Attributes:
        method, point: of the decoded clips.
        metric: the column.
        value: or None where there is none.
        standard_error: of the value, or None where none can be given.
        pictures: N, in the decoded set as in the reference's.
        clips: names of the clips that the pictures are of, in the run's order.
        reason: why there is no value, or ''.
        caution: what must be known of a value of so few pictures, or ''.
        set: hash of clips, frames and feature space: only values of one set may be compared.
        unit, direction: as the metric's.
        signature: of the value; it holds N and the set.
        content: hash of the streams and settings that the value was made of.
    """

    method: str
    point: str
    metric: str
    value: float | None
    standard_error: float | None
    pictures: int
    clips: tuple[str, ...]
    reason: str
    caution: str
    set: str
    unit: str
    direction: str
    signature: str
    content: str


def features_path(run: Path, space: str, key: str) -> Path:
    """Where features lie in a run's folder, or in the cache folder."""
    return run / "features" / space / f"{key}.npz"


def write_features(run: Path, space: str, key: str, features: Features) -> None:
    """Write features, (t, d) float32, atomically.

    Raises:
        StoreError: the folder cannot be written, or the disk is full.
    """
    with writing(features_path(run, space, key)) as temporary, temporary.open("wb") as file:
        np.savez(file, schema=np.int64(SCHEMA), features=np.asarray(features, np.float32))


def read_features(run: Path, space: str, key: str) -> Features:
    """Features as written.

    Raises:
        StoreError: they are missing, damaged, or of another schema.
    """
    path = features_path(run, space, key)
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as stored:
            schema, features = int(stored["schema"]), stored["features"]
    except (OSError, ValueError, KeyError, EOFError, TypeError, zipfile.BadZipFile) as error:
        raise damaged(path, error) from None
    if schema != SCHEMA or features.dtype != np.float32 or features.ndim != 2:
        found = f"schema {schema}, {features.dtype} {features.shape}"
        raise damaged(path, f"{found} found, schema {SCHEMA} and float32 (t, d) expected")
    return features  # type: ignore[no-any-return]


def has_features(run: Path, space: str, key: str) -> bool:
    """Whether there are such features, whole."""
    try:
        read_features(run, space, key)
    except StoreError:
        return False
    return True


def cached_features(space: str, key: str) -> Features | None:
    """A reference's features from the cache folder, or None where they are not there."""
    return read_features(cache(), space, key) if has_features(cache(), space, key) else None


def keep_features(space: str, key: str, features: Features) -> None:
    """Put a reference's features into the cache folder; one that cannot be written only costs time."""
    try:
        write_features(cache(), space, key, features)
    except StoreError:
        return


def write_sets(run: Path, scores: list[SetScore]) -> None:
    """Write the values of a run's sets."""
    write_json(run / "sets.json", {"schema": SCHEMA, "sets": [asdict(score) for score in scores]})


def read_sets(run: Path) -> list[SetScore]:
    """The values of a run's sets; none where no set metric was asked for.

    Raises:
        StoreError: the file is damaged.
    """
    path = run / "sets.json"
    if not path.is_file():
        return []
    rows: list[Mapping[str, Any]] = read_json(path, ("sets",))["sets"]
    try:
        return [SetScore(**{**row, "clips": tuple(row["clips"])}) for row in rows]
    except (TypeError, KeyError) as error:
        raise damaged(path, error) from None
