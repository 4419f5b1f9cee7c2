"""Reading votes: MTurk's result files as they come, and what is left out of them, each with its reason.

Files come from outside and may hold anything. What is wrong with a whole file (a missing column) refuses it;
what is wrong with a row or an answer leaves that out. Nothing is left out in silence.
"""

from __future__ import annotations

import csv
import math
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from ...core.errors import UsageError
from .manifest import Question, Study

WORKER = re.compile(r"\w[\w .@-]{0,99}")
"""What a worker or an assignment may be called: MTurk's letters and digits, or a name in a local study."""
STATUSES = ("Submitted", "Approved", "Rejected")
SIDES = ("left", "right")
SCALE = range(1, 6)
ZONES = {"UTC": 0, "GMT": 0, "PST": -8, "PDT": -7}
"""Hours from UTC of the zones in which MTurk writes times."""


@dataclass(frozen=True)
class Answer:
    """What a worker answered to a question.

    Attributes:
        question: as exported.
        choice: ``left`` or ``right``; '' in a rating study.
        ratings: 1 … 5 by attribute; empty in a pair study.
        seconds: from the first picture to the answer, as the page measured it; NaN where it is not stated.
    """

    question: Question
    choice: str
    ratings: Mapping[str, int]
    seconds: float


@dataclass(frozen=True)
class Assignment:
    """A worker's answers to a HIT, and the seconds from accepting to submitting (NaN: not stated)."""

    worker: str
    hit: str
    work_seconds: float
    answers: tuple[Answer, ...]


@dataclass(frozen=True)
class LeftOut:
    """Something that does not count: an ``assignment`` or an ``answer``, where it stands, and why."""

    file: str
    line: int
    what: str
    reason: str


@dataclass(frozen=True)
class Received:
    """What was read.

    Attributes:
        files, rows: how many.
        assignments: that count, from the first submitted to the last.
        left_out: what does not.
    """

    files: int
    rows: int
    assignments: tuple[Assignment, ...]
    left_out: tuple[LeftOut, ...]

    @property
    def reasons(self) -> Mapping[tuple[str, str], int]:
        """How many assignments and answers were left out, by what it is and the reason."""
        return Counter((one.what, one.reason) for one in self.left_out)


class _Refused(Exception):
    """A row that does not count; the message says why."""


@dataclass(frozen=True)
class _Row:
    file: str
    line: int
    cells: Mapping[str, str]


def read_votes(study: Study, paths: Sequence[Path]) -> Received:
    """Read result files of one study.

    Args:
        study: what was asked.
        paths: CSV files with MTurk's columns, in any order; the same assignment may be in several, as where
            results were downloaded again after approval.

    Raises:
        UsageError: a file cannot be read, or lacks columns.
    """
    rows = [row for path in paths for row in _rows(path, columns_of(study))]
    left_out = []
    good: list[tuple[_Row, Assignment]] = []
    rejected = {row.cells["AssignmentId"] for row in rows if row.cells.get("AssignmentStatus") == "Rejected"}
    for row in sorted(rows, key=_submitted):
        try:
            if row.cells.get("AssignmentId") in rejected:
                raise _Refused("rejected by the requester")
            assignment, flaws = _assignment(study, row)
        except _Refused as refusal:
            left_out.append(LeftOut(row.file, row.line, "assignment", str(refusal)))
            continue
        good.append((row, assignment))
        left_out += [LeftOut(row.file, row.line, "answer", flaw) for flaw in flaws]
    kept, again = _once(good)
    return Received(len(paths), len(rows), tuple(kept), (*left_out, *again))


def columns_of(study: Study) -> tuple[str, ...]:
    """The columns without which a file holds no votes of this study."""
    asked = ("answer",) if study.kind == "pair" else study.attributes
    by_slot = [
        (f"Input.question_{slot}", *(f"Answer.{name}_{slot}" for name in asked))
        for slot in range(1, study.slots + 1)
    ]
    fixed = ("AssignmentId", "WorkerId", "AssignmentStatus", "WorkTimeInSeconds", "Input.hit")
    return (*fixed, *(name for names in by_slot for name in names))


def _rows(path: Path, columns: Sequence[str]) -> Iterator[_Row]:
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            reader = csv.reader(file, strict=True)
            heads = next(reader, [])
            _check_heads(path, heads, columns)
            for cells in reader:
                if cells:
                    # a row of another length has no columns at all, and is refused for that
                    fits = len(cells) == len(heads)
                    found = dict(zip(heads, map(str.strip, cells), strict=True)) if fits else {}
                    yield _Row(path.name, reader.line_num, found)
    except OSError as error:
        raise UsageError(
            f"{path} cannot be read ({error.strerror}); give the CSV of a batch's results"
        ) from None
    except (UnicodeDecodeError, csv.Error) as error:
        raise UsageError(
            f"{path} is no CSV in UTF-8 ({error}); give the file as MTurk or `bench study serve` wrote it"
        ) from None


