"""Units without a stream: frames that a method makes in the worker's own process."""

from __future__ import annotations

import hashlib
import time
from pathlib import Path

from ..core.errors import CodecError, StoreError
from ..core.points import Point
from ..core.video import Clip
from .recipe import Recipe
from .sealed import Decoded


def make_frames(recipe: Recipe, point: Point, clip: Clip, pixels: Path) -> Decoded:
    """Make a unit's frames and write them as raw pixels.

    Args:
        recipe: one that is not `coded`.
        point: how.
        clip: one of the recipe's, its pixels at hand.
        pixels: file to write to.

    Raises:
        CodecError: frames of differing size, or none.
        StoreError: the file cannot be written.
    """
    frames, shape, digest = 0, None, hashlib.sha256()
    method = point.build()
    start = time.perf_counter()
    try:
        with pixels.open("wb") as file:
            for block in recipe.make(method, point, clip):
                if shape not in (None, block.shape[1:3]):
                    raise CodecError(
                        f"frames of {shape} and of {block.shape[1:3]} were made; one size is expected"
                    )
                shape = block.shape[1:3]
                frames += len(block)
                digest.update(block.tobytes())
                file.write(block.tobytes())
    except OSError as error:
        raise StoreError(f"cannot write frames ({error.strerror}); make room and repeat") from None
    if shape is None:
        raise CodecError("no frame was made")
    return Decoded(frames, shape[0], shape[1], digest.hexdigest(), time.perf_counter() - start)
