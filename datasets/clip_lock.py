"""The lock of a prepared data set: every clip with its hashes, every missing one with the reason.

clips.lock.json   schema, dataset, talkbench, ffmpeg, downloader
                  manner    exact | key frames | as published: how clips are cut
                  clips     by name: file, sha256, pixels, frames, width, height, fps, video, made, short…
                  missing   by name: reason
                  gone      by video: what its site said, and when
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..core import ffmpeg
from ..core.errors import StoreError
from ..core.store import write_json
from ..core.version import __version__

SCHEMA = 1
NAME = "clips.lock.json"


@dataclass
class ClipLock:
    """What is known of a prepared data set's clips; the attributes are the file's keys.

    Attributes:
        path: of the file.
    """

    path: Path
    dataset: str = ""
    manner: str = ""
    downloader: str | None = None
    clips: dict[str, dict[str, Any]] = field(default_factory=dict)
    missing: dict[str, str] = field(default_factory=dict)
    gone: dict[str, dict[str, str]] = field(default_factory=dict)

    def save(self) -> None:
        """Write the file.

        Raises:
            StoreError: it cannot be written.
        """
        write_json(
            self.path,
            {
                "schema": SCHEMA,
                "talkbench": __version__,
                "ffmpeg": ffmpeg.build(),
                **{key: getattr(self, key) for key in _KEYS},
            },
        )


_KEYS = ("dataset", "manner", "downloader", "clips", "missing", "gone")


def read_lock(path: Path) -> ClipLock | None:
    """The lock at a path, or None where there is none.

    Raises:
        StoreError: it is damaged, or of another schema.
    """
    try:
        value = json.loads(path.read_text("utf-8"))
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (OSError, ValueError) as error:
        raise StoreError(f"{path} cannot be read ({error}); delete it and prepare again") from None
    if not isinstance(value, dict) or value.get("schema") != SCHEMA or any(key not in value for key in _KEYS):
        found = value.get("schema") if isinstance(value, dict) else None
        raise StoreError(
            f"{path}: schema {found} found, {SCHEMA} with the keys {', '.join(_KEYS)} expected; "
            "delete it and prepare again"
        )
    return ClipLock(path, **{key: value[key] for key in _KEYS})
