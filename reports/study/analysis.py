"""A study's votes, from result files to figures: what people preferred, and how far that can be relied on."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from ...core.errors import StoreError, UsageError
from .. import build
from ..aggregate import Point, Results, load
from ..curves import Refusal, block_codecs
from ..matching import swept
from ..resampling import Reals, draws
from .agreement import Agreement, agreement
from .bandwidth import Bandwidth, bandwidths
from .bradley_terry import Strength, strengths
from .crossing import Crossing, crossing
from .manifest import Study, read_study, study_folder
from .opinion import Opinion, Rating, opinions
from .preference import Pair, Preference, Tally, preferences, tally
from .votes import SCALE, Answer, Received, read_votes
from .workers import Worker, chosen, judge


@dataclass(frozen=True)
class Crossed:
    """One point against one block codec at several of its settings.

    Attributes:
        point: what is compared.
        codec: the block codec.
        setting: what it sweeps, such as ``crf``.
        shown: what people preferred at each setting that was shown, in the order of `found.asked`.
        found: where votes cross one half.
        bandwidths: what either needs there, by pairing of accountings.
    """

    point: Point
    codec: str
    setting: str
    shown: tuple[Preference, ...]
    found: Crossing
    bandwidths: tuple[Bandwidth, ...]


@dataclass(frozen=True)
class Analysis:
    """What the votes of a study say; a pair study has no opinions, a rating study nothing else.

    Attributes:
        study: what was asked.
        received: what was read.
        workers: by id.
        votes: answers that count: to questions that are asked for their own sake, of workers who are not
            excluded, with these workers' names.
        preferences: of each pair.
        unfiltered: each pair's share with the excluded workers' votes.
        strengths: of all points on one scale.
        crossed: where votes cross one half.
        agreements: how far voters agree, by what was asked.
        opinions: mean opinion scores.
    """

    study: Study
    received: Received
    workers: Mapping[str, Worker]
    votes: tuple[tuple[str, Answer], ...]
    preferences: tuple[Preference, ...] = ()
    unfiltered: Mapping[Pair, float] = field(default_factory=dict)
    strengths: tuple[Strength, ...] = ()
    crossed: tuple[Crossed, ...] = ()
    agreements: tuple[Agreement, ...] = ()
    opinions: tuple[Opinion, ...] = ()


def analyse(run: Path, votes: Sequence[Path], study: str = "study") -> Path:
    """Analyse a study and write what it says into the run's report.

    Args:
        run: a run's folder with a study in it.
        votes: result files, as MTurk or `bench study serve` wrote them.
        study: name of the study's folder in the run.

    Returns:
        path of ``report/index.html``; beside it, in ``report/STUDY``, are tables, figures and a summary.

    Raises:
        StoreError: there is no such run or study, or the run was made anew since.
        UsageError: a file cannot be read, or holds no vote of this study.
    """
    from .account import write_account

    results = load(run)
    folder = study_folder(run, study)
    asked = read_study(folder)
    _check_run(results, asked, folder)
    received = read_votes(asked, votes)
    if not received.assignments:
        reasons = "; ".join(f"{count} {reason}" for (_, reason), count in received.reasons.items())
        raise UsageError(
            f"no votes of {folder} in {received.rows} rows ({reasons or 'they are empty'}); give its results"
        )
    write_account(results, folder, evaluate(results, asked, received))
    return build(run)


def _check_run(results: Results, study: Study, folder: Path) -> None:
    """A study's videos must be what the run still holds, or its rates are those of other videos."""
    keys = {unit["key"]: unit["decoded_sha256"] for unit in results.units.values()}
    other = sum(keys.get(video.unit) != video.frames_sha256 for video in study.videos if video.unit)
    if other:
        raise StoreError(
            f"{folder} shows {other} videos that are not this run's; analyse it with the run that it was "
            "exported from, or export it again"
        )


