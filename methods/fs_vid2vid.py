"""Few-shot vid2vid: a source picture re-animated by 126 landmarks of the face."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from ..core.errors import CodecError
from ..core.face_landmarks import FaceLandmarks
from ..core.method import Trainable, TrainingTask
from ..core.motion_coding import Parameters
from ..core.motion_statistics import MotionStatistics
from ..core.shared_assets import FACE_LANDMARKER, LPIPS_ALEX
from ..core.signature import digest, sha256_file
from ..core.video import Frame, Frames
from .few_shot_vid2vid.landmarks import LANDMARKS, RIGID
from .neural_codec import PREDICTIVE, NeuralCodec, Sent

if TYPE_CHECKING:
    from torch import Tensor

    from .few_shot_vid2vid.model import Source
    from .few_shot_vid2vid.paper import PaperSource
    from .few_shot_vid2vid.weights import Networks

SHARED = Path(__file__).parent / "face_vid2vid"
"""Folder of the layers that these networks share with face-vid2vid's."""
GRID = 256
"""Landmarks sent as fp16 are rounded to whole pixels of a 512² picture: many detectors give such. Beyond half
the way from the centre to the border, where a number's significant bits end, only every other one is kept."""


class FsVid2vid(NeuralCodec, Trainable):
    """The model of Wang et al. (NeurIPS 2019), as Wang, Mallya, Liu (CVPR 2021) compare with it.

    A frame's numbers are x and y of 126 landmarks, in halves of the picture's longer side from its centre:
    504 bytes before coding at the point `fp16`, where they are rounded to 512ths of that side. Motion begins
    with the source picture's own landmarks, so that the decoder needs no detector. The landmarks are those of
    the largest face (MediaPipe's mesh). In a later frame in which no face is found they stay where they were;
    a clip whose source shows none cannot be coded.

    Weights may also be a public checkpoint of imaginaire's layout (`.pt` with `net_G`); nothing in it is
    executed. Of the public program's work, what its networks do is done alike. Not so what it does before: it
    draws dlib's 68 landmarks, moved to the source's face, on crops of its own choice; here the lines go
    through these 126, as they lie. Several source pictures, and tuning on them, are not supported.

    Args:
        point, weights, statistics, codec, qp, source, batch, device, precision, threads, refresh,
            refresh_below, residual: as those of every `NeuralCodec`.
    """

    name = "fs_vid2vid"
    points: ClassVar[Mapping[str, Sent]] = {**PREDICTIVE, "fp16": Sent()}
    networks = Path(__file__).parent / "few_shot_vid2vid"
    head, each = 0, 2
    sends_source = True
    assets = (FACE_LANDMARKER,)
    training_assets = (LPIPS_ALEX, FACE_LANDMARKER)
    model: Networks

    @classmethod
    def load(cls, file: Path) -> Networks:
        from .face_vid2vid.inference import for_inference
        from .few_shot_vid2vid.paper_checkpoint import load_checkpoint
        from .few_shot_vid2vid.weights import load_weights

        return for_inference(load_weights(file) if file.suffix == ".safetensors" else load_checkpoint(file))

    @classmethod
    def steps(cls, keypoints: int) -> list[float]:
        return [1 / 64] * 2 * keypoints

    @classmethod
    def learn(cls, tracks: Sequence[Parameters], keypoints: int) -> MotionStatistics:
        rounded = super().learn([_rounded(track) for track in tracks], keypoints)
        return replace(super().learn(tracks, keypoints), byte_counts=rounded.byte_counts)

    @classmethod
    def train(cls, task: TrainingTask, say: Callable[[str], None]) -> bool:
        from .few_shot_vid2vid.training.few_shot import FewShotTraining
        from .training.run import train

        return train(FewShotTraining(), task, say)

    @property
    def multiple(self) -> int:
        return self.model.multiple

    def parameters(self, pictures: Tensor) -> Parameters:
        with FaceLandmarks() as detect:
            return np.stack([self._landmarks(detect, picture, None) for picture in _bytes(pictures)])

    def estimate(self, source: Frame, frames: Iterable[Frames]) -> Iterator[Parameters]:
        tracked = super().estimate(source, frames)
        return map(_rounded, tracked) if self.sent.scale is None else tracked

    def track(self, frames: Iterable[Frames]) -> Iterator[Parameters]:
        last: NDArray[np.float32] | None = None
        with FaceLandmarks() as detect:
            for part in self.batches(frames):
                rows = []
                for picture in _bytes(self.pictures(part)):
                    last = self._landmarks(detect, picture, last)
                    rows.append(last)
                yield np.stack(rows)

    def _landmarks(
        self, detect: FaceLandmarks, picture: Frame, last: NDArray[np.float32] | None
    ) -> NDArray[np.float32]:
        """Numbers (252,) of a square picture, or the last ones where no face is found.

        Raises:
            CodecError: there are none either.
        """
        found = detect(picture)
        if found is not None:
            return (found[list(LANDMARKS)] * 2 / len(picture) - 1).reshape(-1).astype(np.float32)
        if last is None:
            raise CodecError(
                "no face is found in the source picture, and only a face's landmarks are sent of a frame; "
                "begin the clip with a frame that shows one, or choose another method"
            )
        return last

    def read_source(self, picture: Tensor, numbers: Parameters | None) -> Source | PaperSource:
        assert numbers is not None
        return self.model.read_source(picture, self._points(numbers))

    def paint(self, source: Any, numbers: Parameters) -> Tensor:
        return self.model.frames(source, self._points(numbers))

    def _points(self, numbers: Parameters) -> Tensor:
        """(t, 126, 2)."""
        return self.compute.tensor(numbers).reshape(len(numbers), -1, 2)

    def relative(self, source: Parameters, driving: Parameters, first: Parameters) -> Parameters:
        """The source's landmarks, moved as the driving face's have since the first frame.

        Displacements are turned and scaled as the similarity says that best carries the skull's landmarks of
        the first frame to the source's.
        """
        own, then = (one.reshape(-1, 2).astype(np.float64) for one in (source, first))
        moved = (driving - first).reshape(len(driving), -1, 2) @ _similarity(then, own).T
        numbers: Parameters = source + moved.reshape(len(driving), -1).astype(np.float32)
        return numbers

    def describe(self) -> Mapping[str, str]:
        return {
            **super().describe(),
            "shared_networks": digest([sha256_file(file) for file in sorted(SHARED.glob("*.py"))])[:12],
            "landmarks": f"mediapipe {version('mediapipe')}, {FACE_LANDMARKER.sha256[:12]}",
        }


def _rounded(numbers: Parameters) -> Parameters:
    """Landmarks as whole pixels of the grid that fp16 numbers are taken from."""
    return (np.rint(numbers * GRID) / GRID).astype(np.float32)


def _bytes(pictures: Tensor) -> Frames:
    """(t, 3, S, S) in [0, 1] → (t, S, S, 3) uint8."""
    frames: Frames = (pictures * 255).round().byte().permute(0, 2, 3, 1).contiguous().cpu().numpy()
    return frames


def _similarity(points: NDArray[np.float64], onto: NDArray[np.float64]) -> NDArray[np.float64]:
    """Rotation and scale (2, 2) that best carry a face's landmarks (126, 2) onto another's."""
    rigid = list(RIGID)
    x, y = ((one[rigid] - one[rigid].mean(0)) @ (1, 1j) for one in (points, onto))
    factor = np.vdot(x, y) / max(np.vdot(x, x).real, 1e-9)
    return np.array([[factor.real, -factor.imag], [factor.imag, factor.real]])
