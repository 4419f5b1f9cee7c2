"""Units without a stream: frames that come from no sealed decoder, but from the worker's own process."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Iterator
from pathlib import Path

from ..core.errors import CodecError, StoreError
from ..core.video import Frames
from .sealed import Decoded


def write_frames(blocks: Iterator[Frames], pixels: Path) -> Decoded:
    """Write a unit's frames as raw pixels, as they are made.

    Args:
        blocks: (t, H, W, 3) uint8 RGB.
        pixels: file to write to.

    Raises:
        CodecError: frames of differing size, or none.
        StoreError: the file cannot be written.
    """
    frames, shape, digest = 0, None, hashlib.sha256()
    start = time.perf_counter()
    try:
        with pixels.open("wb") as file:
            for block in blocks:
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