def evaluate(results: Results, study: Study, received: Received) -> Analysis:
    """What the received of a study say.

    Args:
        results: of the run that the study shows, for its rates.
        study: what was asked.
        received: with at least one assignment.
    """
    workers = judge(study, received)
    every = [
        (workers[assignment.worker].name, answer)
        for assignment in received.assignments
        for answer in assignment.answers
        if answer.question.kind == study.kind
    ]
    out = {worker.name for worker in workers.values() if worker.broken}
    votes = tuple((name, answer) for name, answer in every if name not in out)
    if not votes:
        return Analysis(study, received, workers, votes)
    seed = int(results.manifest.get("seed", 0))
    if study.kind == "rating":
        return _ratings(study, received, workers, votes, seed)
    order = [*results.points, *{side for _, answer in every for side in _points(answer)}]
    codecs = block_codecs(results)
    counted = tally([_vote(answer, order, codecs) for _, answer in votes], order)
    unfiltered = tally([_vote(answer, order, codecs) for _, answer in every], order)
    weights = draws(len(counted.clips), seed)
    preferred = tuple(preferences(counted, weights))
    return Analysis(
        study,
        received,
        workers,
        votes,
        preferences=preferred,
        unfiltered={
            pair: float(wins.sum() / all_.sum())
            for pair, wins, all_ in zip(unfiltered.pairs, unfiltered.wins, unfiltered.votes, strict=True)
        },
        strengths=tuple(strengths(counted, weights)),
        crossed=tuple(_crossed(results, preferred, counted, weights)),
        agreements=(_choices(votes, order, codecs, counted, weights),),
    )


def _points(answer: Answer) -> tuple[Point, Point]:
    left, right = answer.question.left, answer.question.right
    return (left.method, left.point), (right.method, right.point)


def _vote(answer: Answer, order: Sequence[Point], codecs: Sequence[str]) -> tuple[Pair, str, bool]:
    """A vote, of the pair in the order in which shares are told: a block codec last, else as in the run."""
    first, second = sorted(_points(answer), key=lambda point: (point[0] in codecs, order.index(point)))
    winner = chosen(answer)
    return (first, second), answer.question.clip, (winner.method, winner.point) == first


def _crossed(
    results: Results, preferred: Sequence[Preference], counted: Tally, weights: Reals
) -> Iterator[Crossed]:
    """Every point that was held against two settings or more of a block codec."""
    for codec in block_codecs(results):
        try:
            setting, numbers = swept(results, codec)
        except Refusal:
            continue
        rows: dict[Point, dict[float, int]] = {}
        for row, (first, second) in enumerate(counted.pairs):
            if second in numbers and first not in numbers:
                rows.setdefault(first, {})[numbers[second]] = row
        for point, by_number in rows.items():
            if len(by_number) > 1:
                found = crossing(counted, weights, list(by_number.values()), list(by_number))
                times = bandwidths(results, point, numbers, found, counted.clips, weights)
                shown = tuple(preferred[by_number[number]] for number in found.asked)
                yield Crossed(point, codec, setting, shown, found, tuple(times))


def _choices(
    votes: Sequence[tuple[str, Answer]],
    order: Sequence[Point],
    codecs: Sequence[str],
    counted: Tally,
    weights: Reals,
) -> Agreement:
    """How far voters agree on which of two is better, over all pairs."""
    by_question: dict[str, list[int]] = {}
    clips = {}
    for _, answer in votes:
        _, clip, won = _vote(answer, order, codecs)
        counts = by_question.setdefault(answer.question.id, [0, 0])
        counts[not won] += 1
        clips[answer.question.id] = counted.clips.index(clip)
    table = np.array(list(by_question.values()))
    return agreement("which is better", "nominal", table, np.array(list(clips.values())), weights)


def _ratings(
    study: Study,
    received: Received,
    workers: Mapping[str, Worker],
    votes: tuple[tuple[str, Answer], ...],
    seed: int,
) -> Analysis:
    ratings = [
        Rating(name, answer.question.clip, attribute, (shown.method, shown.point), answer.ratings[attribute])
        for attribute in study.attributes
        for name, answer in votes
        if attribute in answer.ratings
        for shown in (answer.question.right,)  # the original is left
    ]
    clips = sorted({answer.question.clip for _, answer in votes})
    agreements = []
    for attribute in study.attributes:
        by_question: dict[str, list[int]] = {}
        places = {}
        for _, answer in votes:
            if attribute in answer.ratings:
                counts = by_question.setdefault(answer.question.id, [0] * len(SCALE))
                counts[answer.ratings[attribute] - SCALE[0]] += 1
                places[answer.question.id] = clips.index(answer.question.clip)
        if by_question:
            table, at = np.array(list(by_question.values())), np.array(list(places.values()))
            agreements.append(agreement(attribute, "ordinal", table, at, draws(len(clips), seed)))
    return Analysis(
        study, received, workers, votes, agreements=tuple(agreements), opinions=tuple(opinions(ratings, seed))
    )
