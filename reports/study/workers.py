"""How far a worker's answers can be relied on, and whose do not count, by stated rules."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from statistics import median

from .manifest import Question, Shown, Study
from .votes import Answer, Assignment, Received

LEAST_GOLD = 0.75
LEAST_PACE = 0.9
SIDE_P = 0.01
GOLD_RATING = 4
NEAR = 1
RULES: Mapping[str, str] = {
    "gold": f"fewer than {LEAST_GOLD:.0%} of the questions with a known answer were answered right",
    "pace": f"in half of the assignments, the time was less than {LEAST_PACE:.0%} of what playing the "
    "videos to their end takes",
    "side": "one side was chosen more often than chance allows "
    f"(two-sided binomial test, p < {SIDE_P}); of ratings, all were the same",
}
"""Who is excluded, by the name of the rule. Agreement with others and consistency in repeats are shown and
exclude nobody: where two codecs are close, honest people contradict each other and themselves, and to drop
those who do would make up agreement."""


@dataclass(frozen=True)
class Share:
    """So many of so many."""

    hits: int
    of: int

    @property
    def value(self) -> float:
        """0 to 1, NaN of none."""
        return self.hits / self.of if self.of else math.nan


@dataclass(frozen=True)
class Worker:
    """A worker.

    Attributes:
        name: a pseudonym, ``w1`` on, in the order of first assignments: MTurk's ids lead to people.
        id: as in the files.
        assignments, answers: how many.
        gold: questions with a known answer that were answered right: the original chosen, or rated
            GOLD_RATING at least in all that was asked.
        pace: time over the playing time of the videos, the median over assignments; the time is the smaller
            one of that from accepting to submitting and of the sum that the page measured. NaN: not stated.
        seconds: the page's, of an answer, the median.
        left: choices of the left side, gold apart; none of ratings.
        repeats: questions asked twice (sides swapped) and answered alike, of ratings within NEAR in each.
        agreement: answers like the majority of others' to the same question, where there is one; of ratings,
            within NEAR of their mean.
        broken: names of the RULES by which the worker is excluded.
    """

    name: str
    id: str
    assignments: int
    answers: int
    gold: Share
    pace: float
    seconds: float
    left: Share
    repeats: Share
    agreement: Share
    broken: tuple[str, ...]


def judge(study: Study, received: Received) -> dict[str, Worker]:
    """Every worker, by id, in the order of first assignments."""
    by_worker: dict[str, list[Assignment]] = {}
    for assignment in received.assignments:
        by_worker.setdefault(assignment.worker, []).append(assignment)
    playing = {video.name: video.frames / float(Fraction(video.fps)) for video in study.videos}
    others = _by_question(received)
    return {
        worker: _judged(f"w{number}", worker, assignments, playing, others)
        for number, (worker, assignments) in enumerate(by_worker.items(), 1)
    }


def chosen(answer: Answer) -> Shown:
    """What was preferred of a pair."""
    return answer.question.left if answer.choice == "left" else answer.question.right


def _by_question(received: Received) -> dict[str, list[tuple[str, Answer]]]:
    found: dict[str, list[tuple[str, Answer]]] = {}
    for assignment in received.assignments:
        for answer in assignment.answers:
            found.setdefault(answer.question.id, []).append((assignment.worker, answer))
    return found


def _judged(
    name: str,
    worker: str,
    assignments: Sequence[Assignment],
    playing: Mapping[str, float],
    others: Mapping[str, Sequence[tuple[str, Answer]]],
) -> Worker:
    answers = [answer for assignment in assignments for answer in assignment.answers]
    gold = _share([_right(answer) for answer in answers if answer.question.kind == "gold"])
    pace = _median([_pace(assignment, playing) for assignment in assignments])
    sides = [answer.choice for answer in answers if answer.choice and answer.question.kind != "gold"]
    left = Share(sides.count("left"), len(sides))
    agreement = _share(
        [
            alike
            for answer in answers
            if answer.question.kind in ("pair", "rating")
            for alike in _like_others(
                answer, [one for who, one in others[answer.question.id] if who != worker]
            )
        ]
    )
    broken = {
        "gold": gold.value < LEAST_GOLD,
        "pace": pace < LEAST_PACE,
        "side": _one_sided(left) or _one_rating(answers),
    }
    return Worker(
        name=name,
        id=worker,
        assignments=len(assignments),
        answers=len(answers),
        gold=gold,
        pace=pace,
        seconds=_median([answer.seconds for answer in answers]),
        left=left,
        repeats=_share([alike for assignment in assignments for alike in _repeated(assignment)]),
        agreement=agreement,
        broken=tuple(rule for rule in RULES if broken[rule]),
    )


def _share(outcomes: Sequence[bool]) -> Share:
    return Share(sum(outcomes), len(outcomes))


def _median(values: Sequence[float]) -> float:
    known = [value for value in values if not math.isnan(value)]
    return median(known) if known else math.nan


def _right(answer: Answer) -> bool:
    if answer.choice:
        return answer.choice == answer.question.winner
    return min(answer.ratings.values()) >= GOLD_RATING


def _pace(assignment: Assignment, playing: Mapping[str, float]) -> float:
    """Time over playing time; both sides of a question play at once."""
    needed = sum(_playing(answer.question, playing) for answer in assignment.answers)
    measured = sum(answer.seconds for answer in assignment.answers)
    known = [time for time in (assignment.work_seconds, measured) if not math.isnan(time)]
    return min(known) / needed if known and needed else math.nan


def _playing(question: Question, playing: Mapping[str, float]) -> float:
    return max(playing.get(side.video, 0.0) for side in (question.left, question.right))


def _one_sided(left: Share) -> bool:
    from scipy.stats import binomtest

    return left.of > 0 and bool(binomtest(left.hits, left.of).pvalue < SIDE_P)


def _one_rating(answers: Sequence[Answer]) -> bool:
    given = [
        value for answer in answers if answer.question.kind != "gold" for value in answer.ratings.values()
    ]
    return len(given) >= 10 and len(set(given)) == 1


def _repeated(assignment: Assignment) -> list[bool]:
    by_question = {answer.question.id: answer for answer in assignment.answers}
    found = []
    for answer in assignment.answers:
        first = by_question.get(answer.question.repeats)
        if first is None:
            continue
        if answer.choice:
            found.append(chosen(answer).video == chosen(first).video)
        else:
            both = answer.ratings.keys() & first.ratings.keys()
            found.append(all(abs(answer.ratings[name] - first.ratings[name]) <= NEAR for name in both))
    return found


def _like_others(answer: Answer, others: Sequence[Answer]) -> list[bool]:
    """Whether each thing that was answered is as others answered it; nothing where these are divided."""
    if answer.choice:
        counts = Counter(other.choice for other in others)
        if counts["left"] == counts["right"]:
            return []
        return [answer.choice == max(counts, key=lambda side: counts[side])]
    found = []
    for name, value in answer.ratings.items():
        theirs = [other.ratings[name] for other in others if name in other.ratings]
        if theirs:
            found.append(abs(value - sum(theirs) / len(theirs)) <= NEAR)
    return found
