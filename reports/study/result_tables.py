"""What the votes say, as tables."""

from __future__ import annotations

import math
from collections.abc import Sequence

from ...core.statistics import Interval
from ..aggregate import Point
from ..equal_quality import PAIRINGS
from ..wording import ends, named, times
from .agreement import Agreement
from .analysis import Analysis, Crossed
from .bradley_terry import Strength
from .opinion import Opinion
from .preference import Preference
from .table import Table, columns, decimal, percent

CROSSED = (
    "Where as many people prefer the codec as prefer the point: by a logistic curve through the votes, "
    "and, as a check, by a monotone curve through their shares. Then how many times the bits the codec "
    "needs there, by accounting (as published: the codec's total against the point's motion): its mean "
    "rate at that setting over the point's. Intervals are over clips, drawn together for the setting and "
    "the rates. On other clips and with other models, Wang et al. (CVPR 2021) found CRF 36 of H.264, at "
    "10.37 times the bits (as published), and CRF 37 of H.265."
)
PREFERENCES = (
    "Share of the votes for the first of a pair. Its interval is a bootstrap over clips, since the votes "
    "on a clip are alike; Wilson's takes all votes as independent. A pair is told apart where both leave "
    "out 50 %."
)
STRENGTHS = (
    "Bradley and Terry's model, in log-odds about a mean of 0: of two points s apart, the better one is "
    "preferred e^s times as often as the other. Half a vote is added each way to each pair; intervals are"
    " over clips. Points of different groups were never compared, not even by way of others: no common "
    "scale."
)
OPINIONS = (
    "1 (worst) to 5 (best). Intervals draw both clips and raters again. Behind: by how much a point lies "
    "below the highest; an interval that holds 0 does not tell the two apart."
)
AGREEMENTS = (
    "Krippendorff's α over questions with two answers or more: 1 where all agree, 0 where they agree as "
    "chance would. Where two codecs are close, voters must disagree."
)


def result_tables(analysis: Analysis) -> list[Table]:
    """The tables of what was found; those without rows are left out."""
    found = (
        _crossed(analysis.crossed),
        _preferences(analysis),
        _strengths(analysis.strengths),
        _opinions(analysis.opinions),
        _agreements(analysis.agreements),
    )
    return [table for table in found if table.rows]


def _crossed(crossed: Sequence[Crossed]) -> Table:
    rows, cells = [], []
    for one in crossed:
        found = one.found
        about = {
            "method": one.point[0],
            "point": one.point[1],
            "codec": one.codec,
            "setting": one.setting,
            "asked": " ".join(f"{crf:g}" for crf in found.asked),
            **columns("crossing", found.at),
            **columns("interpolated", found.interpolated),
        }
        rows += [
            {**about, "accounting": each.pairing, **columns("ratio", each.ratio)}
            | {"bound": each.bound, "clips": each.ratio.clips}
            for each in one.bandwidths
        ] or [{**about, "accounting": "", **columns("ratio", None), "bound": "", "clips": 0}]
        ratios = {each.pairing: f"{each.bound} {times(each.ratio)}".strip() for each in one.bandwidths}
        cells.append(
            (
                f"{named(one.point)} against {one.codec}",
                setting_text(one, found.at),
                setting_text(one, found.interpolated),
                *(ratios.get(name, "n/a") for name in PAIRINGS),
            )
        )
    heads = ("points", "equal votes at", "without a model", *PAIRINGS)
    return Table("crossing", rows, "Equal votes", CROSSED, heads, cells)


def setting_text(one: Crossed, at: Interval) -> str:
    """'CRF 35.9 [34.8, 37.1]'; what lies beyond all that was shown is 'below CRF 26' or 'above CRF 51'."""
    setting = one.setting.upper()
    lowest, highest = (f"{setting} {end:g}" for end in (one.found.asked[0], one.found.asked[-1]))

    def show(end: float) -> str:
        return f"{end:.1f}" if math.isfinite(end) else f"below {lowest}" if end < 0 else f"above {highest}"

    said = f"{setting} {at.mean:.1f}" if math.isfinite(at.mean) else show(at.mean)
    if at.low is None or at.high is None or at.low == at.high:
        return said
    return f"{said} [{show(at.low)}, {show(at.high)}]"


