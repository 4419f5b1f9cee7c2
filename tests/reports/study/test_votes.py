"""Result files: read as MTurk writes them; what is wrong is refused or left out, counted, and says why."""

from __future__ import annotations

import csv
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from talkbench.core.errors import UsageError
from talkbench.reports.study.ballot_box import BallotBox, answer_names
from talkbench.reports.study.votes import read_votes


def left_out(votes: Any, *rows: dict[str, str]) -> dict[tuple[str, str], int]:
    """The reasons of what is left out of a file that holds these rows and one good one."""
    good = votes.row("hit2", "GOOD")
    found = read_votes(votes.study, [votes.write([good, *rows])])
    assert found.rows == len(rows) + 1
    assert "GOOD" in {assignment.worker for assignment in found.assignments}
    return dict(found.reasons)


def test_a_good_file_is_read_whole(pair_votes: Any) -> None:
    path = pair_votes.write([*pair_votes.by("A1"), *pair_votes.by("A2", AssignmentStatus="Approved")])
    found = read_votes(pair_votes.study, [path])
    assert (found.rows, found.left_out) == (6, ())
    assert [one.worker for one in found.assignments] == ["A1"] * 3 + ["A2"] * 3
    first = found.assignments[0]
    assert (first.hit, first.work_seconds, len(first.answers)) == ("hit0", 60, 4)
    assert [answer.choice for answer in first.answers] == ["left", "right", "right", "right"]
    assert {answer.seconds for answer in first.answers} == {7.4}


def test_ratings_are_read(rating_votes: Any) -> None:
    path = rating_votes.write([rating_votes.row(answer=lambda question: str(question.slot))])
    answers = read_votes(rating_votes.study, [path]).assignments[0].answers
    assert [answer.ratings for answer in answers] == [{"head_pose": k, "identity": k} for k in range(1, 5)]


@pytest.mark.parametrize("kind", ["pair", "rating"])
def test_votes_of_the_local_page_are_read(kind: str, small_study: Any, tmp_path: Path) -> None:
    """`bench study serve` writes what MTurk writes."""
    study = small_study(kind)
    box = BallotBox(tmp_path, study, "/videos/")
    given = {"answer": "left", "seconds": "7.4", "plays": "2", "video": "512"}
    now = datetime(2026, 11, 20, 12, tzinfo=UTC)
    for worker in ("local-001", "local-002"):
        while (taken := box.take(worker, now)) is not None:
            fields = {name: [given.get(name.rpartition("_")[0], "4")] for name in answer_names(study)}
            box.cast(taken[1], fields, now + timedelta(seconds=45))
    box.close()
    found = read_votes(study, [tmp_path / "votes.csv"])
    assert (found.rows, found.left_out) == (6, ())
    assert {assignment.work_seconds for assignment in found.assignments} == {45}
    assert [assignment.worker for assignment in found.assignments] == ["local-001"] * 3 + ["local-002"] * 3
    for answer in (answer for assignment in found.assignments for answer in assignment.answers):
        assert (answer.choice, set(answer.ratings.values())) == (
            ("left", set()) if kind == "pair" else ("", {4})
        )


def test_columns_may_come_in_any_order_with_others_among_them(pair_votes: Any, tmp_path: Path) -> None:
    cells = dict(reversed(pair_votes.row().items())) | {
        "Answer.comment": '<script>alert(1)</script>\r\n"good"'
    }
    path = pair_votes.write([cells])
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes())  # as Excel marks UTF-8
    assert len(read_votes(pair_votes.study, [path]).assignments) == 1


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"AssignmentStatus": "Rejected"}, "rejected by the requester"),
        ({"AssignmentStatus": "=1+1"}, "its AssignmentStatus is none of Submitted, Approved, Rejected"),
        ({"WorkerId": ""}, "its WorkerId is no such name"),
        ({"WorkerId": "=HYPERLINK(\"http://x\")"}, "its WorkerId is no such name"),
        ({"WorkerId": "<script>alert(1)</script>"}, "its WorkerId is no such name"),
        ({"AssignmentId": "+1"}, "its AssignmentId is no such name"),
        ({"Input__hit": "of another study"}, "its HIT is not of this study"),
        ({"Input__hit": "hit1"}, "its questions are not those of its HIT"),
        ({"Input__left_2": "another video"}, "its questions are not those of its HIT"),
        ({f"Answer__answer_{slot}": "" for slot in range(1, 5)}, "no question of it is answered"),
    ],
)  # fmt: skip
def test_an_assignment_that_does_not_count(pair_votes: Any, changes: dict[str, str], reason: str) -> None:
    found = left_out(pair_votes, pair_votes.row(**changes))
    assert found["assignment", reason] == 1
    assert sum(count for (what, _), count in found.items() if what == "assignment") == 1


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"Answer__answer_2": ""}, "not given"),
        ({"Answer__answer_2": "both"}, "neither left nor right"),
        ({"Answer__answer_2": "<b>left</b>"}, "neither left nor right"),
        ({"Answer__answer_2": "=left"}, "neither left nor right"),
        ({"Answer__plays_2": "0"}, "given before both videos were played to the end"),
    ],
)
def test_an_answer_that_does_not_count(pair_votes: Any, changes: dict[str, str], reason: str) -> None:
    path = pair_votes.write([pair_votes.row(**changes)])
    found = read_votes(pair_votes.study, [path])
    assert dict(found.reasons) == {("answer", reason): 1}
    assert [answer.question.slot for answer in found.assignments[0].answers] == [1, 3, 4]


