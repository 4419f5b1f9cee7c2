"""Each clip is decoded once; its pixels wait in the scratch folder for all methods and metrics."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

from filelock import FileLock

from ..core import ffmpeg
from ..core.colour import TAGS, rgb_to_yuv420
from ..core.errors import VideoError
from ..core.store import file_stem, writing
from ..core.video import Clip, Frames, RawFile


@dataclass(frozen=True)
class Reference:
    """A decoded clip.

    Attributes:
        clip: the clip with its pixels at hand.
        frames: how many there are.
    """

    clip: Clip
    frames: int


def scratch_path(scratch: Path, clip: Clip) -> Path:
    """Where a clip's decoded pixels lie."""
    return scratch / f"{file_stem(clip.name)}.rgb"


def decode_reference(clip: Clip, scratch: Path, at_least: int) -> Reference:
    """Decode a clip to the scratch folder, unless another worker has done so.

    Args:
        clip: any clip.
        scratch: the run's scratch folder.
        at_least: the fewest frames that can be scored.

    Raises:
        VideoError: unreadable, or too short.
    """
    raw = scratch_path(scratch, clip)
    note = raw.with_suffix(".json")
    with FileLock(raw.with_suffix(".lock")):
        if not note.is_file():
            count, digest = 0, hashlib.sha256()
            with writing(raw) as temporary, temporary.open("wb") as file:
                for block in clip.frames():
                    count += len(block)
                    digest.update(block.data)
                    file.write(block.data)
            with writing(note) as temporary:
                temporary.write_text(json.dumps({"frames": count, "sha256": digest.hexdigest()}))
    known = json.loads(note.read_text())
    if known["frames"] < at_least:
        raise VideoError(
            f"clip '{clip.name}' has {known['frames']} frame(s), {at_least} are needed: frame 0 is sent as a "
            "picture and is not scored; leave the clip out, or set run.count_first=true"
        )
    source = RawFile(raw, clip.width, clip.height, known["sha256"])
    decoded = Clip(clip.name, source, clip.width, clip.height, clip.fps, clip.identity)
    return Reference(decoded, known["frames"])


def forget_reference(clip: Clip, scratch: Path) -> None:
    """Free the scratch space of a clip."""
    for suffix in (".rgb", ".json", ".lock"):
        scratch_path(scratch, clip).with_suffix(suffix).unlink(missing_ok=True)


def write_video(frames: Iterable[Frames], width: int, height: int, fps: Fraction, path: Path) -> None:
    """Write a playable copy for the report: H.264, visually lossless, quick to seek in.

    Raises:
        CodecError: ffmpeg failed.
        StoreError: the file cannot be written.
    """
    import ffmpeg as graph

    # 4:2:0 needs even sides; a player would not show the added column or row.
    even = "pad=ceil(iw/2)*2:ceil(ih/2)*2"
    with writing(path) as temporary:
        node = graph.input("pipe:", framerate=str(fps), **ffmpeg.rawvideo(width, height)).output(
            f"file:{temporary}", format="mp4", vcodec="libx264", preset="ultrafast", crf=14, g=12,
            vf=f"{even},{rgb_to_yuv420()}", movflags="+faststart", threads=1, **TAGS,
        )  # fmt: skip
        ffmpeg.collect(ffmpeg.command(node, extra=["-y"]), (block.data for block in frames))
