"""G: from the warped volume to the picture (appendix A.1)."""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional as F

from .blocks import ConvNorm, ResBlock, conv
from .config import ModelConfig
from .geometry import resize_flow, warp
from .painter import Painter, Rendering

__all__ = ["Generator", "Rendering"]


class Generator(Painter):
    """G: flattens w(f_s) to 2-D, multiplies by the occlusion, residual blocks, up-sampling."""

    def __init__(self, config: ModelConfig) -> None:
        spectral = config.spectral_norm
        width = config.generator_width
        super().__init__(
            (width, *config.generator_widths),
            config.outer_kernel,
            blend=config.blend,
            refine_flow=config.refine_flow,
            retouch=config.retouch,
            spectral=spectral,
        )
        flat = config.volume_channels * config.volume_depth
        self.flatten = ConvNorm(2, flat, width, 3, spectral=spectral)
        self.mix = conv(2, width, width, 1, spectral=spectral)
        self.blocks = nn.ModuleList(
            [ResBlock(2, width, spectral=spectral) for _ in range(config.generator_blocks)]
        )
        self.modulation: nn.Module | None = None
        if config.modulate:
            hidden = 128
            last = nn.Linear(hidden, 2 * width * config.generator_blocks)
            nn.init.zeros_(last.weight)
            nn.init.zeros_(last.bias)
            self.modulation = nn.Sequential(nn.Linear(6 * config.keypoints, hidden), nn.ReLU(), last)

    def forward(
        self,
        volume: Tensor,
        flow: Tensor,
        occlusion: Tensor,
        *,
        deformations: Tensor | None = None,
        source: Tensor | None = None,
        surface: Tensor | None = None,
    ) -> Rendering:
        """Render a driving frame.

        Args:
            volume: f_s (B, C, D, H, W); the picture that G paints is 4H × 4W.
            flow: (B, D, h, w, 3), enlarged here to H × W.
            occlusion: (B, 1, h, w), likewise.
            deformations: (B, 6K), δ_s and δ_d − δ_s in units of the expression (of order one), for a
                modulated generator.
            source: source picture (B, 3, S, S), for blending; S may exceed 4H.
            surface: (B, h, w, 2) flow of the visible surface, for blending.
        """
        height, width = volume.shape[-2:]
        warped_volume = warp(volume, resize_flow(flow, height, width))
        x = self.mix(self.flatten(warped_volume.flatten(1, 2)))
        x = x * F.interpolate(occlusion, size=(height, width), mode="bilinear", align_corners=False).to(
            x.dtype
        )
        scales: list[tuple[Tensor | None, Tensor | None]] = [(None, None)] * len(self.blocks)
        if self.modulation is not None:
            if deformations is None:
                raise ValueError("a modulated generator needs the deformations")
            chunks = self.modulation(deformations)[..., None, None].chunk(2 * len(self.blocks), 1)
            scales = list(zip(chunks[::2], chunks[1::2], strict=False))
        for block, (scale, shift) in zip(self.blocks, scales, strict=False):
            x = block(x, scale, shift)
        return self.finish(x, source, surface)
