"""The contract of a metric: scores a decoded clip against its reference, never told who made it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from types import MappingProxyType
from typing import Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from .assets import Asset
from .errors import MetricError, UsageError
from .signature import signature
from .version import __version__
from .video import Frames, Sound

Values = NDArray[np.float64]
"""One number a frame: (t,), float64."""

Direction = Literal["lower", "higher"]
"""Which way is better."""


def silence() -> Sound | None:
    """The sound of a clip that has none."""
    return None


@dataclass(frozen=True)
class Shape:
    """What a scorer may know of the clip before its frames.

    Scorers of several clips in step with one reference are started with the very same object.

    Attributes:
        width, height: in pixels.
        fps: frames per second.
        frames: how many will come, or None where nobody knows yet.
        sound: reads what is heard while they are shown (`Clip.sound`).
    """

    width: int
    height: int
    fps: Fraction
    frames: int | None = None
    sound: Callable[[], Sound | None] = field(default=silence, repr=False, compare=False)


@dataclass(frozen=True)
class Scores:
    """A clip's result.

    Attributes:
        values: the clip's value by column name, a number each.
        frames: per-frame values (frame 0 included) by column name, each (n,); NaN where a frame has none,
            such as one in which no face is found.
        absent: why a column has no value for this clip, by column name; no column is here and in `values`.
        features: of a set metric, which has none of these: of the sampled frames, (t, d) float32.
    """

    values: Mapping[str, float]
    frames: Mapping[str, Values] = field(default_factory=dict)
    absent: Mapping[str, str] = field(default_factory=dict)
    features: NDArray[np.float32] | None = None


@dataclass(frozen=True)
class Column:
    """How the values of a column are read: their unit, and which way is better.

    Attributes:
        unit, direction: as of a metric.
        counts: whether it says how often, or how much, there was something to measure, as a miss rate does;
            such a column stands in tables, and no codec is compared at equal misses.
    """

    unit: str
    direction: Direction
    counts: bool = False


@dataclass(frozen=True)
class StreamFacts:
    """What is known of a coded clip apart from its pixels.

    Attributes:
        sizes: bytes by kind of chunk (core.bitstream.sizes).
        frames: decoded frames, frame 0 included.
        shape: of the clip.
        encode_seconds, decode_seconds: wall time inside `Method.encode` and `Method.decode`; None where that
            was done elsewhere.
    """

    sizes: Mapping[str, int]
    frames: int
    shape: Shape
    encode_seconds: float | None
    decode_seconds: float | None


class Metric(ABC):
    """Common to all metrics. The class's docstring is its definition, printed by `bench list metrics`."""

    name: ClassVar[str]
    direction: ClassVar[Direction]
    unit: ClassVar[str]
    source: ClassVar[str]
    """Paper or standard that defines it."""
    assets: ClassVar[tuple[Asset, ...]] = ()
    by_hand: ClassVar[tuple[str, ...]] = ()
    """Addresses of files that no package carries; the metric itself says where they are to be put."""

    @property
    def columns(self) -> tuple[str, ...]:
        """Names of the values that it gives; most give one, of their own name."""
        return (self.name,)

    def column(self, name: str) -> Column:
        """How one of its columns is read: as the metric itself, unless a metric says otherwise of some."""
        return Column(self.unit, self.direction)

    def needs(self) -> tuple[Asset, ...]:
        """The assets that these settings need."""
        return self.assets

    def lacks(self) -> str:
        """What this machine lacks that no command can fetch, said as a reason for n/a; '' if nothing."""
        return ""

    @abstractmethod
    def settings(self) -> Mapping[str, Any]:
        """All that changes the number: parameters, hashes of weights, versions of libraries."""

    @property
    def signature(self) -> str:
        """The recipe of this metric's values, on one line."""
        return signature(self.name, self.settings(), __version__)


def positive(key: str, value: Any, example: str) -> float:
    """A setting that must be a number above 0.

    Args:
        key: of the setting, such as ``metrics.psnr.cap``.
        value: as configured.
        example: a value with its unit, for the message.

    Raises:
        UsageError: not a finite number above 0.
    """
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value < float("inf"):
        raise UsageError(f"{key}={value} is out of range; give a number above 0, such as {example}")
    return float(value)


def check_block(shape: Shape, decoded: Frames) -> None:
    """Refuse decoded frames that are not the clip's.

    Raises:
        MetricError: not (t, H, W, 3) uint8 with the clip's H and W.
    """
    expected = (shape.height, shape.width, 3)
    if decoded.dtype != np.uint8 or decoded.ndim != 4 or decoded.shape[1:] != expected:
        raise MetricError(
            f"decoded frames are {decoded.dtype} {decoded.shape}, expected uint8 (t, {shape.height}, "
            f"{shape.width}, 3); decode to the clip's size, and round to 8 bits"
        )


def check_sides(metric: str, width: int, height: int, least: int) -> None:
    """Refuse pictures that are too small for a metric.

    Args:
        metric: its name, for the message.
        width, height: of the pictures, in pixels.
        least: of both.

    Raises:
        MetricError: a side is below `least`.
    """
    if min(width, height) < least:
        raise MetricError(
            f"{metric} needs sides of at least {least} pixels, this clip is {width}x{height}; "
            "leave the metric out, or use a larger --size"
        )


