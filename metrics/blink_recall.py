"""Whether the original's blinks are seen."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from ..core.face_openings import Array
from ..core.metric import Scores, Shape, Values
from .eye_corr import EyeCorr
from .openings import OpeningMetric

SHARE = 0.5
"""Of the clip's median opening, below which the eyes are shut."""

LONGEST = 0.5
"""Seconds; eyes that stay shut for longer do not blink."""

LEAST_OPEN = 0.15
"""Median opening below which the eyes are mostly shut, and half of it says nothing."""

SLACK = 2
"""Frames that a blink may come early or late."""

Blinks = list[tuple[int, int]]
"""First and last frame of each blink."""


class BlinkRecall(OpeningMetric):
    """Share of the original's blinks that the decoded clip shows (1: all).

    A blink: the eyes' opening (as of eye_corr) is below half of the clip's own median for at least one
    frame and at most half a second, and not below it in the frames next to them; both clips by the same
    rule, each by its own median. A blink of the original is shown where one of the decoded clip's, widened
    by 2 frames at both ends, overlaps it; each counts for one. blink_recall_f1 is 2 shown / (blinks of the
    original + blinks of the decoded clip): blinks that are made up cost as much as those that are lost.
    blink_recall_depth tells lids that move a little from such as do not: how far the opening falls below
    its median during each blink of the original (and 2 frames around it), as a share of how far the
    original's falls, at most 1, mean over the blinks; a frozen clip has 0.
    Frames in which one of the clips shows no face cut a series in two, and a blink at a cut is not
    counted. No value where the original has no blink, or its eyes are mostly shut (median below .15).
    Frame 0 is left out unless run.count_first is set; blink_recall_miss and _unseen: as akd's.
    Source: opening: Soukupová and Čech, CVWW 2016; the rule is this suite's own.
    """

    name = "blink_recall"
    direction = "higher"
    unit = "0-1"
    measures = ("blink_recall", "blink_recall_f1", "blink_recall_depth")
    part = "eye"
    source = "opening: Soukupová and Čech, CVWW 2016; rule: talkbench"

    @staticmethod
    def opening(ratios: Array) -> Array:
        return EyeCorr.opening(ratios)

    def settings(self) -> Mapping[str, Any]:
        rule = f"below{SHARE:g}median,1frame-{LONGEST:g}s,slack{SLACK}"
        return {**super().settings(), "blink": rule, "open": LEAST_OPEN}

    def follow(self, reference: Values, decoded: Values, shape: Shape) -> Scores:
        median = float(np.nanmedian(reference))
        longest = max(1, int(LONGEST * shape.fps))
        there = blinks(reference, longest)
        if median < LEAST_OPEN:
            reason = (
                f"the original's eyes are mostly shut: their median opening is {median:.3f}, "
                f"below {LEAST_OPEN:g}"
            )
        elif not there:
            reason = f"the original shows no blink in {int((~np.isnan(reference)).sum())} frames"
        else:
            found = blinks(decoded, longest)
            hits = matched(there, found)
            falls = [min(1, fall(decoded, blink) / fall(reference, blink)) for blink in there]
            values = hits / len(there), 2 * hits / (len(there) + len(found)), float(np.mean(falls))
            return Scores(dict(zip(self.measures, values, strict=True)))
        return Scores({}, absent=dict.fromkeys(self.measures, reason))


def blinks(opening: Values, longest: int) -> Blinks:
    """The blinks in a series (n,) with NaN where there is no face.

    Args:
        opening: of the eyes.
        longest: blink in frames.
    """
    median = np.nanmedian(opening)
    if median < LEAST_OPEN:
        return []
    shut = np.concatenate([[False], opening < SHARE * median, [False]]).astype(np.int8)  # NaN is not below
    starts, ends = np.flatnonzero(np.diff(shut) == 1), np.flatnonzero(np.diff(shut) == -1) - 1
    around = np.concatenate([[np.nan], opening, [np.nan]])
    return [
        (int(start), int(end))
        for start, end in zip(starts, ends, strict=True)
        if end - start < longest and not np.isnan(around[[start, end + 2]]).any()
    ]


def fall(opening: Values, blink: tuple[int, int]) -> float:
    """How far the opening falls below its median around a blink: 1 for eyes that shut, 0 for others."""
    least = np.nanmin(opening[max(0, blink[0] - SLACK) : blink[1] + SLACK + 1])
    return max(0.0, 1 - float(least / max(np.nanmedian(opening), 1e-6)))


def matched(original: Blinks, shown: Blinks) -> int:
    """How many of the original's blinks are shown, each by another one; both lists are in order of time."""
    hits, left = 0, list(shown)
    for start, end in original:
        while left and left[0][1] + SLACK < start:
            left.pop(0)
        if left and left[0][0] - SLACK <= end:
            left.pop(0)
            hits += 1
    return hits
