"""The three networks together: source once, then 6K numbers a frame."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor, nn
from torch.nn import functional as F

from ..face_vid2vid.geometry import resized
from ..face_vid2vid.painter import Rendering
from .config import ModelConfig
from .dense_motion import DenseMotion, Field
from .detector import KeypointDetector, Keypoints
from .generator import Generator
from .geometry import gaussian_reduced


@dataclass(frozen=True)
class Source:
    """All that is computed from the source picture, once a clip.

    picture    (B, 3, S, S) in [0, 1]
    small      the same at `config.field_size`
    features   what the generator warps
    keypoints  its own
    """

    picture: Tensor
    small: Tensor
    features: Tensor
    keypoints: Keypoints

    def repeat(self, count: int) -> Source:
        """The same source for `count` frames at a time; needs a batch of one."""

        def many(x: Tensor) -> Tensor:
            return x.expand(count, *x.shape[1:])

        own = Keypoints(many(self.keypoints.points), many(self.keypoints.jacobians))
        return Source(many(self.picture), many(self.small), many(self.features), own)


class FirstOrderMotion(nn.Module):
    """Siarohin et al., NeurIPS 2019: detector, dense motion, generator."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.config = config
        self.detector = KeypointDetector(config)
        self.dense_motion = DenseMotion(config)
        self.generator = Generator(config)

    def motion_picture(self, picture: Tensor) -> Tensor:
        """The picture at the size that the detector sees."""
        size, side = self.config.motion_size, picture.shape[-1]
        if self.config.corner_grid and side > size and side % size == 0:
            return gaussian_reduced(picture, side // size)
        return resized(picture, size)

    def estimate(self, picture: Tensor) -> Keypoints:
        """Keypoints of (B, 3, S, S) pictures in [0, 1]: what the sender computes per frame."""
        keypoints: Keypoints = self.detector(self.motion_picture(picture))
        return keypoints

    def read_source(self, picture: Tensor) -> Source:
        """Everything that depends on the source picture alone."""
        seen = self.motion_picture(picture)
        factor = self.config.motion_reduce
        small = F.avg_pool2d(seen, factor) if factor > 1 else seen
        painted = resized(picture, min(picture.shape[-1], self.config.largest or picture.shape[-1]))
        return Source(picture, small, self.generator.encode(painted), self.detector(seen))

    def motion_field(self, source: Source, driving: Keypoints) -> Field:
        """Flow, masks and occlusion from a source and a driving frame's keypoints."""
        field: Field = self.dense_motion(source.small, source.keypoints, driving)
        return field

    def render(self, source: Source, driving: Keypoints) -> Rendering:
        """The driving frame, from the source picture and 6K numbers."""
        field = self.motion_field(source, driving)
        rendering: Rendering = self.generator(source.features, field, source.picture)
        return rendering

    def forward(self, source: Tensor, driving: Tensor) -> Tensor:
        """Source and driving pictures (B, 3, S, S) in [0, 1] → the driving frame, re-animated."""
        return self.render(self.read_source(source), self.estimate(driving)).picture
