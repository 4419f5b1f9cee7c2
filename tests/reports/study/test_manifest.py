"""A study's manifest is read as it was written, or refused."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from talkbench.core.errors import StoreError, UsageError
from talkbench.reports.study.manifest import (
    REFERENCE,
    Question,
    Shown,
    Study,
    Video,
    read_study,
    study_folder,
    write_study,
)

LEFT, RIGHT = Shown("h264", "crf30", "a1"), Shown(REFERENCE, "", "b2")
STUDY = Study(
    kind="pair",
    platform="mturk",
    pairs=("ours:adaptive,h264",),
    attributes=(),
    votes=3,
    slots=2,
    seed=7,
    secret="00ff",
    base_url="https://videos.example/x/",
    gold="h264:crf30",
    run={"benchmark": "compression", "created": "2026", "dataset": "folder", "fingerprint": "ab"},
    version="0.1.0",
    videos=(Video("a1", "h264", "crf30", "naïve </script>", "k", "p", "f", 12, 64, 64, "25/1"),),
    questions=(
        Question("q2", "h1", 2, "gold", "naïve </script>", LEFT, RIGHT, winner="right"),
        Question("q1", "h1", 1, "pair", "naïve </script>", RIGHT, LEFT),
        Question("q3", "h2", 1, "pair", "other", RIGHT, LEFT),
    ),
)


def test_what_was_written_is_read(tmp_path: Path) -> None:
    folder = study_folder(tmp_path)
    write_study(folder, STUDY)
    assert read_study(folder) == STUDY


def test_hits_hold_questions_in_the_order_of_slots() -> None:
    assert {hit: [question.id for question in held] for hit, held in STUDY.hits.items()} == {
        "h1": ["q1", "q2"],
        "h2": ["q3"],
    }


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"schema": 99}, "schema 99"),
        ({"questions": [{"id": "q"}]}, "damaged"),
        ({"questions": 3}, "damaged"),
        ({"extra": 1}, "damaged"),
    ],
)
def test_another_manifest_is_refused(tmp_path: Path, change: dict[str, object], words: str) -> None:
    write_study(tmp_path, replace(STUDY, seed=1))
    path = tmp_path / "manifest.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | change))
    with pytest.raises(StoreError, match=words):
        read_study(tmp_path)


def test_no_study_says_what_makes_one(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="bench study export"):
        read_study(tmp_path)


@pytest.mark.parametrize("name", ["report", "units", "../study", "study/x", "study x", ""])
def test_a_study_does_not_lie_where_something_else_does(tmp_path: Path, name: str) -> None:
    with pytest.raises(UsageError, match="such as study-"):
        study_folder(tmp_path, name)
    assert study_folder(tmp_path, "study-2_b") == tmp_path / "study-2_b"
