"""Votes that were collected here: who took which HIT, and what was answered; none is lost or counted twice.

The truth is an SQLite file, ``votes.sqlite``, which is on the disk before a vote is confirmed; ``votes.csv``
is written anew after each, in MTurk's columns.
"""

from __future__ import annotations

import json
import re
import sqlite3
import threading
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from ...core.errors import StoreError, UsageError
from ...core.store import write_rows
from .hit import batch_columns, batch_row, hit_type
from .manifest import Study
from .questions import token

HIT_COLUMNS = (
    "HITId", "HITTypeId", "Title", "Description", "Keywords", "Reward", "CreationTime", "MaxAssignments",
    "RequesterAnnotation", "AssignmentDurationInSeconds", "AutoApprovalDelayInSeconds", "Expiration",
    "NumberOfSimilarHITs", "LifetimeInSeconds",
)  # fmt: skip
ASSIGNMENT_COLUMNS = (
    "AssignmentId", "WorkerId", "AssignmentStatus", "AcceptTime", "SubmitTime", "AutoApprovalTime",
    "ApprovalTime", "RejectionTime", "RequesterFeedback", "WorkTimeInSeconds", "LifetimeApprovalRate",
    "Last30DaysApprovalRate", "Last7DaysApprovalRate",
)  # fmt: skip
ABANDONED_SECONDS = 3600
"""After so long without an answer a HIT is given to somebody else too."""
_TABLE = """
CREATE TABLE IF NOT EXISTS assignments (
    id TEXT PRIMARY KEY, worker TEXT NOT NULL, hit TEXT NOT NULL, accepted REAL NOT NULL,
    submitted REAL, answers TEXT, UNIQUE (worker, hit)
)
"""


def answer_names(study: Study) -> list[str]:
    """Names of a HIT's form fields, without ``Answer.``."""
    slots = range(1, study.slots + 1)
    asked = study.attributes if study.kind == "rating" else ("answer",)
    return [*(f"{what}_{slot}" for slot in slots for what in (*asked, "seconds", "plays")), "video_width"]


