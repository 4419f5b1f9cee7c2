"""Who voted and what does not count, as tables; workers under pseudonyms but for one."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from .analysis import Analysis
from .table import Table, known
from .workers import RULES, Worker

SHARES = ("gold", "left", "repeats", "agreement")
"""What is told of a worker as so many of so many."""
WORKERS = (
    "Under pseudonyms. Gold: known answers that were right. Left: choices of the left side. Repeats: the "
    "same answer when asked again, sides swapped. Agreement: like most others. Pace: time over what playing "
    "the videos takes. Excluded is whom a rule meets: "
    + "; ".join(f"{name}: {rule}" for name, rule in RULES.items())
    + ". Repeats and agreement exclude nobody: where codecs are close, honest people contradict each "
    "other, and themselves."
)


def voter_tables(analysis: Analysis) -> list[Table]:
    """The workers, and what was left out if anything was."""
    found = (_workers(analysis.workers), _left_out(analysis))
    return [table for table in found if table.rows]


def answers(analysis: Analysis) -> Table:
    """Every answer that was read, for whoever analyses it otherwise."""
    rows = [
        {
            "worker": worker.name,
            "excluded": " ".join(worker.broken),
            "kind": answer.question.kind,
            "clip": answer.question.clip,
            "left_method": answer.question.left.method,
            "left_point": answer.question.left.point,
            "right_method": answer.question.right.method,
            "right_point": answer.question.right.point,
            "attribute": attribute,
            "answer": value,
            "seconds": known(answer.seconds),
        }
        for assignment in analysis.received.assignments
        for worker in (analysis.workers[assignment.worker],)
        for answer in assignment.answers
        for attribute, value in ([("", answer.choice)] if answer.choice else answer.ratings.items())
    ]
    return Table("answers", rows)


def worker_ids(analysis: Analysis) -> Table:
    """Who is behind a pseudonym: for the requester alone, who pays or rejects."""
    rows = [
        {"worker": worker.name, "id": worker.id, "excluded": " ".join(worker.broken)}
        for worker in analysis.workers.values()
    ]
    return Table("worker_ids", rows)


def _workers(workers: Mapping[str, Worker]) -> Table:
    rows: list[dict[str, Any]] = []
    cells = []
    for worker in workers.values():
        shares = {name: getattr(worker, name) for name in SHARES}
        counts = {name: one.hits for name, one in shares.items()}
        counts |= {f"{name}_of": one.of for name, one in shares.items()}
        rows.append(
            {
                "worker": worker.name,
                "assignments": worker.assignments,
                "answers": worker.answers,
                **counts,
                "pace": known(worker.pace),
                "seconds": known(worker.seconds),
                "excluded": " ".join(worker.broken),
            }
        )
        cells.append(
            (
                worker.name,
                ", ".join(worker.broken) or "no",
                str(worker.answers),
                *(f"{one.hits}/{one.of}" if one.of else "n/a" for one in shares.values()),
                *("n/a" if math.isnan(time) else f"{time:.1f}" for time in (worker.pace, worker.seconds)),
            )
        )
    heads = ("worker", "excluded", "answers", *SHARES, "pace", "seconds an answer")
    return Table("workers", rows, "Workers", WORKERS, heads, cells)


def _left_out(analysis: Analysis) -> Table:
    rows = [vars(one) for one in analysis.received.left_out]
    cells = [(reason, what, str(count)) for (what, reason), count in analysis.received.reasons.items()]
    note = "Of what the files hold; left_out.csv says in which lines."
    return Table("left_out", rows, "Left out", note, ("why", "what", "how many"), cells)
