"""Animated pictures whose networks come from a file: what `ours`, `fomm` and `fs_vid2vid` share."""

from __future__ import annotations

import functools
import hashlib
import itertools
import math
from abc import abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from ..core.errors import AssetError, CodecError, TalkbenchError, UsageError, unknown
from ..core.fp16_motion import AdaptiveFp16Motion, Fp16Motion
from ..core.method import Animator
from ..core.motion_coding import MotionCoding, Parameters
from ..core.motion_statistics import MotionStatistics, emphasised
from ..core.picture import PictureCodec
from ..core.predictive_motion import PredictiveMotion
from ..core.signature import code, digest, sha256_file, sha256_once
from ..core.transform_motion import TransformMotion
from ..core.version import __version__
from ..core.video import Clip, Frame, Frames
from .animated_picture import AnimatedPicture, single, square
from .compute import Compute
from .correction import Corrector
from .residual.codec import ResidualCodec

if TYPE_CHECKING:
    from torch import Tensor

SHIPPED = Path(__file__).parent / "weights"


@dataclass(frozen=True)
class Sent:
    """What is sent for a frame.

    Attributes:
        keypoints: numbers of the first so many keypoints, or None for all that there are.
        scale: size of the steps in those of the point `predictive`, or None for fp16 numbers.
        adaptive: whether the encoder chooses for every frame of how many keypoints it sends numbers.
    """

    keypoints: int | None = None
    scale: float | None = None
    adaptive: bool = False


STRUCTURES = {
    "first": "low delay: no frame is seen ahead",
    "best": "whole clip: all of it is seen before anything is sent",
}
"""Settings of `source`, and what they make of the stream."""
CANDIDATES = 9
"""Frames of a clip, evenly spaced, among which the best source picture is sought."""
PREDICTIVE = {
    "predictive-coarse": Sent(scale=2.0),
    "predictive": Sent(scale=1.0),
    "predictive-fine": Sent(scale=0.5),
}
"""The points that every neural codec has."""


