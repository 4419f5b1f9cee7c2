"""Few-shot vid2vid as published: a weight generator, flows, and a SPADE generator (paper, section 3).

Wang, Liu, Tao, Liu, Kautz, Catanzaro, NeurIPS 2019, with the layers and widths of its authors' face model.
Landmarks are drawn as one map of lines; theirs are dlib's 68, here lines are drawn through the mesh's 126.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field, replace

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ..face_vid2vid.blocks import conv
from ..face_vid2vid.painter import Rendering
from .drawing import line_map
from .paper_config import PaperConfig
from .paper_layers import SLOPE, ConvBlock, Embedder, Given, NormFirstBlock, PaperSpadeBlock

Previous = tuple[Tensor, Tensor]
"""Label map and picture of the frame before, (B, 1, S, S) and (B, 3, S, S) in [-1, 1]."""


@dataclass(frozen=True)
class PaperSource:
    """All that is computed from the source picture and its landmarks, once a clip.

    picture     (B, 3, S, S) in [-1, 1]
    labels      (B, 1, S, S)
    features    (B, C, S/32, S/32), what the generator starts from
    embedding   weights of the label embedding's layers
    spades      weights of the adaptive blocks' SPADE layers
    before      the frame painted last, for a temporal model
    """

    picture: Tensor
    labels: Tensor
    features: Tensor
    embedding: list[Given]
    spades: list[list[Given]]
    before: list[Previous] = field(default_factory=list)

    def many(self, count: int) -> PaperSource:
        """The same source for `count` frames at a time; needs a batch of one."""

        def repeat(x: Tensor) -> Tensor:
            return x.expand(count, *x.shape[1:])

        return replace(
            self, picture=repeat(self.picture), labels=repeat(self.labels), features=repeat(self.features)
        )


class ReferenceEncoder(nn.Module):
    """Features of a source picture, or of its labels, at the smallest size, with ever fewer channels."""

    def __init__(self, inputs: int, config: PaperConfig) -> None:
        super().__init__()
        widths = config.widths(config.halvings + 1)

        def block(a: int, b: int, stride: int = 1) -> ConvBlock:
            kernel, spectral = config.reference_kernel, config.spectral_norm
            return ConvBlock(a, b, kernel, stride=stride, norm=True, spectral=spectral)

        self.first = block(inputs, widths[0])
        self.down = nn.ModuleList([block(a, b, 2) for a, b in itertools.pairwise(widths)])
        self.up = nn.ModuleList([block(b, a) for a, b in itertools.pairwise(widths)])

    def forward(self, picture: Tensor) -> list[Tensor]:
        """From the fewest channels to the most, all at the smallest size."""
        x = self.first(picture)
        for down in self.down:
            x = down(x)
        found = [x]
        for up in reversed(self.up):
            found.append(up(found[-1]))
        return found[::-1]


class WeightGenerator(nn.Module):
    """Reads the source picture; gives the generator's first features, and weights of SPADE and embedding."""

    PARTS = ("embedding", "spade_0", "spade_1", "spade_s")

    def __init__(self, config: PaperConfig) -> None:
        super().__init__()
        self.picture = ReferenceEncoder(3, config)
        self.labels = ReferenceEncoder(1, config)
        for module in self.labels.modules():
            if isinstance(module, nn.InstanceNorm2d):
                module.eps = config.label_eps
        self.widths = config.widths(config.adaptive_layers + 1)
        self.heads = nn.ModuleList()
        for inner, outer in itertools.pairwise(self.widths):
            sizes = (9 * inner + 1, 2 * inner + 2, (inner + 1) * (1 if inner != outer else 2), 2 * inner + 2)
            self.heads.append(
                nn.ModuleDict(
                    {
                        part: self._head(outer, size, config)
                        for part, size in zip(self.PARTS, sizes, strict=True)
                    }
                )
            )

    @staticmethod
    def _head(width: int, outputs: int, config: PaperConfig) -> nn.Sequential:
        layers: list[nn.Module] = []
        for number in range(config.linear_layers + 1):
            last = number == config.linear_layers
            linear: nn.Module = nn.Linear(width, outputs if last else width)
            if config.spectral_norm:
                linear = nn.utils.parametrizations.spectral_norm(linear)
            layers += [linear] if last else [linear, nn.LeakyReLU(SLOPE)]
        return nn.Sequential(*layers)

    def forward(self, picture: Tensor, labels: Tensor) -> tuple[Tensor, list[Given], list[list[Given]]]:
        read, drawn = self.picture(picture), self.labels(labels)
        embedding, spades = [], []
        for level, (inner, outer) in enumerate(itertools.pairwise(self.widths)):
            features, where = read[level + 1].flatten(2), drawn[level + 1].flatten(2).softmax(1)
            code = features @ where.transpose(1, 2)
            found = {part: self.heads[level][part](code).flatten(1) for part in self.PARTS}  # type: ignore[index]
            # As published, the embedding's rows end in as many numbers as outputs that nothing uses.
            embedding.append(_given(found["embedding"][:, :-inner], inner, outer, 3))
            outputs = (2 * outer, 2 * inner, 2 * outer)
            spades.append(
                [
                    _given(found[part], size, inner, 1)
                    for part, size in zip(self.PARTS[1:], outputs, strict=True)
                ]
            )
        return read[-1], embedding, spades


