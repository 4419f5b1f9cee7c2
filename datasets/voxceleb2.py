"""VoxCeleb2, listed in the format that FOMM published for VoxCeleb1."""

from __future__ import annotations

from .vox_metadata import VoxCeleb


class VoxCeleb2(VoxCeleb):
    """VoxCeleb2, from a list in the format of FOMM's ``vox-metadata.csv``, which nobody has published for it.

    Give the list as `data.lists`; all else is as in `voxceleb1`.
    """

    name = "voxceleb2"