def _preferences(analysis: Analysis) -> Table:
    rows, cells = [], []
    for found in analysis.preferences:
        first, second = found.pair
        everybody = analysis.unfiltered[found.pair]
        rows.append(
            {
                **_pair(first, second),
                **columns("share", found.share),
                "wilson_low": found.wilson[0],
                "wilson_high": found.wilson[1],
                "won": found.won,
                "votes": found.votes,
                "clips": found.share.clips,
                "told_apart": found.told_apart,
                "share_with_excluded": everybody,
            }
        )
        cells.append(
            (
                f"{named(first)} or {named(second)}",
                f"{percent(found.share.mean)} %{ends(found.share, percent)}",
                f"[{', '.join(map(percent, found.wilson))}]",
                f"{found.won} of {found.votes}",
                str(found.share.clips),
                _verdict(found),
                f"{percent(everybody)} %",
            )
        )
    heads = ("pair", "for the first", "Wilson", "votes", "clips", "verdict", "with excluded workers")
    return Table("preference", rows, "Preference", PREFERENCES, heads, cells)


def _pair(first: Point, second: Point) -> dict[str, object]:
    names = ("first_method", "first_point", "second_method", "second_point")
    return dict(zip(names, (*first, *second), strict=True))


def _verdict(found: Preference) -> str:
    if not found.told_apart:
        return "not told apart"
    return f"{named(found.pair[found.share.mean < 0.5])} preferred"


def _strengths(strengths: Sequence[Strength]) -> Table:
    if len(strengths) < 3:  # two points say no more than their pair does
        return Table("scores", ())
    rows = [
        {"group": one.group + 1, "method": one.point[0], "point": one.point[1]}
        | {**columns("score", one.score), "votes": one.votes}
        for one in strengths
    ]
    cells = [
        (named(one.point), str(one.group + 1), f"{decimal(score.mean)}{ends(score, decimal)}", str(one.votes))
        for one in strengths
        for score in (one.score,)
    ]
    return Table("scores", rows, "All on one scale", STRENGTHS, ("point", "group", "score", "votes"), cells)


def _opinions(opinions: Sequence[Opinion]) -> Table:
    rows, cells = [], []
    for one in opinions:
        about = {"attribute": one.attribute, "method": one.point[0], "point": one.point[1]}
        counts = {"ratings": one.votes, "clips": one.mean.clips, "raters": one.raters}
        rows.append({**about, **columns("mean", one.mean), **columns("behind", one.behind), **counts})
        gap = one.behind
        cells.append(
            (
                named(one.point),
                one.attribute.replace("_", " "),
                f"{decimal(one.mean.mean)}{ends(one.mean, decimal)}",
                "highest" if gap is None else f"{decimal(gap.mean)}{ends(gap, decimal)}",
                *map(str, counts.values()),
            )
        )
    heads = ("point", "attribute", "mean", "behind", "ratings", "clips", "raters")
    return Table("opinions", rows, "Mean opinion scores", OPINIONS, heads, cells)


def _agreements(agreements: Sequence[Agreement]) -> Table:
    rows = [
        {"of": one.of, "level": one.level, **columns("alpha", one.alpha), "questions": one.questions}
        for one in agreements
    ]
    cells = [(one.of.replace("_", " "), alpha_text(one.alpha), str(one.questions)) for one in agreements]
    return Table("agreement", rows, "Agreement", AGREEMENTS, ("of", "α", "questions"), cells)


def alpha_text(found: Interval) -> str:
    """Krippendorff's alpha with its interval."""
    return "not defined" if math.isnan(found.mean) else f"{decimal(found.mean)}{ends(found, decimal)}"
