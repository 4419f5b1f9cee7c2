"""The six networks together: source once, then a few numbers a frame."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from .config import ModelConfig
from .generator import Generator, Rendering
from .geometry import relative_rotation, resized, transform_keypoints
from .motion_field import Field, MotionField
from .networks import (
    DEFORMATION_UNIT,
    AppearanceExtractor,
    CanonicalKeypoints,
    Motion,
    MotionEstimator,
)


@dataclass(frozen=True)
class Source:
    """All that is computed from the source picture, once a clip.

    picture        (B, 3, S, S) in [0, 1]
    volume         f_s at the size that the generator works at
    motion_volume  f_s at the motion size
    canonical      x_c (B, K, 3)
    motion         R_s, t_s, δ_s
    angle_logits   (B, 3, 66), what R_s was read from
    """

    picture: Tensor
    volume: Tensor
    motion_volume: Tensor
    canonical: Tensor
    motion: Motion
    angle_logits: Tensor

    def repeat(self, count: int) -> Source:
        """The same source for `count` frames at a time; needs a batch of one."""

        def many(x: Tensor) -> Tensor:
            return x.expand(count, *x.shape[1:])

        motion = Motion(
            many(self.motion.angles), many(self.motion.translation), many(self.motion.deformation)
        )
        return Source(
            many(self.picture),
            many(self.volume),
            many(self.motion_volume),
            many(self.canonical),
            motion,
            many(self.angle_logits),
        )


class TalkingHead(nn.Module):
    """Face-vid2vid (paper, section 3): F, L, H and Δ, M, G."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.config = config
        self.appearance = AppearanceExtractor(config)
        self.canonical = CanonicalKeypoints(config)
        self.estimator = MotionEstimator(config)
        self.field = MotionField(config)
        self.generator = Generator(config)

    def motion_picture(self, picture: Tensor) -> Tensor:
        """The picture at the size that the motion networks see."""
        return resized(picture, self.config.motion_size)

    def estimate(self, picture: Tensor) -> Motion:
        """R, t and δ of (B, 3, S, S) pictures in [0, 1]: what the sender computes per frame."""
        motion: Motion = self.estimator(self.motion_picture(picture))[0]
        return motion

    def read_source(self, picture: Tensor) -> Source:
        """Everything that depends on the source picture alone."""
        small = self.motion_picture(picture)
        size = min(picture.shape[-1], self.config.largest or picture.shape[-1])
        large = small if size == small.shape[-1] else resized(picture, size)
        motion_volume = self.appearance(small)
        volume = motion_volume if large is small else self.appearance(large)
        return Source(picture, volume, motion_volume, self.canonical(small), *self.estimator(small))

    def keypoints(self, canonical: Tensor, motion: Motion) -> Tensor:
        """Eq. 1: x_k = R x_c,k + t + δ_k."""
        return transform_keypoints(canonical, motion.rotation, motion.translation, motion.deformation)

    def motion_field(self, source: Source, driving: Motion, kept: Tensor | None = None) -> Field:
        """M's field from a source and the numbers of a driving frame."""
        still = source.motion if kept is None else source.motion.keep(kept)
        moved = driving if kept is None else driving.keep(kept)
        jacobian = relative_rotation(still.rotation, moved.rotation)
        field: Field = self.field(
            source.motion_volume,
            self.keypoints(source.canonical, still),
            self.keypoints(source.canonical, moved),
            jacobian,
            kept,
        )
        return field

    def render(self, source: Source, driving: Motion, kept: Tensor | None = None) -> Rendering:
        """The driving frame, from the source picture and 3K + 6 numbers.

        With `kept` (B,), only so many deformations are used: δ_k of both pictures is zero after
        them and their flows have no share (appendix C.2).
        """
        field = self.motion_field(source, driving, kept)
        still = source.motion if kept is None else source.motion.keep(kept)
        moved = driving if kept is None else driving.keep(kept)
        change = moved.deformation - still.deformation
        deformations = torch.cat([still.deformation, change], 1).flatten(1) / DEFORMATION_UNIT
        rendering: Rendering = self.generator(
            source.volume,
            field.flow,
            field.occlusion,
            deformations=deformations,
            source=source.picture,
            surface=field.surface,
        )
        return rendering

    def forward(self, source: Tensor, driving: Tensor) -> Tensor:
        """Source and driving pictures (B, 3, S, S) in [0, 1] → the driving frame, re-animated."""
        return self.render(self.read_source(source), self.estimate(driving)).picture
