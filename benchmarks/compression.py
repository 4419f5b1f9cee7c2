"""Rate against quality: every clip at every operating point."""

from __future__ import annotations

from .recipe import Recipe


class Compression(Recipe):
    """Every clip is coded at every operating point: rate against quality.

    Reproduces Fig. 11 of Wang et al., CVPR 2021, and Fig. 5a and Table 3 of its appendix: bits a
    pixel against LPIPS, and against every other metric.
    """

    name = "compression"