def _given(numbers: Tensor, outputs: int, inputs: int, kernel: int) -> Given:
    """Weights and, where numbers are left for them, biases."""
    shape = outputs, inputs, kernel, kernel
    count = outputs * inputs * kernel**2
    rest = numbers[:, count:]
    weights = numbers[:, :count].reshape(-1, *shape)
    return weights, rest if rest.shape[1] else None


class PaperFlow(nn.Module):
    """Flow in pixels and mask by which another picture is warped to the frame that is to be painted."""

    def __init__(self, config: PaperConfig) -> None:
        super().__init__()
        widths = config.widths(config.flow_halvings + 1)
        spectral = config.spectral_norm
        self.scale = config.flow_scale
        self.first = ConvBlock(5, widths[0], norm=True, spectral=spectral)
        self.down = nn.ModuleList(
            [ConvBlock(a, b, stride=2, norm=True, spectral=spectral) for a, b in itertools.pairwise(widths)]
        )
        self.blocks = nn.Sequential(
            *[NormFirstBlock(widths[-1], spectral=spectral) for _ in range(config.flow_blocks)]
        )
        self.up = nn.ModuleList(
            [ConvBlock(b, a, norm=True, spectral=spectral) for a, b in itertools.pairwise(widths)]
        )
        self.flow = conv(2, widths[0], 2, 3)
        self.mask = conv(2, widths[0], 1, 3)

    def forward(self, labels: Tensor, other_labels: Tensor, other: Tensor) -> Tensor:
        """The other picture warped, in [-1, 1], and the mask: (B, 4, S, S)."""
        x = self.first(torch.cat([labels, other_labels, other], 1))
        for down in self.down:
            x = down(x)
        x = self.blocks(x)
        for up in reversed(self.up):
            x = up(F.interpolate(x, scale_factor=2.0))
        warped = _shifted(other, self.flow(x).float() * self.scale)
        return torch.cat([warped, torch.sigmoid(self.mask(x).float())], 1)


def _shifted(picture: Tensor, flow: Tensor) -> Tensor:
    """A picture seen where a flow (B, 2, S, S) in pixels points; a picture goes from corner to corner."""
    height, width = picture.shape[2:]
    down = torch.linspace(-1, 1, height, device=picture.device)
    across = torch.linspace(-1, 1, width, device=picture.device)
    grid = torch.stack([across.expand(height, width), down[:, None].expand(height, width)])
    unit = torch.tensor([(width - 1) / 2, (height - 1) / 2], device=picture.device)[:, None, None]
    where = (grid + flow / unit).movedim(1, -1)
    return F.grid_sample(picture.float(), where, padding_mode="border", align_corners=True)