def _check_heads(path: Path, heads: Sequence[str], columns: Sequence[str]) -> None:
    missing = [name for name in columns if name not in heads]
    wrong = missing or [name for name in columns if heads.count(name) > 1]
    if wrong:
        some = ", ".join(wrong[:4]) + (f" and {len(wrong) - 4} more" if len(wrong) > 4 else "")
        raise UsageError(
            f"{path} {'lacks' if missing else 'has twice'} {some}; expected the columns that MTurk or "
            "`bench study serve` wrote for this study, separated by commas"
        )


def _assignment(study: Study, row: _Row) -> tuple[Assignment, list[str]]:
    """A row's answers, and what is wrong with those that are left out."""
    cells = row.cells
    if not cells:
        raise _Refused("the row does not have as many fields as the header")
    for name in ("AssignmentId", "WorkerId"):
        if not WORKER.fullmatch(cells[name]):
            raise _Refused(f"its {name} is no such name")
    if cells["AssignmentStatus"] not in STATUSES:
        raise _Refused(f"its AssignmentStatus is none of {', '.join(STATUSES)}")
    questions = study.hits.get(cells["Input.hit"])
    if questions is None:
        raise _Refused("its HIT is not of this study")
    answers, flaws = [], []
    for question in questions:
        slot = question.slot
        shown = {f"Input.question_{slot}": question.id}
        shown |= {f"Input.left_{slot}": question.left.video, f"Input.right_{slot}": question.right.video}
        if any(cells.get(name, value) != value for name, value in shown.items()):
            raise _Refused("its questions are not those of its HIT")
        answer, wrong = _answer(study, question, cells)
        flaws += wrong
        if answer is not None:
            answers.append(answer)
    if not answers:
        raise _Refused("no question of it is answered")
    worked = _number(cells["WorkTimeInSeconds"])
    return Assignment(cells["WorkerId"], cells["Input.hit"], worked, tuple(answers)), flaws


def _answer(study: Study, question: Question, cells: Mapping[str, str]) -> tuple[Answer | None, list[str]]:
    seconds = _number(cells.get(f"Answer.seconds_{question.slot}", ""))
    if _number(cells.get(f"Answer.plays_{question.slot}", "")) < 1:
        return None, ["given before both videos were played to the end"]
    if study.kind == "pair":
        choice = cells[f"Answer.answer_{question.slot}"]
        if choice not in SIDES:
            return None, [f"neither {' nor '.join(SIDES)}" if choice else "not given"]
        return Answer(question, choice, {}, seconds), []
    given = {name: cells[f"Answer.{name}_{question.slot}"] for name in study.attributes}
    ratings = {name: int(value) for name, value in given.items() if value in map(str, SCALE)}
    flaws = ["not 1 to 5" if value else "not given" for name, value in given.items() if name not in ratings]
    return Answer(question, "", ratings, seconds) if ratings else None, flaws


def _once(good: Sequence[tuple[_Row, Assignment]]) -> tuple[list[Assignment], list[LeftOut]]:
    """Each assignment once, and of a worker's assignments of a HIT the first."""
    kept: list[Assignment] = []
    left_out: list[LeftOut] = []
    by_name: dict[str, list[tuple[_Row, Assignment]]] = {}
    for row, assignment in good:
        by_name.setdefault(row.cells["AssignmentId"], []).append((row, assignment))
    done = set()
    for same in by_name.values():
        first = same[0][1]
        if any(repr(other) != repr(first) for _, other in same):  # NaN equals NaN there
            left_out += [_left(row, "several rows of one AssignmentId differ") for row, _ in same]
            continue
        left_out += [_left(row, "the same assignment once more") for row, _ in same[1:]]
        if (first.worker, first.hit) in done:
            left_out.append(_left(same[0][0], "its worker had answered the same HIT before"))
            continue
        done.add((first.worker, first.hit))
        kept.append(first)
    return kept, left_out


def _left(row: _Row, reason: str) -> LeftOut:
    return LeftOut(row.file, row.line, "assignment", reason)


def _number(text: str) -> float:
    """A number of 0 or more, or NaN."""
    return float(text) if re.fullmatch(r"\d{1,9}(\.\d{1,9})?", text, re.ASCII) else math.nan


def _submitted(row: _Row) -> tuple[datetime, int]:
    """When it was submitted, such as ``Fri Nov 20 16:17:05 PST 2026``, in UTC; unknown comes last."""
    match = re.fullmatch(r"(\w+ \w+ \d+ [\d:]+) (\w+) (\d{4})", row.cells.get("SubmitTime", ""), re.ASCII)
    try:
        if match:
            time = datetime.strptime(f"{match[1]} {match[3]}", "%a %b %d %H:%M:%S %Y")
            return time - timedelta(hours=ZONES.get(match[2], 0)), row.line
    except (ValueError, OverflowError):
        pass  # no time of this calendar
    return datetime.max, row.line
