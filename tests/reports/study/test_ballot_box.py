"""Votes that are collected here: each counted once, none lost, and read as MTurk's are."""

from __future__ import annotations

import csv
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from talkbench.core.errors import StoreError, UsageError
from talkbench.reports.study.ballot_box import ABANDONED_SECONDS, BallotBox, answer_names, stamp
from talkbench.reports.study.manifest import Study
from talkbench.reports.study.votes import read_votes

NOON = datetime(2026, 11, 20, 12, 0, 5, tzinfo=UTC)


def answers(study: Study, **changes: str) -> dict[str, list[str]]:
    """The form of a HIT, filled in."""
    given = {"answer": "left", "seconds": "7.4", "plays": "2", "video": "512"}
    found = {name: [given.get(name.rpartition("_")[0], "4")] for name in answer_names(study)}
    return found | {name: [value] for name, value in changes.items()}


@pytest.fixture
def opened(tmp_path: Path, small_study: Callable[..., Study]) -> Iterator[Callable[..., BallotBox]]:
    """Opens the votes of a small study; of the same kind the same votes."""
    boxes = []

    def call(kind: str = "pair") -> BallotBox:
        folder = tmp_path / kind
        folder.mkdir(exist_ok=True)
        boxes.append(BallotBox(folder, small_study(kind), "/videos/"))
        return boxes[-1]

    yield call
    for box in boxes:
        box.close()


def rows(box: BallotBox) -> list[dict[str, str]]:
    with (box.folder / "votes.csv").open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file, strict=True))


def test_a_worker_gets_each_hit_once_and_the_one_begun_first(opened: Callable[..., BallotBox]) -> None:
    box = opened()
    seen = []
    while (taken := box.take("anna", NOON)) is not None:
        assert box.take("anna", NOON) == taken  # begun and not answered
        hit, assignment = taken
        assert box.cast(assignment, answers(box.study), NOON) == ("anna", True)
        seen.append(hit)
    assert sorted(seen) == sorted(box.study.hits)
    assert box.done("anna") == 3
    assert box.done("ben") == 0


def test_hits_go_to_as_many_workers_as_wanted_fewest_first(opened: Callable[..., BallotBox]) -> None:
    box = opened()
    taken = [box.take(f"worker {number}", NOON) for number in range(10)]
    given = Counter(one[0] for one in taken if one is not None)
    assert given == dict.fromkeys(box.study.hits, box.study.votes)
    assert taken[9] is None
    assert {one[0] for one in taken[:3] if one} == set(box.study.hits)
    later = NOON + timedelta(seconds=ABANDONED_SECONDS + 1)
    assert box.take("late", later) is not None  # those did not come back


def test_votes_are_read_as_mturk_s_are(opened: Callable[..., BallotBox]) -> None:
    for kind in ("pair", "rating"):
        box = opened(kind)
        for worker in ("anna", "ben"):
            taken = box.take(worker, NOON)
            assert taken is not None
            box.cast(taken[1], answers(box.study), NOON + timedelta(seconds=61))
        ballots = read_votes(box.study, [box.folder / "votes.csv"])
        assert ballots.left_out == ()
        assert [one.worker for one in ballots.assignments] == ["anna", "ben"]
        assert {one.work_seconds for one in ballots.assignments} == {61.0}
        assert [one.question.slot for one in ballots.assignments[0].answers] == [1, 2, 3, 4]
        said = {one.choice or one.ratings["identity"] for one in ballots.assignments[0].answers}
        assert said == {"left" if kind == "pair" else 4}
        (row, _) = rows(box)
        assert row["AcceptTime"] == "Fri Nov 20 12:00:05 UTC 2026"
        assert row["HITId"] == row["Input.hit"]
        assert row["Input.base_url"] == "/videos/"


