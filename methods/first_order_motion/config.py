"""Sizes of the model. One definition serves every size; only the numbers differ."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from ..network_config import NetworkConfig


@dataclass(frozen=True)
class ModelConfig(NetworkConfig):
    """Widths, depths and switches of the three networks.

    The defaults are those of `paper`: the layout of the authors' `vox-256`, with 20 keypoints. The switches
    that are off in it name every point where `small` departs from it.
    """

    keypoints: int = 20
    """K, the number of keypoints (the public checkpoints have 10)."""
    motion_size: int = 64
    """Side of the picture that detector and dense motion see, whatever the size of the output."""
    motion_reduce: int = 1
    """Heat maps and flow have this fraction (1 or 2) of its size."""
    largest: int = 0
    """Side of the largest picture that the generator paints; of a larger source picture, what was painted is
    enlarged before it is blended at the source's own size. 0 sets no bound."""

    detector_widths: tuple[int, ...] = (32, 64, 128, 256, 512, 1024)
    """Channels of the detector's hourglass, at the size of the heat maps and at each halving."""
    motion_widths: tuple[int, ...] = (64, 128, 256, 512, 1024, 1024)
    """Channels of dense motion's hourglass, likewise."""
    generator_widths: tuple[int, ...] = (64, 128, 256)
    """Channels of the generator, at full size and at each halving."""
    generator_blocks: int = 6
    """Residual blocks of the generator."""
    head_kernel: int = 7
    """Kernel of the layers that end in heat maps, Jacobians, masks and occlusion."""
    pad_heat: bool = False
    """Whether heat maps reach the edge of the picture; without it they stop half a kernel before."""
    corner_grid: bool = True
    """As in the authors' code: -1 and 1 are the centres of the outermost pixels, not their outer edges, zeros
    lie outside of pictures, not their border's values, and they are made smaller by a Gaussian."""
    align_corners: bool = True
    """Whether -1 and 1 are centres where features are sampled. The authors' code leaves it to torch: before
    1.3, for which it was written, it was so; in later ones it is not."""
    occlusion: bool = True
    """Dense motion also says where the source picture shows nothing of the driving frame."""

    motion_squeeze: int = 0
    """Thin dense motion's evidence to so many channels before the hourglass; 0 does not."""
    strided: bool = False
    """Halve sizes by strided convolutions instead of pooling."""
    blend: bool = False
    """The generator also predicts a mask, and blends its picture with the warped source picture."""
    refine_flow: bool = False
    """The generator also predicts small offsets of the flow that warps the source picture."""
    retouch: bool = False
    """The generator paints changes to the warped source picture, which it sees."""
    show_keypoints: bool = False
    """The generator is shown where the keypoints move."""

    @property
    def field_size(self) -> int:
        """Side of heat maps (with `pad_heat`) and flow."""
        return self.motion_size // self.motion_reduce

    @property
    def outer_kernel(self) -> int:
        """Kernel of the generator's first and last layer, at full size; a thrifty model's is 5."""
        return 5 if self.strided else 7


PAPER = ModelConfig()
"""The authors' model (Siarohin et al., NeurIPS 2019), with 20 keypoints as in the appendix's Table 3."""

LARGE = replace(
    PAPER,
    detector_widths=tuple(2 * width for width in PAPER.detector_widths),
    motion_widths=tuple(2 * width for width in PAPER.motion_widths),
    generator_widths=tuple(2 * width for width in PAPER.generator_widths),
)
"""FOMM-L: doubled filter size (Wang, Mallya, Liu, CVPR 2021, section 4.1)."""

SMALL = ModelConfig(
    motion_size=128,
    largest=256,
    motion_reduce=2,
    detector_widths=(24, 48, 96, 128, 160),
    motion_widths=(24, 48, 64, 96, 128),
    generator_widths=(24, 48, 80),
    generator_blocks=4,
    head_kernel=3,
    pad_heat=True,
    corner_grid=False,
    align_corners=False,
    motion_squeeze=24,
    strided=True,
    blend=True,
    refine_flow=True,
    retouch=True,
    show_keypoints=True,
)
"""What is shipped: 256² on two CPU cores, weights of some 4 MB in fp16."""

SIZES: Mapping[str, ModelConfig] = {"paper": PAPER, "large": LARGE, "small": SMALL}
