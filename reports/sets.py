"""Values of sets of pictures: which of them may be compared, and why the others may not."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ..core.feature_store import SetScore
from ..core.statistics import Interval

Z = 1.959964
"""Standard errors from the middle to the ends of a normal 95 % interval."""


@dataclass(frozen=True)
class SetCell:
    """One operating point's value of a set.

    Attributes:
        score: as stored.
        refused: why it must not be compared with the others of its column, or ''.
    """

    score: SetScore
    refused: str

    @property
    def interval(self) -> Interval | None:
        """The value with its normal interval, where it may be compared; None where it may not."""
        score = self.score
        if self.refused or score.value is None:
            return None
        arm = None if score.standard_error is None else Z * score.standard_error
        low, high = (None, None) if arm is None else (score.value - arm, score.value + arm)
        return Interval(score.value, low, high, len(score.clips))


def set_cells(scores: Sequence[SetScore]) -> dict[str, dict[tuple[str, str], SetCell]]:
    """Every set's value by column and point, judged against the others of its column.

    Frechet distances are biased by the number of pictures, and sets of other pictures are other questions.
    So values are compared within one set alone: that of most pictures, and among equals that of most points.
    """
    found: dict[str, dict[tuple[str, str], SetCell]] = {}
    for column in dict.fromkeys(score.metric for score in scores):
        mine = [score for score in scores if score.metric == column]
        counted = [score for score in mine if score.value is not None]
        points = Counter(score.set for score in counted)
        # of equals the first: max keeps it
        chosen = max(counted, key=lambda score: (score.pictures, points[score.set]), default=None)
        found[column] = {
            (score.method, score.point): SetCell(score, _refused(score, chosen)) for score in mine
        }
    return found


def _refused(score: SetScore, chosen: SetScore | None) -> str:
    if score.value is None:
        return score.reason
    if chosen is None or score.set == chosen.set:
        return ""
    if score.pictures == chosen.pictures:
        return f"other clips than the rest, though as many pictures (N = {score.pictures}): not compared"
    return (
        f"N = {score.pictures} pictures of {len(score.clips)} clips, the others {chosen.pictures} of "
        f"{len(chosen.clips)}: not compared"
    )


def set_notes(cells: Mapping[str, Mapping[tuple[str, str], SetCell]]) -> list[str]:
    """What a reader must know of the sets: N of each column, and what was refused."""
    notes = []
    for column, by_point in cells.items():
        compared = {cell.score.pictures: cell.score for cell in by_point.values() if not cell.refused}
        for score in compared.values():
            notes.append(
                f"{column}: N = {score.pictures} pictures of {len(score.clips)} clips; compare it with "
                f"values of the same frames only.{score.caution and f' {score.caution}.'}"
            )
        notes += [
            f"{column} of {method} {point}: {cell.refused}."
            for (method, point), cell in by_point.items()
            if cell.refused
        ]
    return notes
