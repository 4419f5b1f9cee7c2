"""What MTurk is given of a study: the page of a HIT, a row for each HIT, and what is to be set beside them.

MTurk puts a row's cells into the page wherever ``${column}`` stands in it; `bench study serve` does the same.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from fractions import Fraction
from pathlib import Path
from typing import Any

from ...core.store import SCHEMA, write_json, write_rows, writing
from .manifest import Study

HERE = Path(__file__).parent
APPROVAL_ABOVE = 98
"""Per cent of a worker's assignments that were approved, for life. Source: appendix C.5."""
TITLES = {
    "pair": "Compare short videos of talking people",
    "rating": "Rate short videos of talking people",
}


ASKED = {
    "head_pose": "Head pose: does the head move as in the original?",
    "expression": "Expression: do mouth, eyes and face act as in the original?",
    "identity": "Identity: is it the person in the {}?",
}
"""What is asked of an attribute; in the braces stands what shows the person."""


def asked(study: Study) -> dict[str, str]:
    """What a rating study asks, by attribute."""
    person = "picture" if study.pictured else "original"
    return {name: ASKED[name].format(person) for name in study.attributes}


def batch_columns(study: Study) -> list[str]:
    """Columns of a batch's CSV."""
    slots = range(1, study.slots + 1)
    shown = ("question", "left", "right", "picture") if study.pictured else ("question", "left", "right")
    return ["hit", "base_url", *(f"{what}_{slot}" for slot in slots for what in shown)]


def batch_row(study: Study, hit: str, base_url: str) -> dict[str, str]:
    """What a HIT's page is filled in with: the cells of its row.

    Args:
        study: the study.
        hit: its name of the HIT.
        base_url: the address that videos' names are added to.
    """
    row = {"hit": hit, "base_url": base_url}
    for question in study.hits[hit]:
        row[f"question_{question.slot}"] = question.id
        row[f"left_{question.slot}"] = question.left.video
        row[f"right_{question.slot}"] = question.right.video
        if study.pictured:
            row[f"picture_{question.slot}"] = question.picture
    return row


def write_batch(folder: Path, study: Study) -> None:
    """Write ``batch.csv`` and ``hit.json``.

    Raises:
        StoreError: the folder cannot be written.
    """
    rows = [batch_row(study, hit, study.base_url) for hit in study.hits]
    write_rows(folder / "batch.csv", batch_columns(study), rows)
    write_json(folder / "hit.json", {"schema": SCHEMA, **hit_type(study)})


def hit_type(study: Study) -> dict[str, Any]:
    """A HIT's properties as MTurk's API has them (CreateHIT), but for the reward, the requester's choice."""
    day = 24 * 60 * 60
    return {
        "Title": TITLES[study.kind],
        "Description": f"Watch {study.slots} pairs of short videos without sound and say what you see.",
        "Keywords": "video, quality, compare, rating, face",
        "MaxAssignments": study.votes,
        "AssignmentDurationInSeconds": max(1800, 60 * 10 * minutes(study)),
        "LifetimeInSeconds": 7 * day,
        "AutoApprovalDelayInSeconds": 3 * day,
        "QualificationRequirements": [
            {
                "QualificationTypeId": "000000000000000000L0",
                "Comparator": "GreaterThan",
                "IntegerValues": [APPROVAL_ABOVE],
                "ActionsGuarded": "DiscoverPreviewAndAccept",
            }
        ],
    }


def minutes(study: Study) -> int:
    """What a HIT takes, at a guess: each question's videos twice."""
    seconds = {video.name: video.frames / Fraction(video.fps) for video in study.videos}
    longest = max(
        sum(2 * seconds[question.right.video] + 3 for question in hit) for hit in study.hits.values()
    )
    return -int(-longest // 60)


def _rendered(template: str, **values: Any) -> str:
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(
        loader=FileSystemLoader(HERE),
        autoescape=template.endswith(".html"),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    return environment.get_template(template).render(**values)


def write_page(folder: Path, study: Study) -> None:
    """Write ``hit.html``, the page of every HIT.

    Raises:
        StoreError: the folder cannot be written.
    """
    text = _rendered(
        "hit.html",
        study=study,
        title=TITLES[study.kind],
        minutes=minutes(study),
        attributes=asked(study),
        style=(HERE / "hit.css").read_text("utf-8"),
        script=(HERE / "hit.js").read_text("utf-8"),
    )
    with writing(folder / "hit.html") as temporary:
        temporary.write_text(text, "utf-8")


def write_guide(folder: Path, study: Study) -> None:
    """Write ``README.md``: what the requester does with the study, and what MTurk can and cannot warrant.

    Raises:
        StoreError: the folder cannot be written.
    """
    text = _rendered(
        "guide.md", study=study, hit=hit_type(study), above=APPROVAL_ABOVE, minutes=minutes(study)
    )
    with writing(folder / "README.md") as temporary:
        temporary.write_text(text, "utf-8")


def filled(page: str, row: Mapping[str, str]) -> str:
    """A page with a row's cells in it, as MTurk fills it in; a name that is no column stays as it is."""
    return re.sub(r"\$\{(\w+)\}", lambda found: row.get(found[1], found[0]), page)
