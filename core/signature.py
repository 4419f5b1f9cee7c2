"""Signatures and hashes: the recipe that every number carries."""

from __future__ import annotations

import functools
import hashlib
import inspect
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

FIELD = "|"


def digest(value: Any) -> str:
    """sha256 of a JSON-like value, independent of the order of keys."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return hashlib.sha256(text.encode()).hexdigest()


def sha256_file(path: Path) -> str:
    """sha256 of a file's bytes.

    Raises:
        OSError: the file cannot be read.
    """
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def sha256_once(path: Path) -> str:
    """sha256 of a file's bytes, computed again only when its size or its time has changed.

    Raises:
        OSError: the file cannot be read.
    """
    stat = path.stat()
    return _sha256_once(path, stat.st_size, stat.st_mtime_ns)


@functools.lru_cache(maxsize=4096)
def _sha256_once(path: Path, size: int, changed: int) -> str:
    return sha256_file(path)


@functools.cache
def code(cls: type) -> str:
    """Hash (12 digits) of the source files of a class and its bases, so that caches notice a change."""
    files = set()
    for base in cls.__mro__:
        if base.__module__ in ("builtins", "abc", "typing"):
            continue
        try:
            files.add(inspect.getsourcefile(base) or "")
        except TypeError:
            continue
    contents = [sha256_file(Path(file)) for file in sorted(files - {""})]
    return digest(contents)[:12]


def signature(name: str, settings: Mapping[str, Any], version: str) -> str:
    """One line that says how a number was made: ``psnr|space:rgb|range:255|…|version:0.1.0``.

    Args:
        name: of the metric.
        settings: all that changes the number, in the order in which it is to be read.
        version: talkbench's, always last.
    """
    fields = [f"{key}:{value}" for key, value in settings.items()]
    return FIELD.join([name, *fields, f"version:{version}"])
