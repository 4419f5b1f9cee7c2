"""Faithfulness: every clip from its own first picture, one operating point a method."""

from __future__ import annotations

from .recipe import Recipe


class Reconstruction(Recipe):
    """Every clip is coded with its first picture as the source, and compared with the original.

    Reproduces Table 1 of Wang et al., CVPR 2021, and 'same identity' of Table 2.1 of Agarwal's thesis, but
    with real bytes: neural codecs at the point that changes their numbers least (fp16), classical ones at
    their configured points. Frame 0, which is the source picture, does not count.
    """

    name = "reconstruction"
