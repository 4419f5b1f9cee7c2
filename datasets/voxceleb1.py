"""VoxCeleb1 in the selection that FOMM published, which most papers on talking heads train and test on."""

from __future__ import annotations

from typing import ClassVar

from ..core.assets import Asset
from .vox_metadata import VoxCeleb

LISTED = Asset(
    "vox-metadata.csv", "VoxCeleb1 as FOMM selected it: videos, frames and boxes, a list",
    "", "", "", "dfbaf55a6edaaf84add29f93692f8bb7289aff1102631bcdf1b1aaf52f3953f7", 1265155, "none stated",
    "Siarohin et al., First order motion model for image animation, NeurIPS 2019",
    "https://raw.githubusercontent.com/AliaksandrSiarohin/video-preprocessing/"
    "ac40aac58657a3d8db85421cd4afcf465e86ead1/vox-metadata.csv",
)  # fmt: skip


class VoxCeleb1(VoxCeleb):
    """VoxCeleb1 in FOMM's selection: 525 clips to test, 19,242 to train; `bench data prepare` makes it.

    Clips lie in ``ROOT/test`` and ``ROOT/train`` as ``PERSON#VIDEO#START#END.mp4``; what others made there,
    as videos or as folders of PNGs, is taken as it is. Of the 13 people to test, two (id10282 and id10306)
    stand in the partition to train as well.
    """

    name = "voxceleb1"
    assets: ClassVar[tuple[Asset, ...]] = (LISTED,)
    listed_in = LISTED
