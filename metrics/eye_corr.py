"""Whether the eyes act as the original's do."""

from __future__ import annotations

from ..core.face_openings import Array
from .openings import OpeningCorrelation


class EyeCorr(OpeningCorrelation):
    """Correlation over time of the eyes' opening with the original's (1: they move alike).

    The opening is the mean over both eyes of the distance of the lids over that of the eye's corners, of
    MediaPipe's mesh of the largest face, each frame by itself. Pearson's correlation over the frames in
    which both clips show a face; a decoded opening that is constant has correlation 0, so that a frozen
    face scores none. eye_corr_range is the smaller of both standard deviations over the larger: a
    correlation of .9 at a fifth of the range is a mask. Where the original's standard deviation is below
    .02 the eyes hardly move and there is no value. Frame 0 is left out unless run.count_first is set;
    eye_corr_miss and _unseen: as akd's.
    Source: opening: Soukupová and Čech, CVWW 2016; landmarks: Kartynnik et al., 2019.
    """

    name = "eye_corr"
    measures = ("eye_corr", "eye_corr_range")
    part = "eye"
    least = 0.02
    source = "opening: Soukupová and Čech, CVWW 2016; landmarks: Kartynnik et al., 2019"

    @staticmethod
    def opening(ratios: Array) -> Array:
        mean: Array = ratios[..., :2].mean(-1)
        return mean