@pytest.mark.parametrize(("value", "reason"), [("6", "not 1 to 5"), ("", "not given"), ("4.5", "not 1 to 5")])
def test_a_rating_that_does_not_count(rating_votes: Any, value: str, reason: str) -> None:
    cells = rating_votes.row(answer=lambda _: "3", Answer__identity_1=value)
    found = read_votes(rating_votes.study, [rating_votes.write([cells])])
    assert dict(found.reasons) == {("answer", reason): 1}
    assert found.assignments[0].answers[0].ratings == {"head_pose": 3}


def test_a_worker_who_saw_a_hit_twice_counts_once(pair_votes: Any) -> None:
    """The first submitted counts, wherever it stands."""
    first, second = pair_votes.row(), pair_votes.row(answer=lambda _: "left")
    found = read_votes(pair_votes.study, [pair_votes.write([second, first])])
    assert dict(found.reasons) == {("assignment", "its worker had answered the same HIT before"): 1}
    assert [answer.choice for answer in found.assignments[0].answers] == ["left", "right", "right", "right"]


def test_results_that_were_downloaded_twice_count_once(pair_votes: Any) -> None:
    """Approval comes between; a rejection takes back what was read before it."""
    rows = pair_votes.by("A1")
    later = [
        {**rows[0], "AssignmentStatus": "Approved"},
        {**rows[1], "AssignmentStatus": "Rejected"},
        rows[2],
    ]
    paths = [pair_votes.write(rows), pair_votes.write(later, "later.csv")]
    found = read_votes(pair_votes.study, paths)
    assert [one.hit for one in found.assignments] == ["hit0", "hit2"]
    assert dict(found.reasons) == {
        ("assignment", "rejected by the requester"): 2,
        ("assignment", "the same assignment once more"): 2,
    }
    assert {one.file for one in found.left_out} == {"votes.csv", "later.csv"}


def test_rows_that_contradict_each_other_do_not_count(pair_votes: Any) -> None:
    cells = pair_votes.row()
    found = left_out(pair_votes, cells, {**cells, "Answer.answer_1": "right"})
    assert found == {("assignment", "several rows of one AssignmentId differ"): 2}


def test_a_row_of_another_length_does_not_count(pair_votes: Any) -> None:
    path = pair_votes.write([pair_votes.row()])
    path.write_text(path.read_text() + "one,field\n\n")
    found = read_votes(pair_votes.study, [path])
    assert (found.rows, len(found.assignments)) == (2, 1)
    assert [(one.line, one.reason) for one in found.left_out] == [
        (3, "the row does not have as many fields as the header")
    ]


def without(path: Path, column: str) -> None:
    with path.open(newline="") as file:
        rows = list(csv.reader(file))
    at = rows[0].index(column)
    with path.open("w", newline="") as file:
        csv.writer(file).writerows([row[:at] + row[at + 1 :] for row in rows])


@pytest.mark.parametrize("column", ["WorkerId", "AssignmentStatus", "Input.hit", "Answer.answer_3"])
def test_a_file_without_a_column_is_refused(pair_votes: Any, column: str) -> None:
    path = pair_votes.write([pair_votes.row()])
    without(path, column)
    with pytest.raises(UsageError, match=rf"votes\.csv lacks {column}; expected the columns"):
        read_votes(pair_votes.study, [path])


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "lacks AssignmentId, WorkerId, AssignmentStatus, WorkTimeInSeconds and "),
        (b"HITId;WorkerId\n1;2\n", "lacks AssignmentId, WorkerId"),
        (b"\xff\xfe\x00A", "is no CSV in UTF-8"),
        (b'HITId,"WorkerId\n' + b"x" * 200_000, "is no CSV"),
    ],
)
def test_a_file_that_is_no_result_is_refused(pair_votes: Any, content: bytes, words: str) -> None:
    path = pair_votes.write([pair_votes.row()])
    path.write_bytes(content)
    with pytest.raises(UsageError, match=words) as error:
        read_votes(pair_votes.study, [path])
    assert "\n" not in str(error.value)


def test_a_column_that_is_there_twice_is_refused(pair_votes: Any) -> None:
    path = pair_votes.write([pair_votes.row()])
    lines = path.read_text().splitlines()
    path.write_text("".join(f'{line},"{end}"\n' for line, end in zip(lines, ("WorkerId", "B"), strict=True)))
    with pytest.raises(UsageError, match="has twice WorkerId"):
        read_votes(pair_votes.study, [path])


def test_a_file_that_is_not_there_is_refused(pair_votes: Any, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cannot be read"):
        read_votes(pair_votes.study, [tmp_path / "none.csv"])
