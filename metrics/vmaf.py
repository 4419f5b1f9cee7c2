"""Video Multi-Method Assessment Fusion."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from queue import Full, Queue
from typing import Any

import numpy as np

from ..core import ffmpeg
from ..core.colour import rgb_to_yuv420
from ..core.errors import MetricError, TalkbenchError, UsageError
from ..core.metric import PictureMetric, Scorer, Scores, Shape, check_block, pooled
from ..core.video import Frames

SMALLEST = 32
"""Side in pixels; libvmaf crashes on pictures much below."""


def _pairs(blocks: Queue[tuple[Frames, Frames] | None]) -> Iterator[Frames]:
    """The frames that ffmpeg is fed: a reference frame, its decoded frame, and so on."""
    while (block := blocks.get()) is not None:
        for reference, decoded in zip(*block, strict=True):
            yield np.ascontiguousarray(reference)
            yield np.ascontiguousarray(decoded)


def _command(model: str, shape: Shape) -> list[str]:
    """ffmpeg's command line: raw pairs on stdin, libvmaf's log on stdout.

    Reference and decoded frame are the upper and lower half of one picture, so that no time stamp
    decides which frames are compared, and one pipe carries both.
    """
    import ffmpeg as graph

    half, yuv = f"crop={shape.width}:{shape.height}:0", rgb_to_yuv420()
    filters = (
        f"format=gbrp,split[upper][lower];[upper]{half}:0,{yuv}[reference];[lower]{half}:{shape.height},{yuv}[decoded];"
        f"[decoded][reference]libvmaf=model=version\\={model}:n_threads=1:log_fmt=json:log_path=/dev/stdout"
    )
    node = graph.input("pipe:", **ffmpeg.rawvideo(shape.width, 2 * shape.height), r=str(shape.fps)).output(
        "-", format="null", filter_complex=filters
    )
    return ffmpeg.command(node, extra=["-filter_complex_threads", "1"])


class Vmaf(PictureMetric):
    """VMAF of luma (100: identical, about), by ffmpeg's libvmaf.

    Model vmaf_v0.6.1 (1080p at three picture heights), one thread, no sub-sampling. Reference and decoded
    8-bit RGB are both turned into bt709 limited-range 4:2:0 by core.colour, whose luma is scored. Frame 0
    is always fed, since VMAF's motion feature looks back; a clip's value is the mean of its frames',
    frame 0 left out unless run.count_first is set. The ffmpeg build, libvmaf included, is in the signature.
    The model was trained on whole 1080p scenes, not on faces: read it beside lpips.
    Source: Li et al., Toward a practical perceptual video quality metric, Netflix 2016; libvmaf.
    """

    name = "vmaf"
    direction = "higher"
    unit = "0-100"
    source = "Li et al., Netflix 2016; libvmaf"

    def __init__(self, *, model: str = "vmaf_v0.6.1", count_first: bool = False) -> None:
        super().__init__(count_first=count_first)
        if not re.fullmatch(r"vmaf_\w[\w.]*", str(model), re.ASCII):
            raise UsageError(
                f"metrics.vmaf.model={model} is no built-in model of libvmaf; give one such as vmaf_v0.6.1"
            )
        if "libvmaf" not in ffmpeg.filters():
            raise UsageError(
                f"{ffmpeg.binary()} has no libvmaf filter, which vmaf needs; leave vmaf out, "
                "or unset TALKBENCH_FFMPEG to use imageio-ffmpeg's"
            )
        self.model = model

    def settings(self) -> Mapping[str, Any]:
        return {"model": self.model, "yuv": "bt709-limited-420", "pool": "mean", "ffmpeg": ffmpeg.build()}

    def start(self, shape: Shape) -> Scorer:
        if shape.width % 2 or shape.height % 2 or min(shape.width, shape.height) < SMALLEST:
            raise MetricError(
                f"vmaf needs even sides of at least {SMALLEST}, this clip is {shape.width}x{shape.height}; "
                "leave the metric out, or use another --size"
            )
        return _VmafScorer(self, shape)


class _VmafScorer(Scorer):
    """Feeds a running ffmpeg, at most two blocks ahead of it."""

    def __init__(self, metric: Vmaf, shape: Shape) -> None:
        self.metric, self.shape, self.frames = metric, shape, 0
        self.blocks: Queue[tuple[Frames, Frames] | None] = Queue(2)
        self.log: Future[bytes] | None = None

    def _put(self, block: tuple[Frames, Frames] | None) -> None:
        if self.log is None:
            thread = ThreadPoolExecutor(1, "vmaf")
            arguments = _command(self.metric.model, self.shape)
            self.log = thread.submit(ffmpeg.collect, arguments, _pairs(self.blocks))
            thread.shutdown(wait=False)
        while True:
            try:
                return self.blocks.put(block, timeout=0.2)
            except Full:
                if self.log.done():  # ffmpeg ended early, and nobody empties the queue
                    self.log.result()
                    raise MetricError("ffmpeg's libvmaf ended before the clip did; score it again") from None

    def update(self, reference: Frames, decoded: Frames) -> None:
        check_block(self.shape, decoded)
        if len(reference) != len(decoded):
            raise MetricError(f"{len(decoded)} decoded frames found, {len(reference)} expected")
        self._put((reference, decoded))
        self.frames += len(decoded)

    def finish(self) -> Scores:
        values = np.zeros(0)
        if self.frames:
            self._put(None)
            assert self.log is not None
            frames = json.loads(self.log.result())["frames"]
            values = np.array([frame["metrics"]["vmaf"] for frame in frames], np.float64)
        if len(values) != self.frames:
            raise MetricError(f"libvmaf scored {len(values)} frames of {self.frames}; check this ffmpeg")
        counted = pooled(values, self.metric.count_first)
        return Scores({"vmaf": float(counted.mean())}, {"vmaf": values})

    def close(self) -> None:
        if self.log is not None and not self.log.done():
            with suppress(TalkbenchError):
                self._put(None)
                self.log.result()
