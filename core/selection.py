"""Choosing clips of any data set by what they show: size of the crop, size of the head, length.

The paper's test set (Wang et al., CVPR 2021, appendix C.4: 222 videos from the web, heads of at least 512 x
512 pixels, 20 to 1,024 frames) was checked by hand and never published; its kind is chosen by
``select.head=512 select.frames=[20,1024]``.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

from .assets import Asset, cache
from .dataset import whole
from .errors import UsageError, VideoError
from .shared_assets import FACE_LANDMARKER
from .store import write_json
from .video import Clip

VERSION = 1
"""Raised when heads are measured otherwise, so that no earlier measurement outlives it."""

HEAD = 7 / 6
"""A head's height, crown to chin, in heights of MediaPipe's face mesh, hairline to chin: the face is three
equal parts, and from the hairline to the crown is half another (the usual canon of figure drawing)."""


@dataclass(frozen=True)
class Shown:
    """What is known of a clip.

    Attributes:
        frames: how many it has.
        head: height of the head, crown to chin, in stored pixels, before any scaling: the median of a
            picture a second; None where no face was found.
    """

    frames: int
    head: float | None


@dataclass(frozen=True)
class Selection:
    """Which clips take part; None asks nothing.

    Attributes:
        side: least width and height of the crop, in stored pixels: from there on nothing is enlarged.
        head: least height of the head, in stored pixels.
        frames: least and most frames.
    """

    side: int | None = None
    head: int | None = None
    frames: tuple[int, int] | None = None

    @staticmethod
    def of(config: Mapping[str, Any]) -> Selection:
        """The selection that a run's configuration asks for in its group ``select``, if it has one.

        Raises:
            UsageError: a value is out of range.
        """
        settings = config.get("select") or {}
        side, head, frames = (settings.get(key) for key in ("side", "head", "frames"))
        for key, value in (("side", side), ("head", head)):
            if value is not None:
                whole(f"select.{key}", value, 1)
        if frames is not None:
            if not isinstance(frames, list) or len(frames) != 2:
                raise UsageError(
                    f"select.frames={frames} found; give the least and the most, such as [20,1024]"
                )
            least, most = (whole("select.frames", value, 1) for value in frames)
            if least > most:
                raise UsageError(f"select.frames={frames} found; give the least first")
            frames = (least, most)
        return Selection(side, head, frames)

    def needs(self) -> tuple[Asset, ...]:
        """Files that choosing needs."""
        return () if self.head is None else (FACE_LANDMARKER,)

    def choose(self, clips: Iterable[Clip]) -> Iterator[tuple[Clip, str]]:
        """Each clip with the reason why it does not take part, '' for those that do.

        A clip that cannot be read takes part, so that its failure is recorded.

        Raises:
            AssetError: the face landmarker is wanted and missing.
        """
        with ExitStack() as stack:
            detector: Any = None
            for clip in clips:
                if self.head is not None and detector is None:
                    from .face_landmarks import FaceLandmarks

                    detector = stack.enter_context(FaceLandmarks())
                try:
                    reason = self._small(clip)
                    if not reason and (self.head is not None or self.frames is not None):
                        reason = self._unfit(_shown(clip, detector))
                except VideoError:
                    reason = ""
                yield clip, reason

    def _small(self, clip: Clip) -> str:
        if self.side is None:
            return ""
        width, height = _stored(clip)
        if min(width, height) >= self.side:
            return ""
        return f"its crop has {width}x{height} stored pixels; select.side asks for {self.side}"

    def _unfit(self, shown: Shown) -> str:
        if self.frames is not None and not self.frames[0] <= shown.frames <= self.frames[1]:
            least, most = self.frames
            return f"it has {shown.frames} frames; select.frames asks for {least} to {most}"
        if self.head is not None and shown.head is None:
            return "no face is found in it; select.head asks for one"
        if self.head is not None and shown.head is not None and shown.head < self.head:
            return f"its head is {shown.head:.0f} stored pixels high; select.head asks for {self.head}"
        return ""


def _stored(clip: Clip) -> tuple[int, int]:
    return clip.source.stored() or (clip.width, clip.height)


def _shown(clip: Clip, detector: Any) -> Shown:
    """What is known of a clip, measured once and kept in the cache."""
    path = cache() / "shown" / f"{clip.sha256}-{VERSION}{'' if detector is None else '-head'}.json"
    try:
        value = json.loads(path.read_text("utf-8"))
        return Shown(value["frames"], value["head"])
    except (OSError, ValueError, KeyError, TypeError):
        pass
    shown = measure(clip, detector)
    write_json(path, vars(shown))
    return shown


def measure(clip: Clip, detector: Any = None) -> Shown:
    """Decode a clip, count its frames, and look for its head.

    Args:
        clip: what is looked at.
        detector: (H, W, 3) uint8 → points (n, 2) of the largest face or None; None: no head is wanted.

    Raises:
        VideoError: the clip cannot be read.
    """
    import numpy as np

    frames, heights = 0, []
    every, scale = max(1, round(clip.fps)), _stored(clip)[1] / clip.height
    for block in clip.frames():
        for frame in block:
            if detector is not None and frames % every == 0:
                points = detector(frame)
                if points is not None:
                    heights.append(float(np.ptp(points[:, 1])) * HEAD * scale)
            frames += 1
    return Shown(frames, float(np.median(heights)) if heights else None)
