"""A run's frames as pixels again: decoded from its streams and checked, or from the data set."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from ..core.errors import StoreError
from ..core.store import read_manifest, read_unit
from ..core.video import Clip, RawFile
from .plan import needed_assets, stored_plan
from .sealed import SealedDecoder
from .session import fetch_missing, scratch

Show = Callable[[str, str, str], Clip]
"""Gives the frames of a method, point and clip; of method 'reference' and point '' the clip itself.
They are at hand until it is called again."""


@contextmanager
def shown_frames(run: Path) -> Iterator[Show]:
    """Give out the frames of a run, unit by unit, sealed as in the run.

    Raises:
        StoreError: `run` is not a run's folder, or its clips or streams are no longer those of the run.
        TalkbenchError: as the decoder raised it.
    """
    manifest = read_manifest(run)
    config = {**manifest["config"], "metrics": {}}
    fetch_missing(needed_assets(config, manifest["dataset"]["name"]))
    plan = stored_plan(manifest, config)
    clips = {clip.name: clip for clip in plan.clips}
    units = {(unit.point.method, unit.point.name, unit.clip.name): unit for unit in plan.units}

    with scratch() as folder, SealedDecoder() as decoder:

        def show(method: str, point: str, name: str) -> Clip:
            clip = clips[name]
            if not point:
                return clip
            unit = units[method, point, name]
            record, raw = read_unit(run, unit.key), folder / "frames.rgb"
            path = run / record["stream"]["path"]
            try:
                stream = path.read_bytes()
            except OSError as error:
                raise StoreError(
                    f"{path} cannot be read ({error.strerror}); repeat the run's command"
                ) from None
            with raw.open("wb") as file:
                decoded = decoder.decode(unit.point, stream, file)
            if decoded.sha256 != record["decoded_sha256"]:
                raise StoreError(
                    f"{path} no longer gives the frames of the run; `bench verify {run}` says what changed"
                )
            source = RawFile(raw, decoded.width, decoded.height, decoded.sha256)
            return Clip(name, source, decoded.width, decoded.height, clip.fps, clip.identity)

        yield show
