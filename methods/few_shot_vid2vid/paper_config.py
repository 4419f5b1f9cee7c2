"""Size of `paper`, the model with the widths that were published for faces."""

from __future__ import annotations

from dataclasses import dataclass

from ..network_config import NetworkConfig


@dataclass(frozen=True)
class PaperConfig(NetworkConfig):
    """Widths, depths and switches of the networks."""

    layout: str = "paper"
    keypoints: int = 126
    """Landmarks of a frame."""
    width: int = 32
    most: int = 1024
    """Channels at full size, which double with each halving, up to so many."""
    halvings: int = 5
    adaptive_layers: int = 4
    """Layers, those of the largest sizes, whose SPADE gets its weights from the source picture."""
    linear_layers: int = 2
    """Hidden layers of what gives these weights."""
    reference_kernel: int = 1
    """Kernel of the convolutions that read the source picture for that."""
    warped_layers: int = 2
    """Layers, those of the largest sizes, whose SPADE also sees the warped pictures."""
    flow_halvings: int = 3
    flow_blocks: int = 6
    flow_scale: float = 20.0
    """Pixels that an output of one means."""
    temporal: bool = False
    """From a clip's second painted frame on, the frame before is warped too."""
    own_flow: bool = False
    """That has a flow network of its own."""
    label_eps: float = 1e-5
    """Of the instance norms behind the source's labels."""
    spectral_norm: bool = True

    def widths(self, count: int) -> list[int]:
        """Channels at full size, a half, and so on."""
        return [min(self.most, self.width * 2**level) for level in range(count)]


PAPER = PaperConfig()
