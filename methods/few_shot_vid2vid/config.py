"""Size of `small`, the model that is shipped."""

from __future__ import annotations

from dataclasses import dataclass

from ..network_config import NetworkConfig


@dataclass(frozen=True)
class FewShotConfig(NetworkConfig):
    """Widths, depths and switches of the networks."""

    keypoints: int = 126
    """Landmarks of a frame."""
    motion_size: int = 128
    """Side of the label maps and of the flow, whatever the size of the output."""
    largest: int = 256
    """Side of the largest picture that the generator paints; a larger source picture is warped and blended at
    its own size, with what was painted enlarged."""

    flow_widths: tuple[int, ...] = (32, 48, 64, 96)
    """Flow network: channels at a half of the motion size, a quarter, and so on."""
    flow_blocks: int = 2
    """Flow network: residual blocks at the smallest size."""

    appearance_widths: tuple[int, ...] = (32, 96)
    """Source features: channels at half and quarter size."""
    code_widths: tuple[int, ...] = (16, 32, 64, 96)
    """Weight generator: channels of its encoder, each layer half the size of the one before."""
    code: int = 32
    """Weight generator: numbers that describe the source picture."""

    label_width: int = 24
    """Channels of the embedded landmarks, which condition SPADE."""
    spade_hidden: int = 16
    """SPADE: channels between the condition and the scales; what is adapted lies behind them."""
    generator_width: int = 96
    generator_blocks: int = 3
    """Generator: channels and SPADE residual blocks at a quarter of the size."""
    generator_widths: tuple[int, ...] = (64, 32)
    """Generator: channels at half and at full size."""
    kernel: int = 5
    """Of the generator's last convolution."""


SMALL = FewShotConfig()
