"""The files that are shown: H.264 that nobody can tell from the frames, and that tell nothing else."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

from ...core import ffmpeg
from ...core.colour import TAGS, rgb_to_yuv420
from ...core.errors import StoreError
from ...core.signature import sha256_file
from ...core.store import writing
from ...core.video import Clip, Frames
from .manifest import PICTURE, Video

Show = Callable[[str, str, str], Clip]
"""Gives the frames of a method (REFERENCE and PICTURE among them), a point and a clip."""


def file_of(folder: Path, video: Video) -> Path:
    """Where what is shown lies."""
    return folder / "videos" / f"{video.name}.{'png' if video.method == PICTURE else 'mp4'}"


def make_video(folder: Path, video: Video, show: Show) -> Video:
    """Make a video or picture of a study, unless it is there; returns it with its hashes.

    A method's file that is there is whole and of these very frames, since its name comes from their hash.

    Args:
        folder: of the study.
        video: what is expected: of a method, also which frames.
        show: gives the frames.

    Raises:
        StoreError: the frames have another length or size than the run says, or the file cannot be written.
        TalkbenchError: the frames cannot be had.
    """
    path = file_of(folder, video)
    if not video.unit or not path.is_file():
        clip = show(video.method, video.point, video.clip)
        count, sha256 = _write(clip, path)
        if (count, clip.width // 2 * 2, clip.height // 2 * 2) != (video.frames, video.width, video.height):
            raise StoreError(
                f"{video.method} {video.point} of '{video.clip}' has {count} frames of "
                f"{clip.width}x{clip.height}, the run says {video.frames} of {video.width}x{video.height}; "
                "repeat the run's command"
            )
        video = replace(video, frames_sha256=sha256)
    return replace(video, sha256=sha256_file(path))


def _write(clip: Clip, path: Path) -> tuple[int, str]:
    """Write a clip as MP4, or its only frame as PNG; returns the number and the sha256 of its rgb24 frames.

    4:2:0 needs even sides: an odd one loses its last row or column, for every method alike.
    """
    import ffmpeg as graph

    digest, count = hashlib.sha256(), 0

    def fed() -> Iterator[Frames]:
        nonlocal count
        for block in clip.frames():
            count += len(block)
            digest.update(block.data)
            yield block.data  # type: ignore[misc]

    even = "crop=trunc(iw/2)*2:trunc(ih/2)*2:0:0"
    with writing(path) as temporary:
        raw = graph.input("pipe:", framerate=str(clip.fps), **ffmpeg.rawvideo(clip.width, clip.height))
        mute = {"map_metadata": -1, "fflags": "+bitexact", "flags": "+bitexact", "metadata:s:v": "encoder="}
        if path.suffix == ".png":
            node = raw.output(f"file:{temporary}", format="image2pipe", vcodec="png", vf=even, **mute)
        else:
            node = raw.output(
                f"file:{temporary}", format="mp4", vcodec="libx264", preset="medium", crf=10, threads=1,
                vf=f"{even},{rgb_to_yuv420()}", movflags="+faststart", **mute, **TAGS,
                **{"bsf:v": "filter_units=remove_types=6"},
            )  # fmt: skip
        ffmpeg.collect(ffmpeg.command(node, extra=["-y"]), fed())
    return count, digest.hexdigest()
