"""What settings of networks have in common: plain values that are stored beside the weights."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any, Self

from safetensors import safe_open

SCHEMA = "1"
KEY = "talking_head"
"""The entry of a weights file's metadata that holds settings and notes, as JSON."""


class NetworkConfig:
    """Base of frozen dataclasses of numbers, switches, words, and tuples of numbers."""

    def __post_init__(self) -> None:
        # What was painted smaller than the source picture becomes as large as it by being blended with it.
        largest = getattr(self, "largest", 0)
        if largest and not getattr(self, "blend", True):
            raise ValueError(
                f"largest={largest} without blend would give pictures of another size; "
                "set blend=true or largest=0"
            )

    def to_dict(self) -> dict[str, Any]:
        """Plain values, as stored beside the weights."""
        values: dict[str, Any] = asdict(self)  # type: ignore[call-overload]
        return {k: list(v) if isinstance(v, tuple) else v for k, v in values.items()}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        """The inverse of `to_dict`.

        Raises:
            ValueError: a key is unknown.
        """
        known = {f.name for f in fields(cls)}  # type: ignore[arg-type]
        unknown = sorted(set(values) - known)
        if unknown:
            raise ValueError(f"unknown model settings {unknown}; known are {sorted(known)}")
        return cls(**{k: tuple(v) if isinstance(v, list) else v for k, v in values.items()})


def stored_config(path: Path) -> dict[str, Any]:
    """The settings in a weights file.

    Raises:
        ValueError: the file is of another schema.
    """
    with safe_open(str(path), framework="numpy") as file:
        about = json.loads((file.metadata() or {}).get(KEY, "{}"))
    if about.get("schema") != SCHEMA:
        raise ValueError(
            f"{path.name}: weights schema {about.get('schema')!r}, expected "
            f"{SCHEMA!r}: use a version of the program that fits the file"
        )
    config: dict[str, Any] = about["config"]
    return config
