"""Whether the mouth acts as the original's does."""

from __future__ import annotations

from ..core.face_openings import Array
from .openings import OpeningCorrelation


class MouthCorr(OpeningCorrelation):
    """Correlation over time of the mouth's opening with the original's (1: it moves alike).

    The opening is the distance of the inner lips over the height of the face (forehead to chin), of
    MediaPipe's mesh of the largest face, each frame by itself. Pearson's correlation over the frames in
    which both clips show a face; a decoded opening that is constant has correlation 0, so that a frozen
    face scores none. mouth_corr_range is the smaller of both standard deviations over the larger: a
    correlation of .9 at a fifth of the range is a mask. Where the original's standard deviation is below
    .005 the mouth hardly moves and there is no value. Frame 0 is left out unless run.count_first is set;
    mouth_corr_miss and _unseen: as akd's.
    Source: Pearson's correlation; landmarks: Kartynnik et al., 2019.
    """

    name = "mouth_corr"
    measures = ("mouth_corr", "mouth_corr_range")
    part = "mouth"
    least = 0.005
    source = "Pearson's correlation; landmarks: Kartynnik et al., 2019"

    @staticmethod
    def opening(ratios: Array) -> Array:
        return ratios[..., 2]
