"""What the votes say, in a few sentences that hold in both directions."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Sequence

from ...core.statistics import Interval
from ..equal_quality import AS_PUBLISHED
from ..wording import digits, ends, named, times
from .analysis import Analysis, Crossed
from .bandwidth import Bandwidth
from .opinion import Opinion
from .preference import Preference
from .result_tables import alpha_text, setting_text
from .table import decimal, percent
from .workers import RULES

FEW = 10
"""Clips below which a bootstrap over them is too narrow to be left without a word."""


def findings(analysis: Analysis) -> list[str]:
    """What was found: where votes cross, and which pairs they tell apart."""
    if not analysis.votes:
        return [f"No vote counts: {_count(len(analysis.workers), 'worker')} voted, and all are excluded."]
    crossed = (_equal_votes(one) for one in analysis.crossed)
    return [*crossed, *_pairs(analysis), *_ratings(analysis.opinions)]


def _equal_votes(one: Crossed) -> str:
    point, at, other = named(one.point), one.found.at, one.found.interpolated
    lowest, highest = (f"{one.setting.upper()} {end:g}" for end in (one.found.asked[0], one.found.asked[-1]))
    if math.isfinite(at.mean):
        said = f"{point} and {one.codec} at {setting_text(one, at)} get equal votes"
        if at.clips >= FEW and _disjoint(at, other):
            said += f" (without a model, at {setting_text(one, other)}: the logistic curve may not fit)"
    else:
        if at.mean < 0:
            said = f"Votes prefer {point} to {one.codec} even at {lowest}, the best that was shown"
        else:
            said = f"Votes prefer {one.codec} even at {highest}, the worst that was shown, to {point}"
        if at.low != at.high:
            said += f" (equal votes {setting_text(one, at)})"
    ratios = [each for each in one.bandwidths if each.ratio.clips]
    if not ratios:
        return f"{said}."
    ratios.sort(key=lambda each: each.pairing != AS_PUBLISHED)
    parts = [f"({each.pairing})" for each in ratios]
    parts[0] = f"the bits of {point} {parts[0]}"
    many = "; ".join(f"{_ratio(each)} {part}{_alike(each)}" for each, part in zip(ratios, parts, strict=True))
    return f"{said}. There {one.codec} needs {many}."


def _disjoint(one: Interval, other: Interval) -> bool:
    if one.low is None or one.high is None or other.low is None or other.high is None:
        return False
    return one.high < other.low or other.high < one.low


def _ratio(each: Bandwidth) -> str:
    """'10.4× [9.1, 12.0]', or a bound."""
    return f"{each.bound} {digits(each.ratio.mean)}×" if each.bound else times(each.ratio)


def _alike(each: Bandwidth) -> str:
    low, high = each.ratio.low, each.ratio.high
    if each.bound or low is None or high is None or not low <= 1 <= high:
        return ""
    return ", so no difference is shown"


def _pairs(analysis: Analysis) -> Iterator[str]:
    """Each pair; of points against a codec's settings, the settings that votes cannot tell them from."""
    swept = {found.pair for one in analysis.crossed for found in one.shown}
    for found in analysis.preferences:
        if found.pair not in swept:
            yield _pair(found)
    for one in analysis.crossed:
        alike = [found.pair[1][1] for found in one.shown if not found.told_apart]
        votes = f"({_spread([found.votes for found in one.shown])} votes each)"
        if alike:
            yield f"Votes cannot tell {named(one.point)} from {one.codec} at {_listed(alike)} {votes}."
        else:
            yield f"Votes tell {named(one.point)} from {one.codec} at every setting that was shown {votes}."


