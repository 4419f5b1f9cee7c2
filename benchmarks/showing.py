"""A run's frames as pixels again: decoded from its streams or made once more, and checked; or its clips'."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from ..core.errors import StoreError
from ..core.recorded import Recorded
from ..core.store import read_manifest, read_unit
from ..core.video import Clip, Frames, RawFile
from .making import write_frames
from .pairs import Pair
from .plan import Unit, build_recipe, needed_assets, stored_plan
from .recipe import Recipe
from .sealed import Decoded, SealedDecoder
from .session import fetch_missing, scratch

Show = Callable[[str, str, str], Clip]
"""Gives the frames of a method, point and clip; they are at hand until it is called again.

Of method 'reference' it gives the clip itself: of two people's, the driving one. Of method 'picture' it gives
one frame: the clip's first (point 'own'), or that of the person who is moved by it (point 'shown')."""


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
    plan, recipe = stored_plan(manifest, config), build_recipe(manifest["benchmark"], config)
    clips = {clip.name: clip for clip in plan.clips}
    units = {(unit.point.method, unit.point.name, unit.clip.name): unit for unit in plan.units}

    with scratch() as folder, SealedDecoder() as decoder:

        def show(method: str, point: str, name: str) -> Clip:
            clip = clips[name]
            if method == "reference":
                return clip
            if method == "picture":
                return (clip.still if point == "shown" and isinstance(clip, Pair) else clip).first(1)
            unit, raw = units[method, point, name], folder / "frames.rgb"
            record = read_unit(run, unit.key)
            if record["stream"] is None:
                decoded = write_frames(_made(recipe, unit), raw)
            else:
                decoded = _decoded(run / record["stream"]["path"], unit, raw, decoder)
            if decoded.sha256 != record["decoded_sha256"]:
                raise StoreError(
                    f"{method} {point} no longer gives the frames that it gave of '{name}' in the run; "
                    f"`bench verify {run}` says whether its stream has changed, or make another run"
                )
            source = RawFile(raw, decoded.width, decoded.height, decoded.sha256)
            return Clip(name, source, decoded.width, decoded.height, clip.fps, clip.identity)

        yield show


def _made(recipe: Recipe, unit: Unit) -> Iterator[Frames]:
    """The frames of a unit without a stream."""
    method = unit.point.build()
    if isinstance(method, Recorded):
        return method.frames(unit.clip)
    return recipe.make(method, unit.point, unit.clip)


def _decoded(path: Path, unit: Unit, raw: Path, decoder: SealedDecoder) -> Decoded:
    """Decode a unit's stream into a file."""
    try:
        stream = path.read_bytes()
    except OSError as error:
        raise StoreError(f"{path} cannot be read ({error.strerror}); repeat the run's command") from None
    with raw.open("wb") as file:
        return decoder.decode(unit.point, stream, file)
