"""Few-shot vid2vid: a source picture and landmarks become a frame.

Wang, Liu, Tao, Liu, Kautz, Catanzaro, Few-shot video-to-video synthesis, NeurIPS 2019: label maps of the
landmarks, a flow and a mask by which the source picture is warped, a SPADE generator whose weights follow
from the source picture. The thrifty model departs from the paper where this is said:

- the flow begins as the one that the landmarks' positions give (`drawing`), and a network corrects it;
- features of the source picture are warped too and are what the generator starts from;
- what networks add counts where the face has moved near by: what stands still is the source picture's own;
- what is generated are changes to the warped source picture, blended with it (`face_vid2vid.painter`);
- the weight generator adds to the SPADE layers' weights, rather than giving all of them;
- frames depend on the source picture and their own landmarks only, not on the frames before.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ..face_vid2vid.blocks import ConvNorm, ResBlock, Up
from ..face_vid2vid.geometry import cell_grid, resize_flow, resized, warp
from ..face_vid2vid.painter import Painter, Rendering
from .config import FewShotConfig
from .drawing import MAPS, away_from_face, head_flow, head_logits, label_maps, motion_share
from .spade import SpadeBlock

MAX_CORRECTION = 0.2
"""Bound of what the flow network adds to the landmarks' flow, in half pictures."""


def _flow_at(flow: Tensor, size: int) -> Tensor:
    """A flow at another size; what is resized is how far it leads, so that borders stay where they are."""
    if flow.shape[1] == size:
        return flow
    grids = (cell_grid(side, side, device=flow.device) for side in (flow.shape[1], size))
    return resize_flow(flow - next(grids), size, size) + next(grids)


@dataclass(frozen=True)
class Source:
    """All that is computed from the source picture and its landmarks, once a clip.

    picture    (B, 3, S, S) in [0, 1]
    small      (B, 3, M, M) the same at the motion size
    landmarks  (B, 126, 2)
    labels     (B, 16, M, M)
    features   (B, C, G/4, G/4), G the size that the generator paints
    weights    of each block's SPADE layers, (B, 2C, hidden)
    """

    picture: Tensor
    small: Tensor
    landmarks: Tensor
    labels: Tensor
    features: Tensor
    weights: list[list[Tensor]]

    def repeat(self, count: int) -> Source:
        """The same source for `count` frames at a time; needs a batch of one."""

        def many(x: Tensor) -> Tensor:
            return x.expand(count, *x.shape[1:])

        return Source(
            many(self.picture),
            many(self.small),
            many(self.landmarks),
            many(self.labels),
            many(self.features),
            [[many(one) for one in block] for block in self.weights],
        )


@dataclass(frozen=True)
class Motion:
    """Where the driving picture comes from, at the motion size.

    flow    (B, M, M, 2) places in the source picture
    labels  (B, 16, M, M)
    head    (B, 1, M, M) share of the head's motion, against staying where it is
    share   (B, 1, M, M) how much of what networks add counts: none where nothing moves
    """

    flow: Tensor
    labels: Tensor
    head: Tensor
    share: Tensor


class FlowNetwork(nn.Module):
    """Corrects the landmarks' flow: a U-Net at half of the motion size."""

    def __init__(self, config: FewShotConfig) -> None:
        super().__init__()
        widths = config.flow_widths
        inputs = 2 * MAPS + 3 + 2 + 1
        self.down = nn.ModuleList(
            [ConvNorm(2, a, b, stride=2) for a, b in itertools.pairwise((inputs, *widths))]
        )
        self.blocks = nn.Sequential(*[ResBlock(2, widths[-1]) for _ in range(config.flow_blocks)])
        backwards = widths[::-1]
        self.up = nn.ModuleList([Up(2, a, b) for a, b in itertools.pairwise(backwards)])
        self.mix = nn.ModuleList([ConvNorm(2, 2 * b, b) for b in backwards[1:]])
        self.last = nn.Conv2d(widths[0], 3, 3, padding=1)
        nn.init.zeros_(self.last.weight)
        assert self.last.bias is not None
        nn.init.zeros_(self.last.bias)

    def forward(self, source: Source, driving: Tensor) -> Motion:
        """The motion of driving landmarks (B, 126, 2)."""
        size = source.small.shape[-1]
        with torch.no_grad():
            labels = label_maps(driving, size)
            head = head_flow(source.landmarks, driving, size)
            away = away_from_face(driving, size)
            logits = head_logits(away)
            share = motion_share(source.landmarks, driving, away)
            grid = cell_grid(size, size, device=driving.device)
            still = grid.expand_as(head)
            guess = torch.lerp(still, head, logits.sigmoid().movedim(1, -1))
            seen = [
                labels,
                warp(torch.cat([source.labels, source.small], 1), guess),
                (guess - still).movedim(-1, 1) * 4,
                logits.clamp(-4, 4) / 4,
            ]
        x = torch.cat(seen, 1)
        levels = []
        for down in self.down:
            x = down(x)
            levels.append(x)
        x = self.blocks(x)
        for up, mix, level in zip(self.up, self.mix, levels[-2::-1], strict=True):
            x = mix(torch.cat([up(x), level], 1))
        change = F.interpolate(self.last(x).float(), size=(size, size), mode="bilinear", align_corners=False)
        belongs = (logits + share * change[:, 2:]).sigmoid()
        flow = torch.lerp(still, head, belongs.movedim(1, -1))
        correction = MAX_CORRECTION * share * torch.tanh(change[:, :2])
        return Motion(flow + correction.movedim(1, -1), labels, belongs, share)