def _pair(found: Preference) -> str:
    first, second = map(named, found.pair)
    share, wilson = found.share, [percent(end) for end in found.wilson]
    votes = f"of {_count(found.votes, 'vote')} on {_count(share.clips, 'clip')}"
    if found.told_apart and share.mean < 0.5:
        said = f"People prefer {second} to {first}: {100 - float(percent(share.mean)):.0f} %"
        low, high = (None if end is None else 1 - end for end in (share.high, share.low))
        return f"{said} [{percent(low or 0)}, {percent(high or 0)}] {votes}."
    shown = f"{percent(share.mean)} %{ends(share, percent)} {votes}"
    if found.told_apart:
        return f"People prefer {first} to {second}: {shown}."
    few = f"; as if all were independent [{', '.join(wilson)}]" if share.low is not None else ""
    return f"Votes cannot tell {first} from {second}: {shown} for {first}{few}."


def _ratings(opinions: Sequence[Opinion]) -> Iterator[str]:
    for attribute in dict.fromkeys(one.attribute for one in opinions):
        best, *others = [one for one in opinions if one.attribute == attribute]
        said = (
            f"{attribute.replace('_', ' ').capitalize()}: {named(best.point)} is rated highest, "
            f"{best.mean.mean:.2f}{ends(best.mean, decimal)} of 5"
        )
        alike = [named(one.point) for one in others if one.behind is not None and not _apart(one)]
        apart = [
            f"{named(one.point)} {one.behind.mean:.2f}{ends(one.behind, decimal)}"
            for one in others
            if one.behind is not None and _apart(one)
        ]
        said += f"; behind it {_listed(apart)}" if apart else ""
        yield said + (f"; ratings cannot tell {_listed(alike)} from it." if alike else ".")


def _apart(one: Opinion) -> bool:
    return one.behind is not None and one.behind.excludes_zero


def notes(analysis: Analysis) -> list[str]:
    """Who voted, who is excluded, what was left out, and how far voters agree."""
    return list(_notes(analysis))


def _notes(analysis: Analysis) -> Iterator[str]:
    received, workers = analysis.received, analysis.workers.values()
    excluded = [worker for worker in workers if worker.broken]
    counted = (
        f"{_count(len(analysis.votes), 'vote')} of {_count(len(workers) - len(excluded), 'worker')} count"
    )
    yield f"{counted}, from {_count(received.rows, 'row')} of {_count(received.files, 'file')}."
    if analysis.votes:
        ((_, most),) = Counter(name for name, _ in analysis.votes).most_common(1)
        yield f"The busiest worker gave {percent(most / len(analysis.votes))} % of them."
    if excluded:
        yield f"Excluded, under rules of which several may apply: {_count(len(excluded), 'worker')}."
    for rule, text in RULES.items():
        if count := sum(rule in worker.broken for worker in excluded):
            yield f"{_count(count, 'worker')} ({rule}): {text}."
    for (what, reason), count in received.reasons.items():
        yield f"Left out: {_count(count, what)}, {reason}."
    yield from (f"Not asked: {line}." for line in analysis.study.left_out)
    asked = sum(question.kind == analysis.study.kind for question in analysis.study.questions)
    short = asked - _answered(analysis)
    if short:
        wanted = analysis.study.votes
        yield f"{short} of {_count(asked, 'question')} have fewer than the {wanted} votes asked for."
    clips = len({answer.question.clip for _, answer in analysis.votes})
    if clips < FEW:
        yield f"Intervals over {_count(clips, 'clip')} are too narrow: the least that is unknown."
    for one in analysis.agreements:
        of = one.of.replace("_", " ")
        yield f"How far voters agree on {of} (Krippendorff's α; 0 is chance): {alpha_text(one.alpha)}."


def _answered(analysis: Analysis) -> int:
    """Questions with as many votes as were asked for."""
    counts = Counter(answer.question.id for _, answer in analysis.votes)
    return sum(count >= analysis.study.votes for count in counts.values())


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"


def _spread(numbers: Sequence[int]) -> str:
    return f"{min(numbers)}" if min(numbers) == max(numbers) else f"{min(numbers)} to {max(numbers)}"


def _listed(names: Sequence[str]) -> str:
    return " and ".join(part for part in (", ".join(names[:-1]), names[-1]) if part)