def test_a_second_time_adds_nothing(opened: Callable[..., BallotBox]) -> None:
    box = opened()
    taken = box.take("anna", NOON)
    assert taken is not None
    assert box.cast(taken[1], answers(box.study), NOON) == ("anna", True)
    assert box.cast(taken[1], answers(box.study, answer_1="right"), NOON) == ("anna", False)
    assert [row["Answer.answer_1"] for row in rows(box)] == ["left"]


def test_of_many_at_once_one_counts(opened: Callable[..., BallotBox]) -> None:
    box = opened()
    taken = box.take("anna", NOON)
    assert taken is not None
    counted = []
    threads = [
        threading.Thread(target=lambda: counted.append(box.cast(taken[1], answers(box.study), NOON)))
        for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(counted) == [("anna", False)] * 7 + [("anna", True)]
    assert len(rows(box)) == 1


def test_what_was_counted_is_there_after_a_crash(opened: Callable[..., BallotBox]) -> None:
    box = opened()
    first, begun = (box.take(worker, NOON) for worker in ("anna", "ben"))
    assert first is not None
    box.cast(first[1], answers(box.study), NOON)
    (box.folder / "votes.csv").unlink()
    again = opened()  # the first one was never closed
    assert again.cast(first[1], answers(box.study), NOON) == ("anna", False)
    assert again.take("ben", NOON) == begun
    assert [row["WorkerId"] for row in rows(again)] == ["anna"]


@pytest.mark.parametrize(
    "change",
    [
        {"answer_1": "both"}, {"answer_2": ""}, {"answer_1": "left\n"}, {"plays_1": "0"}, {"plays_3": "=1+1"},
        {"seconds_1": "-3"}, {"seconds_2": "1e9"}, {"seconds_2": "٣"}, {"video_width": "<b>"},
    ],
)  # fmt: skip
def test_an_answer_that_is_none_is_refused_and_nothing_counted(
    opened: Callable[..., BallotBox], change: dict[str, str]
) -> None:
    box = opened()
    taken = box.take("anna", NOON)
    assert taken is not None
    with pytest.raises(UsageError, match=f"'{next(iter(change))}' is missing or none of those asked for"):
        box.cast(taken[1], answers(box.study, **change), NOON)
    missing = answers(box.study)
    del missing["answer_4"]
    with pytest.raises(UsageError, match="'answer_4' is missing"):
        box.cast(taken[1], missing, NOON)
    with pytest.raises(UsageError, match="'answer_3' is missing"):
        box.cast(taken[1], answers(box.study) | {"answer_3": ["left", "right"]}, NOON)
    assert rows(box) == []


def test_a_rating_is_one_to_five(opened: Callable[..., BallotBox]) -> None:
    box = opened("rating")
    taken = box.take("anna", NOON)
    assert taken is not None
    for value in ("0", "6", "4.5", ""):
        with pytest.raises(UsageError, match="'identity_2'"):
            box.cast(taken[1], answers(box.study, identity_2=value), NOON)


def test_answers_to_nothing_are_refused(opened: Callable[..., BallotBox]) -> None:
    box = opened()
    with pytest.raises(UsageError, match="belong to no HIT of this study"):
        box.cast("a0", answers(box.study), NOON)


def test_a_file_of_something_else_is_refused(tmp_path: Path, small_study: Callable[..., Study]) -> None:
    (tmp_path / "votes.sqlite").write_bytes(b"not a database at all" * 100)
    with pytest.raises(StoreError, match="cannot be used"):
        BallotBox(tmp_path, small_study(), "/videos/")


def test_votes_of_another_study_are_refused(opened: Callable[..., BallotBox]) -> None:
    box = opened()
    box.take("anna", NOON)
    questions = tuple(replace(question, hit=f"other {question.hit}") for question in box.study.questions)
    with pytest.raises(StoreError, match="holds votes of another study"):
        BallotBox(box.folder, replace(box.study, questions=questions), "/videos/")


def test_times_are_written_as_mturk_writes_them() -> None:
    assert stamp(datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC).timestamp()) == "Fri Jan 02 03:04:05 UTC 2026"
