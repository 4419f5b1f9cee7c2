"""Shares of votes and their intervals: closed forms, and coverage over simulated studies."""

from __future__ import annotations

import math

import numpy as np
import pytest
from talkbench.reports.resampling import draws
from talkbench.reports.study.preference import Pair, Tally, preferences, tally, wilson

OURS, H264, FOMM = ORDER = ("ours", "adaptive"), ("h264", "crf36"), ("fomm", "fp16")


def test_wilson_at_the_papers_number_of_votes() -> None:
    assert wilson(333, 666) == pytest.approx((0.462, 0.538), abs=0.0005)


@pytest.mark.parametrize(("won", "votes"), [(333, 666), (0, 12), (12, 12), (7, 9)])
def test_wilson_closed_form(won: int, votes: int) -> None:
    z, share = 1.959963984540054, won / votes
    middle = (share + z**2 / (2 * votes)) / (1 + z**2 / votes)
    half = z / (1 + z**2 / votes) * math.sqrt(share * (1 - share) / votes + z**2 / (4 * votes**2))
    assert wilson(won, votes) == pytest.approx((middle - half, middle + half), abs=1e-12)


def test_votes_are_counted_by_pair_and_clip() -> None:
    first: Pair = (OURS, H264)
    second: Pair = (OURS, FOMM)
    counted = tally([(first, "b", True), (first, "a", False), (first, "b", True), (second, "a", True)], ORDER)
    assert (counted.pairs, counted.clips) == ((first, second), ("a", "b"))
    np.testing.assert_array_equal(counted.wins, [[0, 2], [1, 0]])
    np.testing.assert_array_equal(counted.votes, [[1, 2], [1, 0]])
    found = preferences(counted, draws(2, 0))
    assert [one.share.mean for one in found] == pytest.approx([2 / 3, 1])
    assert [(one.won, one.votes, one.share.clips) for one in found] == [(2, 3, 2), (1, 1, 1)]
    assert found[1].share.low is None
    assert not found[1].told_apart


def test_clips_that_agree_with_themselves_tell_less_than_as_many_independent_votes() -> None:
    clips = tuple("abcdefghijklmnopqrst")
    alike = np.repeat([0.0, 3.0], 10)[None]
    mixed = np.tile([1.0, 2.0], 10)[None]
    votes = np.full((1, 20), 3.0)
    widths = []
    for wins in (alike, mixed):
        found = preferences(Tally(((OURS, H264),), clips, wins, votes), draws(20, 0))[0]
        assert found.share.mean == pytest.approx(0.5)
        assert not found.told_apart
        assert found.share.low is not None
        assert found.share.high is not None
        widths.append((found.share.high - found.share.low) / (found.wilson[1] - found.wilson[0]))
    # of 20 clips, the standard deviation is sqrt(1/80) with themselves alike, of 60 votes sqrt(1/240)
    assert widths[0] == pytest.approx(math.sqrt(3), rel=0.1)
    assert widths[1] < 0.8


def test_few_unanimous_votes_tell_nothing_apart() -> None:
    """A bootstrap of three clips that agree has no width; Wilson's interval knows that there are few."""
    found = preferences(tally([((OURS, H264), clip, True) for clip in "abc"], ORDER), draws(3, 0))[0]
    assert (found.share.low, found.share.high) == (1, 1)
    assert not found.told_apart
    more = preferences(tally([((OURS, H264), clip, True) for clip in "abcabcabc"], ORDER), draws(3, 0))[0]
    assert more.told_apart


def test_coverage_where_clips_differ() -> None:
    """Of 200 studies of 80 clips by 3 votes, some 95 % of the intervals over clips hold the true share."""
    random = np.random.default_rng(4)
    clips = 80
    offsets = random.normal(0.4, 1.2, size=(200, clips))  # of a clip, in log-odds
    wins = random.binomial(3, 1 / (1 + np.exp(-offsets))).astype(np.float64)
    truth = float(np.mean(1 / (1 + np.exp(-random.normal(0.4, 1.2, 1_000_000)))))
    pairs = tuple(((f"m{number}", ""), H264) for number in range(200))  # a study a pair: all in one go
    names = tuple(map(str, range(clips)))
    found = preferences(Tally(pairs, names, wins, np.full(wins.shape, 3.0)), draws(clips, 0))
    ends = [(one.share.low, one.share.high) for one in found]
    covered = sum(low is not None and high is not None and low <= truth <= high for low, high in ends) / 200
    naive = sum(one.wilson[0] <= truth <= one.wilson[1] for one in found) / 200
    assert 0.91 <= covered <= 0.985
    assert naive < covered
