"""Face-vid2vid: a source picture re-animated by head pose and the deformations of K keypoints."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ..core.errors import AssetError, UsageError
from ..core.fp16_motion import arriving
from ..core.method import Trainable, TrainingTask
from ..core.motion_coding import Parameters
from ..core.shared_assets import FACE_LANDMARKER, LPIPS_ALEX
from ..core.video import Frame, Frames
from .face_vid2vid.points import POINTS, STEPS
from .network_config import stored_config
from .neural_codec import NeuralCodec

if TYPE_CHECKING:
    from torch import Tensor

    from .face_vid2vid.model import Source, TalkingHead
    from .face_vid2vid.networks import Motion


class Ours(NeuralCodec, Trainable):
    """The model of Wang, Mallya, Liu (CVPR 2021): yaw, pitch, roll, translation and deformations a frame.

    The points `k20`, `k15`, `k10` send fp16 numbers as appendix C.1 and C.2 say: 6K + 12 bytes before
    coding. At `adaptive` the encoder sends for each frame a quarter, half, three quarters or all of the
    deformations: as few as raise the mean absolute error, of pictures as small as the motion networks see
    them, by the share `loss` at most. The points `predictive-fine`, `predictive` and `predictive-coarse`
    send all of them, in steps.

    Weights may also be a public checkpoint in the layout of `vox-256` with its `generator`, `kp_detector` and
    `he_estimator`; nothing in it is executed. Of the statistics, the part for its number of keypoints is
    used: coding is exact with any, but costs more bytes than with those learnt for the weights.

    Args:
        loss: of the point `adaptive`; without effect on the others.
        point, weights, statistics, codec, qp, source, batch, device, precision, threads, refresh,
            refresh_below, residual: as those of every `NeuralCodec`.
    """

    name = "ours"
    training_assets = (LPIPS_ALEX, FACE_LANDMARKER)
    points = POINTS
    networks = Path(__file__).parent / "face_vid2vid"
    head, each = 6, 3
    model: TalkingHead

    def __init__(
        self, *, point: str, weights: str | None, statistics: str | None, loss: float, codec: str, qp: int,
        source: str, batch: int, device: str, precision: str, threads: int, refresh: str,
        refresh_below: float, residual: str | None,
    ) -> None:  # fmt: skip
        super().__init__(
            point=point, weights=weights, statistics=statistics, codec=codec, qp=qp, source=source,
            batch=batch, device=device, precision=precision, threads=threads, refresh=refresh,
            refresh_below=refresh_below, residual=residual,
        )  # fmt: skip
        self.loss = loss

    def check(self) -> None:
        super().check()
        if isinstance(self.loss, bool) or not isinstance(self.loss, (int, float)) or not 0 <= self.loss <= 1:
            raise UsageError(f"methods.ours.loss={self.loss} is out of range; give a share from 0 to 1")

    @classmethod
    def load(cls, file: Path) -> TalkingHead:
        from .face_vid2vid.inference import for_inference
        from .face_vid2vid.public_checkpoint import load_public
        from .face_vid2vid.weights import load_weights

        return for_inference(load_weights(file) if _ours(file) else load_public(file))

    @functools.cached_property
    def keypoints(self) -> int:
        """Keypoints whose deformations are sent: the point's, or else all that the weights have."""
        from safetensors import SafetensorError

        if self.sent.keypoints is not None:
            return self.sent.keypoints
        file = self._file("weights")
        if not _ours(file):
            from .face_vid2vid.public_checkpoint import public_keypoints

            return public_keypoints(file)
        try:
            return int(stored_config(file)["keypoints"])
        except (ValueError, KeyError, TypeError, SafetensorError):
            raise AssetError(f"{file} holds no weights of `ours`; name another file") from None

    @classmethod
    def steps(cls, keypoints: int) -> list[float]:
        angle, translation, deformation = STEPS
        return [angle] * 3 + [translation] * 3 + [deformation] * 3 * keypoints

    @classmethod
    def train(cls, task: TrainingTask, say: Callable[[str], None]) -> bool:
        from .face_vid2vid.training.face_vid2vid import FaceVid2VidTraining
        from .training.run import train

        return train(FaceVid2VidTraining(), task, say)

    @property
    def multiple(self) -> int:
        return 1 << len(self.model.config.appearance_widths) - 1

    def estimate(self, source: Frame, frames: Iterable[Frames]) -> Iterator[Parameters]:
        if not self.sent.adaptive:
            yield from super().estimate(source, frames)
            return
        emphasis = self.emphasis(source)
        with self.compute.running():
            still = self.model.read_source(self.model.motion_picture(self.pictures(source[None])))
        for part in self.batches(frames):
            with self.compute.running():
                pictures = self.model.motion_picture(self.pictures(part))
                numbers = emphasis(self.parameters(pictures))
            with self.compute.painting():
                counted = self._fewest(still, pictures, numbers)
            yield counted

    def _fewest(self, still: Source, pictures: Tensor, numbers: Parameters) -> Parameters:
        """Numbers (t, 3K + 6) with the count of deformations to send before them: (t, 3K + 7)."""
        import torch

        every = self.keypoints
        arrived = arriving(numbers)

        def error(of: Tensor, count: int) -> Tensor:
            """Mean absolute error of some frames (m,) with so many deformations."""
            kept, motion = torch.full_like(of, count), self._motion(arrived[of.cpu().numpy()])
            painted = self.model.render(still.repeat(len(of)), motion, kept).picture
            return (painted - pictures[of]).abs().mean((1, 2, 3))

        left = self.compute.tensor(np.arange(len(numbers)))
        counts = torch.full_like(left, every)
        most = error(left, every) * (1 + self.loss)
        for quarters in (1, 2, 3):
            if len(left):
                enough = error(left, every * quarters // 4) <= most[left]
                counts[left[enough]] = every * quarters // 4
                left = left[~enough]
        return np.concatenate([counts.cpu().numpy()[:, None].astype(np.float32), numbers], axis=1)

    def parameters(self, pictures: Tensor) -> Parameters:
        """(t, 3K + 6): yaw, pitch, roll, translation, and the deformations that are sent."""
        import torch

        motion = self.model.estimate(pictures)
        sent = motion.deformation[:, : self.keypoints].flatten(1)
        numbers: Parameters = torch.cat([motion.angles, motion.translation, sent], 1).cpu().numpy()
        return numbers

    def _motion(self, numbers: Parameters) -> Motion:
        """The inverse of `parameters`; deformations that were not sent are zero."""
        from .face_vid2vid.networks import Motion

        padded = np.zeros((len(numbers), 3 * self.model.config.keypoints + 6), np.float32)
        padded[:, : numbers.shape[1]] = numbers
        every = self.compute.tensor(padded)
        return Motion(every[:, :3], every[:, 3:6], every[:, 6:].reshape(len(every), -1, 3))

    def read_source(self, picture: Tensor, numbers: Parameters | None) -> Source:
        return self.model.read_source(picture)

    def paint(self, source: Source, numbers: Parameters) -> Tensor:
        kept = None
        if self.sent.adaptive:
            kept, numbers = self.compute.tensor(numbers[:, 0].astype(np.int64)), numbers[:, 1:]
        elif self.keypoints < self.model.config.keypoints:
            kept = self.compute.tensor(np.full(len(numbers), self.keypoints))
        return self.model.render(source.repeat(len(numbers)), self._motion(numbers), kept).picture

    def relative(self, source: Parameters, driving: Parameters, first: Parameters) -> Parameters:
        """R_d R_d0⁻¹ R_s, t_s + t_d − t_d0 and δ_s,k + δ_d,k − δ_d0,k (appendix B.3)."""
        from .face_vid2vid.retargeting import relative_motion

        return relative_motion(source, driving, first)

    def redirect(
        self, source: Frame, rotation: NDArray[np.floating], translation: NDArray[np.floating]
    ) -> Frame:
        """The source with R_u R_s for its R_s and t_u + t_s for its t_s (paper, section 3.2)."""
        from .face_vid2vid.retargeting import redirected

        own, still = self.understood(source)
        frame: Frame = self.painted(still, redirected(own, rotation, translation), source)[0]
        return frame

    def head_rotation(self, source: Frame) -> NDArray[np.floating]:
        """R_s of a picture."""
        from .face_vid2vid.retargeting import head_rotations

        with self.compute.running():
            numbers = self.parameters(self.pictures(source[None]))
        rotation: NDArray[np.floating] = head_rotations(numbers)[0]
        return rotation

    def canonical_keypoints(self, source: Frame) -> NDArray[np.floating]:
        """x_c,k of a picture (paper, section 3.1)."""
        with self.compute.running():
            found = self.model.canonical(self.model.motion_picture(self.pictures(source[None])))
        keypoints: NDArray[np.floating] = found[0].float().cpu().numpy()
        return keypoints

    def describe(self) -> Mapping[str, str]:
        return {**super().describe(), **({"loss": str(self.loss)} if self.sent.adaptive else {})}


def _ours(file: Path) -> bool:
    """Whether weights are in the format that is shipped; otherwise a public checkpoint is expected."""
    return file.suffix == ".safetensors"