class BallotBox:
    """The votes of a study that is served here; safe to be used from several threads.

    Attributes:
        folder, study: whose votes they are.
    """

    def __init__(self, folder: Path, study: Study, base_url: str) -> None:
        """Open the votes of a study's folder, or begin them.

        Raises:
            StoreError: the file is damaged or of another study, or cannot be written.
        """
        self.folder, self.study, self._base_url = folder, study, base_url
        self._lock = threading.RLock()
        self._hits = study.hits
        path = folder / "votes.sqlite"
        try:
            self._file = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
            self._file.execute("PRAGMA synchronous = FULL")
            self._file.execute(_TABLE)
            hits = {hit for (hit,) in self._file.execute("SELECT DISTINCT hit FROM assignments")}
        except sqlite3.Error as error:
            raise StoreError(f"{path} cannot be used ({error}); put back the file that was written") from None
        if not hits <= self._hits.keys():
            raise StoreError(f"{path} holds votes of another study; move it away, or put back its manifest")
        self.write()

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def take(self, worker: str, now: datetime) -> tuple[str, str] | None:
        """The next HIT of a worker and the id of its assignment, or None where there is none left.

        It is the one that was begun, or else, of those that still want workers, the one that the fewest have.
        """
        with self._lock:
            own = self._rows("SELECT id, hit, submitted FROM assignments WHERE worker = ?", worker)
            for assignment, hit, submitted in own:
                if submitted is None:
                    return hit, assignment
            since = now.timestamp() - ABANDONED_SECONDS
            taken = dict(
                self._rows(
                    "SELECT hit, COUNT(*) FROM assignments WHERE submitted IS NOT NULL OR accepted > ? "
                    "GROUP BY hit",
                    since,
                )
            )
            mine = {hit for _, hit, _ in own}
            free = [hit for hit in self._hits if hit not in mine and taken.get(hit, 0) < self.study.votes]
            if not free:
                return None
            hit = min(free, key=lambda hit: taken.get(hit, 0))
            assignment = token(self.study.secret, "assignment", worker, hit)
            self._rows(
                "INSERT INTO assignments (id, worker, hit, accepted) VALUES (?, ?, ?, ?)",
                assignment, worker, hit, now.timestamp(),
            )  # fmt: skip
            return hit, assignment

    def cast(self, assignment: str, fields: Mapping[str, Sequence[str]], now: datetime) -> tuple[str, bool]:
        """Count a worker's answers to a HIT; they are on the disk when it returns.

        Args:
            assignment: id of the assignment.
            fields: of the form, by name.
            now: the time.

        Returns:
            the worker, and whether the answers are counted; a second time to a HIT they are not.

        Raises:
            UsageError: there is no such assignment, or an answer is missing or not one of those asked for.
        """
        with self._lock:
            found = self._rows("SELECT worker, submitted FROM assignments WHERE id = ?", assignment)
            if not found:
                raise UsageError("these answers belong to no HIT of this study; open your link again")
            worker, submitted = found[0]
            if submitted is not None:
                return worker, False
            answers = json.dumps(self._checked(fields))
            self._rows(
                "UPDATE assignments SET submitted = ?, answers = ? WHERE id = ? AND submitted IS NULL",
                now.timestamp(), answers, assignment,
            )  # fmt: skip
            self.write()
            return worker, True

    def done(self, worker: str) -> int:
        """How many HITs a worker has answered."""
        query = "SELECT COUNT(*) FROM assignments WHERE worker = ? AND submitted IS NOT NULL"
        return int(self._rows(query, worker)[0][0])

    def write(self) -> None:
        """Write ``votes.csv``.

        Raises:
            StoreError: it cannot be written.
        """
        study = self.study
        inputs = [f"Input.{name}" for name in batch_columns(study)]
        answers = [f"Answer.{name}" for name in answer_names(study)]
        columns = (*HIT_COLUMNS, *ASSIGNMENT_COLUMNS, *inputs, *answers, "Approve", "Reject")
        query = (
            "SELECT id, worker, hit, accepted, submitted, answers FROM assignments "
            "WHERE submitted IS NOT NULL ORDER BY submitted"
        )
        with self._lock:
            write_rows(self.folder / "votes.csv", columns, [self._row(*row) for row in self._rows(query)])

    def _rows(self, query: str, *values: object) -> list[tuple[Any, ...]]:
        with self._lock:
            try:
                return self._file.execute(query, values).fetchall()
            except sqlite3.Error as error:
                raise StoreError(f"the votes cannot be kept ({error}); make room, and start again") from None

    def _checked(self, fields: Mapping[str, Sequence[str]]) -> dict[str, str]:
        found = {}
        for name in answer_names(self.study):
            given = fields.get(name, ())
            if len(given) != 1 or not re.fullmatch(self._pattern(name), given[0], re.ASCII):
                raise UsageError(
                    f"the answer '{name}' is missing or none of those asked for; nothing was counted"
                )
            found[name] = given[0]
        return found

    def _pattern(self, name: str) -> str:
        what = name.rpartition("_")[0]
        return {
            "answer": "left|right",
            "seconds": r"\d{1,7}(\.\d)?",
            "plays": r"[1-9]\d{0,5}",
            "video": r"\d{1,5}",
        }.get(what, "[1-5]")

    def _row(
        self, assignment: str, worker: str, hit: str, accepted: float, submitted: float, answers: str
    ) -> dict[str, Any]:
        about = hit_type(self.study)
        return {
            "HITId": hit,
            "HITTypeId": "local",
            **{key: about[key] for key in HIT_COLUMNS if key in about},
            "AssignmentId": assignment,
            "WorkerId": worker,
            "AssignmentStatus": "Submitted",
            "AcceptTime": stamp(accepted),
            "SubmitTime": stamp(submitted),
            "WorkTimeInSeconds": round(submitted - accepted),
            **{f"Input.{name}": cell for name, cell in batch_row(self.study, hit, self._base_url).items()},
            **{f"Answer.{name}": cell for name, cell in json.loads(answers).items()},
        }


def stamp(seconds: float) -> str:
    """A time as MTurk writes it, such as ``Fri Nov 20 16:17:05 UTC 2026``."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%a %b %d %H:%M:%S UTC %Y")