class NeuralCodec(AnimatedPicture, Animator):
    """Networks read numbers off each frame, and paint a frame from the source picture and its numbers.

    Pictures that are not square, or whose side is no multiple of what the networks need, have their last
    rows and columns repeated before the networks see them, and are cut again afterwards.

    Args:
        point: a name in `points`.
        weights: a file of the networks' weights: a full path, or the name of a shipped one.
        statistics: an `.npz` file of motion statistics, learnt with these weights; likewise.
        codec, qp: of the source picture, as those of `freeze`.
        source: which frame is sent as the picture: the `first`, as in a call; or the `best` of CANDIDATES,
            from which they all are painted with the least mean absolute error, known only once the whole
            clip is there.
        batch: frames that go through the networks at a time.
        device, precision, threads: of the networks (methods.compute).
        refresh: `picture` or `residual`: what is sent in mid-stream of a frame that is shown too badly, to be
            the source picture from there on; or `none`.
        refresh_below: PSNR in dB of a frame below which that is so (methods.correction).
        residual: weights of the residual code; a file, as `weights`.
    """

    points: ClassVar[Mapping[str, Sent]]
    """What is sent at each operating point."""
    networks: ClassVar[Path]
    """Folder of the networks' code."""
    head: ClassVar[int]
    """Numbers a frame that belong to no keypoint; they come first."""
    each: ClassVar[int]
    """Numbers of a keypoint."""

    def __init__(
        self, *, point: str, weights: str | None, statistics: str | None, codec: str, qp: int, source: str,
        batch: int, device: str, precision: str, threads: int, refresh: str, refresh_below: float,
        residual: str | None,
    ) -> None:  # fmt: skip
        self.compute = Compute(device, precision, threads)
        alone = Compute("cpu", "float32", threads)
        residuals = ResidualCodec(lambda: self._file("residual"), alone.running)
        super().__init__(Corrector(refresh, refresh_below, PictureCodec(codec, qp), residuals))
        if point not in self.points:
            raise unknown(f"methods.{self.name}.point", str(point), self.points)
        self.point = point
        self.sent = self.points[point]
        self.files = {"weights": weights, "statistics": statistics, "residual": residual}
        self.source, self.batch = source, batch

    @classmethod
    @abstractmethod
    def load(cls, file: Path) -> Any:
        """The networks in a weights file, ready to run; `config.keypoints` says how many they have.

        Raises:
            ValueError, KeyError, TypeError, RuntimeError: the file holds something else.
        """

    @classmethod
    @abstractmethod
    def steps(cls, keypoints: int) -> list[float]:
        """Step of each number of a frame at the point `predictive`."""

    @classmethod
    def learn(cls, tracks: Sequence[Parameters], keypoints: int) -> MotionStatistics:
        """Statistics of tracks (t, n) of validation clips.

        Raises:
            CodecError: there are no frames, or a number is not finite.
        """
        return MotionStatistics.learn(tracks, cls.steps(keypoints), together=True)

    @property
    @abstractmethod
    def multiple(self) -> int:
        """The side of the pictures that the networks take is a multiple of this."""

    @abstractmethod
    def parameters(self, pictures: Tensor) -> Parameters:
        """Numbers (t, n) of pictures (t, 3, S, S) in [0, 1]."""

    @abstractmethod
    def read_source(self, picture: Tensor, numbers: Parameters | None) -> Any:
        """All that is computed from the source picture alone.

        Args:
            picture: (1, 3, S, S) in [0, 1].
            numbers: its own (1, n), of a method that `sends_source`.
        """

    @abstractmethod
    def paint(self, source: Any, numbers: Parameters) -> Tensor:
        """Pictures (t, 3, S, S) in [0, 1] from `read_source`'s result and numbers (t, n)."""

    @abstractmethod
    def relative(self, source: Parameters, driving: Parameters, first: Parameters) -> Parameters:
        """The source's numbers (1, n) with what changed in the driving (t, n) since its first (1, n)."""

    def check(self) -> None:
        name = f"methods.{self.name}"
        self.picture.check(name)
        self.corrector.check(name)
        self.compute.check(name)
        if str(self.source) not in STRUCTURES:
            raise unknown(f"{name}.source", str(self.source), STRUCTURES)
        if self.source != "first" and self.corrector.mode != "none":
            raise UsageError(
                f"{name}.source={self.source} and {name}.refresh={self.corrector.mode} exclude each other: "
                "corrections follow the first frame; leave one of them out"
            )
        if isinstance(self.batch, bool) or not isinstance(self.batch, int) or not 1 <= self.batch <= 256:
            raise UsageError(f"{name}.batch={self.batch} is out of range; give an integer from 1 to 256")
        try:
            self.weights_fingerprint()
            self.describe()
        except TalkbenchError as error:
            raise UsageError(str(error)) from None

    def _file(self, key: str) -> Path:
        named, setting = self.files[key], f"methods.{self.name}.{key}"
        if named is None:
            raise AssetError(f"{setting} is not set; name a file, or leave the shipped one")
        file = Path(named).expanduser()
        if file.name == named:
            file = SHIPPED / named
        if not file.is_absolute() or not file.is_file():
            # Decoding runs in a folder of its own, where relative paths lead nowhere.
            raise AssetError(
                f"{setting}={named} is no file; name one with its full path, or one of "
                f"{', '.join(sorted(path.name for path in SHIPPED.glob('*.*'))) or 'those shipped: none'}"
            )
        return file

    def weights_fingerprint(self) -> str:
        return sha256_once(self._file("weights"))

    @functools.cached_property
    def _statistics(self) -> MotionStatistics:
        return MotionStatistics.load(self._file("statistics"))

    @property
    def keypoints(self) -> int:
        """Keypoints whose numbers are sent."""
        return self.sent.keypoints or (len(self._statistics.cross) - self.head) // self.each

    @functools.cached_property
    def coding(self) -> MotionCoding:
        part = self._statistics.first(self.head + self.each * self.keypoints)
        if self.sent.adaptive:
            return AdaptiveFp16Motion(part.byte_counts, head=self.head, group=self.each)
        if self.sent.scale is None:
            return Fp16Motion(part.byte_counts)
        steps = [self.sent.scale * step for step in self.steps(self.keypoints)]
        return TransformMotion(steps, part.basis) if len(part.basis) else PredictiveMotion(steps, part.cross)

    @functools.cached_property
    def model(self) -> Any:
        """The networks, ready to run.

        Raises:
            AssetError: the weights are missing, not such weights, or of fewer keypoints than are sent.
        """
        from safetensors import SafetensorError

        file = self._file("weights")
        try:
            model = self.load(file)
        except (ValueError, KeyError, TypeError, RuntimeError, SafetensorError) as error:
            reason = " ".join(str(error).split())[:300]
            raise AssetError(
                f"{file} holds no weights of `{self.name}`: {reason}; name another file"
            ) from None
        if model.config.keypoints < self.keypoints:
            raise AssetError(
                f"{file} has {model.config.keypoints} keypoints, {self.point} sends {self.keypoints}; "
                "choose a point of fewer"
            )
        return model.to(self.compute.device)

    def pictures(self, frames: Frames) -> Tensor:
        """(t, H, W, 3) uint8 → (t, 3, S, S) in [0, 1], square."""
        import torch

        whole = self.compute.tensor(square(frames, self.multiple)).permute(0, 3, 1, 2)
        return (whole.float() / 255).contiguous(memory_format=torch.channels_last)

    def track(self, frames: Iterable[Frames]) -> Iterator[Parameters]:
        """Numbers (t, n) of the frames of a clip, in blocks."""
        for part in self.batches(frames):
            with self.compute.running():
                numbers = self.parameters(self.pictures(part))
            yield numbers

    def source_number(self, clip: Clip) -> int:
        if self.source == "first":
            return 0
        count = sum(map(len, clip.frames()))
        numbers = np.unique(np.linspace(0, max(count - 1, 0), CANDIDATES).round().astype(int))
        candidates = [one.copy() for at, one in enumerate(single(clip)) if at in numbers]
        errors = [self._error(source, np.stack(candidates)) for source in candidates]
        return int(numbers[np.argmin(errors)]) if errors else 0

    def _error(self, source: Frame, frames: Frames) -> float:
        """Mean absolute error of frames (t, H, W, 3) painted from a source; infinity where they cannot be."""
        try:
            _, still = self.understood(source)
        except CodecError:
            return math.inf
        numbers = np.concatenate(list(self.track(iter([source[None], frames]))))
        sent = self.emphasis(source)(numbers)[1:]
        parts = zip(self.batches([frames]), self.batches([sent]), strict=True)
        errors = [self.painted(still, some, source) - part.astype(np.float32) for part, some in parts]
        return float(np.abs(np.concatenate(errors)).mean())

    def emphasis(self, source: Frame) -> Callable[[Parameters], Parameters]:
        """What the sender makes of a frame's numbers (t, n): their difference from the source picture's own,
        multiplied by the statistics' `emphasis`; themselves, where there is none."""
        matrix = self._statistics.first(self.head + self.each * self.keypoints).emphasis
        if not len(matrix):
            return lambda numbers: numbers
        own = next(self.track(iter([source[None]])))
        return lambda numbers: emphasised(numbers, own, matrix)

    def estimate(self, source: Frame, frames: Iterable[Frames]) -> Iterator[Parameters]:
        return map(self.emphasis(source), self.track(frames))

    def render(self, source: Frame, motion: Iterable[Parameters]) -> Iterator[Frames]:
        blocks = iter(motion)
        own: Parameters | None = None
        if self.sends_source:
            first = next(blocks)
            own, blocks = first[:1], itertools.chain([first[1:]], blocks)
        with self.compute.running():
            still = self.read_source(self.pictures(source[None]), own)
        for part in self.batches(blocks):
            yield self._frames(still, part, source)

    def _frames(self, still: Any, numbers: Parameters, source: Frame) -> Frames:
        """Frames (t, H, W, 3) of the numbers that are sent; `still` is what `read_source` returned."""
        height, width = source.shape[:2]
        with self.compute.painting():
            whole = (self.paint(still, numbers).nan_to_num() * 255).round().clamp(0, 255).byte()
            frames: Frames = whole[..., :height, :width].permute(0, 2, 3, 1).contiguous().cpu().numpy()
        return frames

    def understood(self, source: Frame) -> tuple[Parameters, Any]:
        """A picture's own numbers (1, n), and what `read_source` makes of it; nothing is coded."""
        with self.compute.running():
            picture = self.pictures(source[None])
            own = self.parameters(picture)
            return own, self.read_source(picture, own if self.sends_source else None)

    def painted(self, still: Any, numbers: Parameters, source: Frame) -> Frames:
        """Frames (t, H, W, 3) of a picture that is `understood`, from numbers (t, n) that were not coded."""
        if self.sent.adaptive:
            numbers = np.insert(numbers, 0, self.keypoints, axis=1)
        return self._frames(still, numbers, source)

    def animate(self, source: Frame, driving: Clip, relative: bool = False) -> Iterator[Frames]:
        own, still = self.understood(source)
        first: Parameters | None = None
        for numbers in self.track(driving.frames()):
            if relative:
                first = numbers[:1] if first is None else first
                numbers = self.relative(own, numbers, first)
            yield self.painted(still, numbers, source)

    def batches(self, blocks: Iterable[Any]) -> Iterator[Any]:
        """Blocks cut into parts of `batch` at most."""
        for block in blocks:
            for at in range(0, len(block), self.batch):
                yield block[at : at + self.batch]

    def size(self, width: int, height: int) -> Mapping[str, int]:
        """As of `Method`: half of what PyTorch's FlopCounterMode counts in the networks as they run, with
        norms folded; it does not count Fourier transforms and resampling.
        """
        from torch.utils.flop_counter import FlopCounterMode

        grey = np.full((height, width, 3), 128, np.uint8)
        still = np.zeros((1, self.head + self.each * self.keypoints), np.float32)
        with self.compute.running():
            source = self.read_source(self.pictures(grey[None]), still if self.sends_source else None)
        with FlopCounterMode(display=False) as counter:
            self.painted(source, still, grey)
        return {"parameters": self.model.learnt, "macs": counter.get_total_flops() // 2}

    def describe(self) -> Mapping[str, str]:
        return {
            "point": self.point,
            "keypoints": str(self.keypoints),
            "structure": STRUCTURES[self.source],
            **super().describe(),
            "emphasis": hashlib.sha256(self._statistics.emphasis.tobytes()).hexdigest()[:12],
            "batch": str(self.batch),
            **self.compute.describe(),
            "torch": version("torch"),
            "networks": digest([sha256_file(file) for file in sorted(self.networks.glob("*.py"))])[:12],
            "code": code(type(self)),
            "version": __version__,
        }
