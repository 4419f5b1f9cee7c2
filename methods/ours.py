"""Face-vid2vid: a source picture re-animated by head pose and the deformations of K keypoints."""

from __future__ import annotations

import functools
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ..core.errors import AssetError, TalkbenchError, UsageError, unknown
from ..core.fp16_motion import AdaptiveFp16Motion, Fp16Motion
from ..core.motion_coding import MotionCoding, Parameters
from ..core.motion_statistics import MotionStatistics
from ..core.picture import PictureCodec
from ..core.predictive_motion import PredictiveMotion
from ..core.signature import code, digest, sha256_file, sha256_once
from ..core.version import __version__
from ..core.video import Frame, Frames
from .animated_picture import AnimatedPicture, square
from .face_vid2vid.points import POINTS, steps

if TYPE_CHECKING:
    from torch import Tensor

    from .face_vid2vid.model import Source, TalkingHead
    from .face_vid2vid.networks import Motion

NETWORKS = Path(__file__).parent / "face_vid2vid"
SHIPPED = Path(__file__).parent / "weights"


class Ours(AnimatedPicture):
    """The model of Wang, Mallya, Liu (CVPR 2021): yaw, pitch, roll, translation and deformations a frame.

    The points `k20`, `k15`, `k10` send fp16 numbers as appendix C.1 and C.2 say: 6K + 12 bytes before
    coding. At `adaptive` the encoder sends for each frame a quarter, half, three quarters or all of the
    deformations: as few as raise the mean absolute error by the share `loss` at most. The points
    `predictive-fine`, `predictive` and `predictive-coarse` send all of them, in steps.
    Pictures that are not square, or whose side the networks cannot halve as often as they must, have
    their last rows and columns repeated before the networks see them, and are cut again afterwards.

    Args:
        point: a name of the above.
        weights: a `.safetensors` file of the networks: a full path, or the name of a shipped one.
        statistics: an `.npz` file of motion statistics, learnt with these weights; likewise.
        loss: of the point `adaptive`; without effect on the others.
        codec, qp: of the source picture, as those of `freeze`.
        batch: frames that go through the networks at a time.
        threads: of the networks.
    """

    name = "ours"

    def __init__(
        self, *, point: str, weights: str | None, statistics: str | None, loss: float,
        codec: str, qp: int, batch: int, threads: int,
    ) -> None:  # fmt: skip
        super().__init__(PictureCodec(codec, qp))
        if point not in POINTS:
            raise unknown("methods.ours.point", str(point), POINTS)
        self.point = POINTS[point]
        self.point_name = point
        self.loss = loss
        self.files = {"weights": weights, "statistics": statistics}
        self.batch = batch
        self.threads = threads

    def check(self) -> None:
        self.picture.check("methods.ours")
        for key, value, most in (("batch", self.batch, 256), ("threads", self.threads, 256)):
            if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= most:
                raise UsageError(
                    f"methods.ours.{key}={value} is out of range; give an integer from 1 to {most}"
                )
        if isinstance(self.loss, bool) or not isinstance(self.loss, (int, float)) or not 0 <= self.loss <= 1:
            raise UsageError(f"methods.ours.loss={self.loss} is out of range; give a share from 0 to 1")
        try:
            self.weights_fingerprint()
            self.describe()
        except TalkbenchError as error:
            raise UsageError(str(error)) from None

    def _file(self, key: str) -> Path:
        named = self.files[key]
        if named is None:
            raise AssetError(f"methods.ours.{key} is not set; name a file, or leave the shipped one")
        file = Path(named).expanduser()
        if file.name == named:
            file = SHIPPED / named
        if not file.is_absolute() or not file.is_file():
            # Decoding runs in a folder of its own, where relative paths lead nowhere.
            raise AssetError(
                f"methods.ours.{key}={named} is no file; name one with its full path, or one of "
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
        """Keypoints whose deformations are sent."""
        return self.point.keypoints or (len(self._statistics.cross) - 6) // 3

    @functools.cached_property
    def coding(self) -> MotionCoding:
        part = self._statistics.first(3 * self.keypoints + 6)
        if self.point.adaptive:
            return AdaptiveFp16Motion(part.byte_counts, head=6, group=3)
        if self.point.scale is None:
            return Fp16Motion(part.byte_counts)
        return PredictiveMotion(steps(self.keypoints, self.point.scale), part.cross)

    @functools.cached_property
    def model(self) -> TalkingHead:
        """The networks, ready to run.

        Raises:
            AssetError: the weights are missing, not such weights, or of fewer keypoints than are sent.
        """
        from safetensors import SafetensorError

        from .face_vid2vid.inference import for_inference
        from .face_vid2vid.weights import load_weights

        file = self._file("weights")
        try:
            model = load_weights(file)
        except (ValueError, KeyError, TypeError, RuntimeError, SafetensorError) as error:
            reason = " ".join(str(error).split())[:300]
            raise AssetError(f"{file} holds no weights of `ours`: {reason}; name another file") from None
        if model.config.keypoints < self.keypoints:
            raise AssetError(
                f"{file} has {model.config.keypoints} keypoints, {self.point_name} sends {self.keypoints}; "
                "choose a point of fewer"
            )
        return for_inference(model)

    def _pictures(self, frames: Frames) -> Tensor:
        """(t, H, W, 3) uint8 → (t, 3, S, S) in [0, 1], square."""
        import torch

        multiple = 1 << len(self.model.config.appearance_widths) - 1
        whole = torch.from_numpy(np.array(square(frames, multiple))).permute(0, 3, 1, 2)
        return (whole.float() / 255).contiguous(memory_format=torch.channels_last)

    def estimate(self, source: Frame, frames: Iterable[Frames]) -> Iterator[Parameters]:
        still = self._read(source) if self.point.adaptive else None
        for part in (part for block in frames for part in _parts(block, self.batch)):
            with _running(self.threads):
                pictures = self._pictures(part)
                numbers = self._numbers(self.model.estimate(pictures))
                if still is not None:
                    numbers = self._fewest(still, pictures, numbers)
            yield numbers

    def _read(self, source: Frame) -> Source:
        with _running(self.threads):
            return self.model.read_source(self._pictures(source[None]))

    def _fewest(self, still: Source, pictures: Tensor, numbers: Parameters) -> Parameters:
        """Numbers (t, 3K + 6) with the count of deformations to send before them: (t, 3K + 7)."""
        import torch

        every = self.keypoints
        arrived = self._motion(numbers.astype(np.float16).astype(np.float32))
        sources = still.repeat(len(numbers))
        counts = torch.full((len(numbers),), every)
        most = (self.model.render(sources, arrived, counts).picture - pictures).abs().mean((1, 2, 3))
        for quarters in (3, 2, 1):
            fewer = torch.full_like(counts, every * quarters // 4)
            error = (self.model.render(sources, arrived, fewer).picture - pictures).abs().mean((1, 2, 3))
            counts = torch.where(error <= most * (1 + self.loss), fewer, counts)
        return np.concatenate([counts.numpy()[:, None].astype(np.float32), numbers], axis=1)

    def _numbers(self, motion: Motion) -> Parameters:
        """(t, 3K + 6): yaw, pitch, roll, translation, and the deformations that are sent."""
        import torch

        sent = motion.deformation[:, : self.keypoints].flatten(1)
        numbers: Parameters = torch.cat([motion.angles, motion.translation, sent], 1).numpy()
        return numbers

    def _motion(self, numbers: Parameters) -> Motion:
        """The inverse of `_numbers`; deformations that were not sent are zero."""
        import torch

        from .face_vid2vid.networks import Motion

        padded = np.zeros((len(numbers), 3 * self.model.config.keypoints + 6), np.float32)
        padded[:, : numbers.shape[1]] = numbers
        every = torch.from_numpy(padded)
        return Motion(every[:, :3], every[:, 3:6], every[:, 6:].reshape(len(every), -1, 3))

    def render(self, source: Frame, motion: Iterable[Parameters]) -> Iterator[Frames]:
        import torch

        height, width = source.shape[:2]
        still = self._read(source)
        fewer = self.keypoints < self.model.config.keypoints
        for part in (part for block in motion for part in _parts(block, self.batch)):
            with _running(self.threads):
                kept = torch.full((len(part),), self.keypoints) if fewer else None
                numbers = part
                if self.point.adaptive:
                    kept, numbers = torch.from_numpy(part[:, 0].astype(np.int64)), part[:, 1:]
                picture = self.model.render(still.repeat(len(part)), self._motion(numbers), kept).picture
                whole = (picture.nan_to_num() * 255).round().clamp(0, 255).byte()
                frames: Frames = whole[..., :height, :width].permute(0, 2, 3, 1).contiguous().numpy()
            yield frames

    def describe(self) -> Mapping[str, str]:
        return {
            "point": self.point_name,
            "keypoints": str(self.keypoints),
            **({"loss": str(self.loss)} if self.point.adaptive else {}),
            **super().describe(),
            "batch": str(self.batch),
            "threads": str(self.threads),
            "torch": version("torch"),
            "networks": digest([sha256_file(file) for file in sorted(NETWORKS.glob("*.py"))])[:12],
            "code": code(Ours),
            "version": __version__,
        }


def _parts(block: Any, length: int) -> list[Any]:
    return [block[at : at + length] for at in range(0, len(block), length)]


@contextmanager
def _running(threads: int) -> Iterator[None]:
    """Inference with so many threads, while the networks run and not in between."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        with torch.inference_mode():
            yield
    finally:
        torch.set_num_threads(before)
