"""Sizes of the model. One definition serves every size; only the numbers differ."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from ..network_config import NetworkConfig


@dataclass(frozen=True)
class ModelConfig(NetworkConfig):
    """Widths, depths and switches of the six networks.

    The defaults are those of `paper`. The switches at the end, `trunk_cells`, `motion_reduce` and
    `motion_squeeze` name every point where `small` departs from the paper.
    """

    keypoints: int = 20
    """K, the number of keypoints (paper, section 3.1)."""
    motion_size: int = 256
    """Side of the picture that the motion networks see, whatever the size of the output."""
    largest: int = 0
    """Side of the largest picture that G paints; with a larger source picture, what was painted is enlarged
    before it is blended at the source's own size. 0 sets no bound."""

    appearance_widths: tuple[int, ...] = (64, 128, 256)
    """F: channels at full, half and quarter size."""
    volume_channels: int = 32
    volume_depth: int = 16
    volume_blocks: int = 6
    """F: 3-D residual blocks."""

    canonical_scale: float = 0.25
    """L: its input is the motion picture at this scale."""
    canonical_widths: tuple[int, ...] = (64, 128, 256, 512, 1024)
    """L: encoder channels, each level half the size of the one before."""
    canonical_bottleneck: int = 1024
    """L: 3-D channels of the bottleneck."""
    canonical_levels: int = 5
    """L: decoder levels, each doubling height and width."""

    trunk_stem: int = 64
    trunk_widths: tuple[int, ...] = (256, 512, 1024, 2048)
    trunk_blocks: tuple[int, ...] = (3, 3, 5, 2)
    """H and Δ: ResNet bottleneck blocks of the shared trunk, stage by stage."""
    trunk_pool: bool = True
    """H and Δ: halve the picture once more after the stem."""

    trunk_cells: int = 1
    """H and Δ: the trunk's features are averaged over so many cells each way (paper: over all)."""

    motion_compress: int = 4
    """M: channels of the volume that is warped by every candidate flow."""
    motion_reduce: int = 1
    """M: gathers its evidence at this fraction (1 or 2) of the volume's size, answers at the whole."""
    motion_squeeze: int = 0
    """M: thin its evidence to so many channels before the U-Net; 0 does not."""
    motion_widths: tuple[int, ...] = (64, 128, 256, 512, 1024)
    """M: channels of the 3-D U-Net, level by level."""

    generator_width: int = 512
    generator_blocks: int = 6
    """G: channels and residual blocks at a quarter of the size."""
    generator_widths: tuple[int, ...] = (256, 64)
    """G: channels at half and at full size."""

    spectral_norm: bool = True
    """Spectral normalisation of every convolution (appendix A.3)."""
    strided: bool = False
    """Halve sizes by strided convolutions instead of pooling."""
    blend: bool = False
    """G also predicts a mask, and blends its picture with the warped source picture."""
    refine_flow: bool = False
    """G also predicts small offsets of the flow that warps the source picture."""
    retouch: bool = False
    """G paints changes to the warped source picture, which it sees, not a picture from nothing."""
    modulate: bool = False
    """G's residual blocks are scaled and shifted by the deformations δ_s and δ_d."""
    coordinates: bool = False
    """The trunk of H and Δ is given each pixel's coordinates as two more channels."""

    @property
    def outer_kernel(self) -> int:
        """Kernel of the first layer of F and the last of G, at full size; a thrifty model's is 5."""
        return 5 if self.strided else 7


PAPER = ModelConfig()
"""The appendix's model (002, A.1), with the widths of its Figure 1."""

SMALL = ModelConfig(
    motion_size=128,
    largest=256,
    appearance_widths=(32, 64, 96),
    volume_channels=16,
    volume_depth=8,
    volume_blocks=2,
    canonical_scale=0.5,
    canonical_widths=(32, 64, 96, 128),
    canonical_bottleneck=48,
    canonical_levels=3,
    trunk_stem=32,
    trunk_widths=(48, 96, 160, 256),
    trunk_blocks=(2, 3, 3, 2),
    trunk_pool=False,
    trunk_cells=4,
    motion_compress=2,
    motion_reduce=2,
    motion_squeeze=24,
    motion_widths=(32, 48, 64, 96),
    generator_width=96,
    generator_blocks=4,
    generator_widths=(64, 32),
    spectral_norm=False,
    strided=True,
    blend=True,
    refine_flow=True,
    retouch=True,
    modulate=True,
    coordinates=True,
)
"""What is shipped: 256² on two CPU cores, weights below 10 MB in fp16."""

SIZES: Mapping[str, ModelConfig] = {"paper": PAPER, "small": SMALL}
