"""Values by frame for the page, a packet a clip: inside the page, or beside it where they are many.

A browser that shows a page from disk may not read files beside it as data, but it may run scripts. So what is
too much for the page lies in ``report/data/CLIP.js``, by the clip's number, and is loaded when the clip is
looked at. Inside or beside, a packet is the same text::

    base64(gzip(HEADER "\\n" VALUES))

HEADER is JSON: by the number of an operating point, the names of its columns. VALUES are the columns in that
order, each of as many little-endian float32 as the clip has frames, rounded to four digits. Their bytes are
sorted by place (all first bytes, all second ones …), which halves what gzip makes of them.
"""

from __future__ import annotations

import base64
import gzip
import json
import shutil
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..core.store import read_frames, writing
from .aggregate import Results

INSIDE = 3_000_000
"""Values that a page holds at most: about 7 MB of text. A run of five clips has a tenth of them."""
BYTES = "bytes"
"""The column of a unit's table that says what each frame cost, where its codec tells."""


def write_packs(results: Results, folder: Path) -> list[str] | None:
    """The packets of all clips, in their order, or None where they are too many for the page.

    Args:
        results: of the run.
        folder: where they are written then, ``CLIP.js`` each; whatever is in it is deleted before.

    Raises:
        StoreError: a table is damaged, or the folder cannot be written.
    """
    shutil.rmtree(folder, ignore_errors=True)
    count = sum(unit["frames"] for unit in results.units.values()) * (len(results.pictures) + 1)
    if count <= INSIDE:
        return [pack(_columns(results, clip)) for clip in results.clips]
    for number, clip in enumerate(results.clips):
        with writing(folder / f"{number}.js") as temporary:
            temporary.write_text(f'frameValues.put({number},"{pack(_columns(results, clip))}")\n', "ascii")
    return None


def _columns(results: Results, clip: str) -> dict[int, dict[str, NDArray[np.float32]]]:
    """By the number of a point and by name, a clip's columns."""
    found = {}
    for number, point in enumerate(results.points):
        unit = results.units.get((point, clip))
        if unit is not None and unit["frames"]:
            table = read_frames(results.run, unit["key"])
            names = [name for name in (*results.pictures, BYTES) if name in table]
            found[number] = {name: table[name].to_numpy(np.float32) for name in names}
    return found


def pack(columns: Mapping[int, Mapping[str, NDArray[np.float32]]]) -> str:
    """A packet; every column has the same length."""
    header = json.dumps({str(number): list(named) for number, named in columns.items()})
    values = [rounded(column) for named in columns.values() for column in named.values()]
    whole = np.concatenate(values) if values else np.zeros(0, "<f4")
    planes = whole.astype("<f4").view(np.uint8).reshape(-1, 4).T
    data = gzip.compress(header.encode() + b"\n" + planes.tobytes(), 6, mtime=0)
    return base64.b64encode(data).decode("ascii")


def rounded(values: NDArray[np.float32]) -> NDArray[np.float32]:
    """Values (n,) float32 with 13 significant bits, four digits; NaN and infinities as they are."""
    bits = values.view(np.uint32)
    short: NDArray[np.float32] = ((bits + 0x400) & 0xFFFFF800).astype(np.uint32).view(np.float32)
    return np.where(np.isfinite(values), short, values)