class WeightGenerator(nn.Module):
    """Describes the source picture by a few numbers, from which SPADE's weights follow."""

    def __init__(self, config: FewShotConfig) -> None:
        super().__init__()
        layers = itertools.pairwise((MAPS + 3, *config.code_widths))
        self.encoder = nn.Sequential(*[ConvNorm(2, a, b, stride=2) for a, b in layers])
        self.code = nn.Linear(config.code_widths[-1], config.code)

    def forward(self, small: Tensor, labels: Tensor) -> Tensor:
        """(B, code) from a source picture (B, 3, M, M) and its label maps (B, 16, M, M)."""
        pooled = self.encoder(torch.cat([small * 2 - 1, labels], 1)).mean((2, 3))
        code: Tensor = self.code(pooled).tanh()
        return code


class Generator(Painter):
    """From warped source features to the picture, under the driving label maps and the warped source."""

    def __init__(self, config: FewShotConfig) -> None:
        width = config.generator_width
        super().__init__(
            (width, *config.generator_widths), config.kernel, blend=True, refine_flow=False, retouch=True
        )
        self.embed = nn.Sequential(
            ConvNorm(2, MAPS, config.label_width, 3),
            ConvNorm(2, config.label_width, config.label_width, 3, stride=2),
        )
        condition = config.label_width + 3 + 1
        self.first = ConvNorm(2, config.appearance_widths[-1] + condition, width, 3)
        self.blocks = nn.ModuleList(
            [
                SpadeBlock(width, condition, config.spade_hidden, config.code)
                for _ in range(config.generator_blocks)
            ]
        )

    def weights(self, code: Tensor) -> list[list[Tensor]]:
        """Of all blocks' SPADE layers, for sources that `code` (B, code) describes."""
        return [block.weights(code) for block in self.blocks]  # type: ignore[operator]

    def forward(self, source: Source, motion: Motion) -> Rendering:
        height = source.features.shape[-1]
        flow = _flow_at(motion.flow, height)
        condition = torch.cat(
            [
                resized(self.embed(motion.labels), height),
                warp(resized(source.small, height), flow) * 2 - 1,
                resized(motion.head, height),
            ],
            1,
        )
        x = self.first(torch.cat([warp(source.features, flow), condition], 1))
        for block, weights in zip(self.blocks, source.weights, strict=True):
            x = block(x, condition, weights)
        size = source.picture.shape[-1]
        painted = self.finish(x, source.picture, _flow_at(motion.flow, size))
        assert painted.warped is not None
        assert painted.mask is not None
        mask = painted.mask * resized(motion.share, size)
        picture = torch.lerp(painted.warped, painted.generated, mask)
        return Rendering(picture, painted.generated, painted.warped, mask)


class FewShotTalkingHead(nn.Module):
    """All networks of the thrifty model."""

    multiple = 4
    """The side of a picture is a multiple of this."""

    def __init__(self, config: FewShotConfig) -> None:
        super().__init__()
        self.config = config
        widths = itertools.pairwise((3, *config.appearance_widths))
        self.appearance = nn.Sequential(*[ConvNorm(2, a, b, stride=2) for a, b in widths])
        self.weight_generator = WeightGenerator(config)
        self.flow = FlowNetwork(config)
        self.generator = Generator(config)

    def read_source(self, picture: Tensor, landmarks: Tensor) -> Source:
        """Everything that depends on the source alone.

        Args:
            picture: (B, 3, S, S) in [0, 1], S a multiple of 4.
            landmarks: (B, 126, 2).
        """
        config = self.config
        small = resized(picture, config.motion_size)
        with torch.no_grad():
            labels = label_maps(landmarks, config.motion_size)
        painted = resized(picture, min(picture.shape[-1], config.largest))
        weights = self.generator.weights(self.weight_generator(small, labels))
        return Source(picture, small, landmarks, labels, self.appearance(painted * 2 - 1), weights)

    def render(self, source: Source, driving: Tensor) -> Rendering:
        """The driving frame, from the source and the frame's landmarks (B, 126, 2)."""
        rendering: Rendering = self.generator(source, self.flow(source, driving))
        return rendering

    def frames(self, source: Source, driving: Tensor) -> Tensor:
        """Frames (t, 3, S, S) of one source, in [0, 1], from landmarks (t, 126, 2)."""
        return self.render(source.repeat(len(driving)), driving).picture

    def forward(self, picture: Tensor, landmarks: Tensor, driving: Tensor) -> Tensor:
        """Source pictures, their landmarks, and driving landmarks → driving frames (B, 3, S, S)."""
        return self.render(self.read_source(picture, landmarks), driving).picture