class PaperTalkingHead(nn.Module):
    """All networks of the paper's model."""

    def __init__(self, config: PaperConfig) -> None:
        super().__init__()
        self.multiple = 2 << config.halvings
        self.config = config
        spectral, levels = config.spectral_norm, config.halvings
        widths = config.widths(levels + 2)
        self.weight_generator = WeightGenerator(config)
        self.embedding = Embedder(1, widths[:-1], unet=False, given=config.adaptive_layers, spectral=spectral)
        self.source_flow = PaperFlow(config)
        self.source_embedding = Embedder(4, widths[:-1], unet=True, spectral=spectral)
        self.before_flow = PaperFlow(config) if config.temporal and config.own_flow else None
        self.before_embedding = (
            Embedder(4, widths[:-1], unet=True, spectral=spectral) if config.temporal else None
        )
        conditions = 3 if config.temporal else 2
        self.blocks = nn.ModuleList(
            [
                PaperSpadeBlock(
                    widths[level + 1],
                    widths[level],
                    [widths[level]] * (conditions if level < config.warped_layers else 1),
                    adaptive=level < config.adaptive_layers,
                    spectral=spectral,
                )
                for level in range(levels + 1)
            ]
        )
        self.last = conv(2, widths[0], 3, 3)

    def read_source(self, picture: Tensor, landmarks: Tensor) -> PaperSource:
        """Everything that depends on the source alone.

        Args:
            picture: (B, 3, S, S) in [0, 1], S a multiple of 32 and more than that.
            landmarks: (B, 126, 2).
        """
        labels = line_map(landmarks, picture.shape[-1])
        features, embedding, spades = self.weight_generator(picture * 2 - 1, labels)
        return PaperSource(picture * 2 - 1, labels, features, embedding, spades)

    def paint(self, source: PaperSource, labels: Tensor, before: Previous | None) -> tuple[Tensor, Tensor]:
        """The frame of label maps (B, 1, S, S), and the warped source with its mask, all in [-1, 1]."""
        seen = self.source_flow(labels, source.labels, source.picture)
        warped = [self.source_embedding(seen)]
        if before is not None:
            assert self.before_embedding is not None
            flow = self.before_flow or self.source_flow
            warped.append(self.before_embedding(flow(labels, *before)))
        drawn = self.embedding(labels, source.embedding)
        x = source.features
        for level in reversed(range(len(self.blocks))):
            conditions: list[Tensor | None] = [drawn[level]]
            if level < self.config.warped_layers:
                conditions += [one[level] for one in warped]
            given = source.spades[level] if level < self.config.adaptive_layers else None
            x = self.blocks[level](x, conditions, given)
            if level:
                x = F.interpolate(x, scale_factor=2.0)
        return torch.tanh(self.last(F.leaky_relu(x, SLOPE)).float()), seen

    def render(self, source: PaperSource, driving: Tensor) -> Rendering:
        """A driving frame of each source, from landmarks (B, 126, 2); as the first one of a clip."""
        picture, seen = self.paint(source, line_map(driving, source.picture.shape[-1]), None)
        painted = (picture + 1) / 2
        return Rendering(painted, painted, (seen[:, :3] + 1) / 2, seen[:, 3:])

    def frames(self, source: PaperSource, driving: Tensor) -> Tensor:
        """The next frames (t, 3, S, S) of one source, in [0, 1], from landmarks (t, 126, 2)."""
        labels = line_map(driving, source.picture.shape[-1])
        if not self.config.temporal:
            return (self.paint(source.many(len(labels)), labels, None)[0] + 1) / 2
        painted = []
        for one in torch.split(labels, 1):
            picture, _ = self.paint(source, one, source.before[0] if source.before else None)
            source.before[:] = [(one, picture)]
            painted.append(picture)
        return (torch.cat(painted) + 1) / 2
