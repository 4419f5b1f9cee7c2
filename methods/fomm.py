"""The first-order motion model: a source picture re-animated by K keypoints and their local affine maps."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from ..core.errors import AssetError
from ..core.method import Trainable, TrainingTask
from ..core.motion_coding import Parameters
from ..core.shared_assets import FACE_LANDMARKER, LPIPS_ALEX
from ..core.signature import digest, sha256_file
from .first_order_motion.points import POINTS, STEPS
from .network_config import stored_config
from .neural_codec import NeuralCodec

if TYPE_CHECKING:
    from torch import Tensor

    from .first_order_motion.model import FirstOrderMotion, Source

SHARED = Path(__file__).parent / "face_vid2vid"
"""Blocks, sampling and painting are those of the other model."""


class Fomm(NeuralCodec, Trainable):
    """The model of Siarohin et al. (NeurIPS 2019): of each keypoint its place and a 2 × 2 Jacobian a frame.

    The point `fp16` sends fp16 numbers, each byte with a table of its own: 12K bytes before coding, 240 for
    20 keypoints. The points `predictive-fine`, `predictive` and `predictive-coarse` send them in steps.

    Weights may also be a public checkpoint in the layout of `vox-256.pth.tar`; nothing in it is executed. Of
    the statistics, the part for its number of keypoints is used: coding is exact with any, but costs more
    bytes than with those learnt for the weights.

    Args:
        point, weights, statistics, codec, qp, source, batch, device, precision, threads, refresh,
            refresh_below, residual: as those of every `NeuralCodec`.
    """

    name = "fomm"
    training_assets = (LPIPS_ALEX, FACE_LANDMARKER)
    points = POINTS
    networks = Path(__file__).parent / "first_order_motion"
    head, each = 0, 6
    model: FirstOrderMotion

    @classmethod
    def train(cls, task: TrainingTask, say: Callable[[str], None]) -> bool:
        from .first_order_motion.training.first_order_motion import FirstOrderMotionTraining
        from .training.run import train

        return train(FirstOrderMotionTraining(), task, say)

    @classmethod
    def load(cls, file: Path) -> FirstOrderMotion:
        from .face_vid2vid.inference import for_inference
        from .first_order_motion.checkpoint import load_checkpoint
        from .first_order_motion.weights import load_weights

        return for_inference(load_weights(file) if _ours(file) else load_checkpoint(file))

    @functools.cached_property
    def keypoints(self) -> int:
        """Keypoints of the weights."""
        from safetensors import SafetensorError

        file = self._file("weights")
        if not _ours(file):
            from .first_order_motion.checkpoint import checkpoint_keypoints

            return checkpoint_keypoints(file)
        try:
            return int(stored_config(file)["keypoints"])
        except (ValueError, KeyError, TypeError, SafetensorError):
            raise AssetError(f"{file} holds no weights of `fomm`; name another file") from None

    @classmethod
    def steps(cls, keypoints: int) -> list[float]:
        place, jacobian = STEPS
        return [*[place] * 2, *[jacobian] * 4] * keypoints

    @property
    def multiple(self) -> int:
        return 1 << len(self.model.config.generator_widths) - 1

    def parameters(self, pictures: Tensor) -> Parameters:
        """(t, 6K): of each keypoint x, y, and its Jacobian row by row."""
        numbers: Parameters = self.model.estimate(pictures).numbers.cpu().numpy()
        return numbers

    def read_source(self, picture: Tensor, numbers: Parameters | None) -> Source:
        return self.model.read_source(picture)

    def paint(self, source: Source, numbers: Parameters) -> Tensor:
        from .first_order_motion.detector import Keypoints

        driving = Keypoints.of(self.compute.tensor(numbers))
        return self.model.render(source.repeat(len(numbers)), driving).picture

    def relative(self, source: Parameters, driving: Parameters, first: Parameters) -> Parameters:
        from .first_order_motion.retargeting import relative_motion

        return relative_motion(source, driving, first)

    def describe(self) -> Mapping[str, str]:
        shared = digest([sha256_file(file) for file in sorted(SHARED.glob("*.py"))])[:12]
        return {**super().describe(), "shared_networks": shared}


def _ours(file: Path) -> bool:
    """Whether weights are in the format that is shipped; otherwise a public checkpoint is expected."""
    return file.suffix == ".safetensors"