def pooled(values: Values, count_first: bool) -> Values:
    """The frames that count in a clip's value.

    Args:
        values: (n,), one number a frame.
        count_first: whether frame 0 counts.

    Raises:
        MetricError: no frame counts, or a value is not a finite number.
    """
    _refuse(values, ~np.isfinite(values))
    return counted(values, count_first)


def pooled_present(values: Values, count_first: bool) -> Values:
    """The frames that count in a clip's value and have one: NaN says that a frame has none.

    Args:
        values, count_first: as for `pooled`.

    Returns:
        (m,), m <= n, and 0 where no frame that counts has a value: the column is then in `Scores.absent`.

    Raises:
        MetricError: no frame counts, or a value is infinite.
    """
    _refuse(values, np.isinf(values))
    frames = counted(values, count_first)
    return frames[~np.isnan(frames)]


def counted(values: Values, count_first: bool) -> Values:
    """The frames that count, whatever their values are.

    Raises:
        MetricError: there is none.
    """
    frames = values if count_first else values[1:]
    if not len(frames):
        raise MetricError(
            f"{len(values)} frames were scored and frame 0 does not count; "
            "score at least two frames, or set run.count_first=true"
        )
    return frames


def _refuse(values: Values, wrong: NDArray[np.bool_]) -> None:
    if wrong.any():
        frame = int(np.flatnonzero(wrong)[0])
        raise MetricError(f"frame {frame} has the value {values[frame]}, expected a finite number")


class Scorer(ABC):
    """Takes one decoded clip, block by block, beside its prepared reference."""

    @abstractmethod
    def update(self, reference: Any, decoded: Frames) -> None:
        """Take the next block.

        Args:
            reference: what `PictureMetric.prepare` made of the reference block.
            decoded: the same frames decoded, (t, H, W, 3) uint8 RGB.

        Raises:
            MetricError: the decoded block does not fit the clip or the reference.
        """

    @abstractmethod
    def finish(self) -> Scores:
        """The clip's scores; called once, after the last block.

        Raises:
            MetricError: no frame counts, or a value is not a number: never returned as NaN. A column that
                the clip gives no occasion for is in `Scores.absent`, with the reason.
        """

    def close(self) -> None:  # noqa: B027  (most scorers hold nothing)
        """Release what is held, finished or not."""


class PictureMetric(Metric):
    """A metric of pixels.

    Args:
        count_first: whether frame 0, which neural methods send as a picture, counts in the clip's
            value. Per-frame values always keep it.
    """

    region: Mapping[str, Any] = MappingProxyType({})
    """Settings of what was done to all pictures before they are scored; empty where they are scored whole."""

    def __init__(self, *, count_first: bool = False) -> None:
        self.count_first = count_first

    def recipe(self) -> dict[str, Any]:
        """All that changes the number and is not of the clips: `settings`, frame 0, and `region`."""
        first = "counts" if self.count_first else "left-out"
        return {**self.settings(), **self.region, "frame0": first}

    @property
    def signature(self) -> str:
        return signature(self.name, self.recipe(), __version__)

    def prepare(self, reference: Frames) -> Any:
        """What `update` wants of a block of reference frames; made once for all methods of a clip."""
        return reference

    @abstractmethod
    def start(self, shape: Shape) -> Scorer:
        """A scorer for one decoded clip.

        Raises:
            MetricError: the metric does not apply to such a clip.
        """


class FrameMetric(PictureMetric):
    """A metric whose clip value is pooled from one number a frame."""

    @abstractmethod
    def compare(self, reference: Any, decoded: Frames) -> Values:
        """One value a frame.

        Args:
            reference: what `prepare` made of the reference block.
            decoded: (t, H, W, 3) uint8 RGB.

        Returns:
            (t,) float64.
        """

    def pool(self, values: Values) -> float:
        """The clip's value from its frames': the mean, unless a metric says otherwise."""
        return float(np.mean(values))

    def shown(self, values: Values) -> Values:
        """The per-frame values to store, where they are not what is pooled."""
        return values

    def start(self, shape: Shape) -> Scorer:
        return _FrameScorer(self, shape)


class _FrameScorer(Scorer):
    def __init__(self, metric: FrameMetric, shape: Shape) -> None:
        self.metric, self.shape = metric, shape
        self.blocks: list[Values] = []

    def update(self, reference: Any, decoded: Frames) -> None:
        check_block(self.shape, decoded)
        self.blocks.append(self.metric.compare(reference, decoded))

    def finish(self) -> Scores:
        values = np.concatenate([np.zeros(0), *self.blocks])
        clip = self.metric.pool(pooled(values, self.metric.count_first))
        return Scores({self.metric.name: clip}, {self.metric.name: self.metric.shown(values)})


class RateMetric(Metric):
    """A metric of what was sent and how long it took; it sees no pixels."""

    @abstractmethod
    def measure(self, facts: StreamFacts) -> Mapping[str, float]:
        """The clip's values by column name.

        Raises:
            MetricError: they are not known of such a stream.
        """
