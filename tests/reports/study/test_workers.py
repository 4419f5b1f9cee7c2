"""Who is excluded, and by which rule; what is only shown."""

from __future__ import annotations

import math
from typing import Any

import pytest
from talkbench.reports.study.manifest import Question
from talkbench.reports.study.votes import read_votes
from talkbench.reports.study.workers import Share, Worker, judge


def judged(votes: Any, *rows: dict[str, str]) -> dict[str, Worker]:
    return judge(votes.study, read_votes(votes.study, [votes.write(rows)]))


def honest_but(kind: str, answer: str) -> Any:
    """Prefers ours, but answers questions of a kind so."""

    def choose(question: Question) -> str:
        if question.kind == kind:
            return answer
        return "left" if question.left.method == "ours" or question.winner == "left" else "right"

    return choose


def test_an_honest_worker_counts(pair_votes: Any) -> None:
    found = judged(pair_votes, *pair_votes.by("A1"), *pair_votes.by("A2"))["A2"]
    assert (found.name, found.assignments, found.answers, found.broken) == ("w2", 3, 12, ())
    assert (found.gold, found.repeats, found.agreement) == (Share(3, 3), Share(3, 3), Share(6, 6))
    assert found.left == Share(3, 9)
    assert found.pace == pytest.approx(4 * 7.4 / 16)  # less than the 60 s from accepting to submitting
    assert found.seconds == 7.4


def test_gold_excludes(pair_votes: Any) -> None:
    found = judged(pair_votes, *pair_votes.by("A1", honest_but("gold", "left")))["A1"]
    assert (found.gold, found.broken) == (Share(0, 3), ("gold",))


@pytest.mark.parametrize(
    ("changes", "broken"),
    [
        ({"WorkTimeInSeconds": "14"}, ("pace",)),
        ({"WorkTimeInSeconds": "15"}, ()),
        ({f"Answer__seconds_{slot}": "3.5" for slot in range(1, 5)}, ("pace",)),
        ({"WorkTimeInSeconds": "", **{f"Answer__seconds_{slot}": "?" for slot in range(1, 5)}}, ()),
    ],
)
def test_answers_before_the_videos_can_have_ended_exclude(
    pair_votes: Any, changes: dict[str, str], broken: tuple[str, ...]
) -> None:
    """A HIT plays for 16 seconds."""
    assert judged(pair_votes, *pair_votes.by("A1", **changes))["A1"].broken == broken


def test_one_side_excludes_once_it_is_no_chance(pair_votes: Any) -> None:
    """Of nine answers, gold apart: 2 / 2^9 < .01, but not of six."""
    found = judged(pair_votes, *pair_votes.by("A1", lambda _: "right"))["A1"]
    assert (found.gold, found.left, found.broken) == (Share(3, 3), Share(0, 9), ("side",))
    assert found.repeats == Share(0, 3)
    fewer = judged(pair_votes, *pair_votes.by("A1", lambda _: "right")[:2])["A1"]
    assert (fewer.left, fewer.broken) == (Share(0, 6), ())


def test_disagreement_and_contradiction_exclude_nobody(pair_votes: Any) -> None:
    """Who prefers the other codec, and something else when asked again, is heard."""

    def contrary(question: Question) -> str:
        if question.winner:
            return question.winner
        return "right" if (question.left.method == "ours") == (question.kind == "pair") else "left"

    rows = [*pair_votes.by("A1"), *pair_votes.by("A2"), *pair_votes.by("A3", contrary)]
    found = judged(pair_votes, *rows)["A3"]
    assert (found.agreement, found.repeats, found.broken) == (Share(0, 6), Share(0, 3), ())


def test_nobody_else_is_no_agreement(pair_votes: Any) -> None:
    found = judged(pair_votes, *pair_votes.by("A1"))["A1"]
    assert found.agreement == Share(0, 0)
    assert math.isnan(found.agreement.value)


def test_ratings(rating_votes: Any) -> None:
    good = {"rating": "3", "gold": "5", "repeat": "4"}
    rows = [
        *rating_votes.by("A1", lambda question: good[question.kind]),
        *rating_votes.by("A2", lambda _: "5"),
        *rating_votes.by("A3", lambda question: {"rating": "4", "gold": "3", "repeat": "2"}[question.kind]),
    ]
    found = judged(rating_votes, *rows)
    assert [worker.broken for worker in found.values()] == [(), ("side",), ("gold",)]
    assert [worker.repeats for worker in found.values()] == [Share(3, 3), Share(3, 3), Share(0, 3)]
    assert [worker.left for worker in found.values()] == [Share(0, 0)] * 3
    # the means of the others' are 4.5, 3.5 and 4
    assert [worker.agreement for worker in found.values()] == [Share(0, 12), Share(0, 12), Share(12, 12)]
