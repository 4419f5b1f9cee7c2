"""A small study, and votes on it in MTurk's columns; and a real run, of which studies are exported."""

from __future__ import annotations

import csv
import itertools
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from talkbench.benchmarks.session import run
from talkbench.benchmarks.showing import shown_frames
from talkbench.core.signature import digest
from talkbench.reports.study.export import Wish, export
from talkbench.reports.study.manifest import REFERENCE, Question, Shown, Study, Video
from talkbench.reports.study.questions import lay_out
from talkbench.reports.study.selection import ORIGINAL, Asked

CLIPS = ("woman, vlog", "man <b>", "=HYPERLINK(1)")
POINTS = (("h264", "crf30"), ("h264", "crf37"), ("ours", "k20"))
SECONDS = 4
"""How long each video plays."""

Choose = Callable[[Question], str]


def shown(method: str, point: str, clip: str) -> Shown:
    return Shown(method, point, f"v{digest([method, point, clip])[:12]}")


def a_study(kind: str = "pair") -> Study:
    """Two questions a clip, gold and a repeat: of each clip a HIT."""
    questions = []
    for number, clip in enumerate(CLIPS):
        hit, original = f"hit{number}", shown(REFERENCE, "", clip)
        ours = shown("ours", "k20", clip)
        rated = [shown(*point, clip) for point in POINTS[:2]]
        pairs = (
            [(original, one) for one in rated] if kind == "rating" else [(ours, rated[0]), (rated[1], ours)]
        )
        for slot, (left, right) in enumerate(pairs, 1):
            questions.append(Question(f"q{number}{slot}", hit, slot, kind, clip, left, right))
        worst = shown("h264", "crf51", clip)
        if kind == "rating":
            questions.append(Question(f"q{number}3", hit, 3, "gold", clip, original, original))
            again = pairs[0]
        else:
            questions.append(Question(f"q{number}3", hit, 3, "gold", clip, worst, original, winner="right"))
            again = pairs[0][::-1]
        questions.append(Question(f"q{number}4", hit, 4, "repeat", clip, *again, repeats=f"q{number}1"))
    sides = {side.video: (side, one.clip) for one in questions for side in (one.left, one.right)}
    return Study(
        kind=kind,
        platform="mturk",
        pairs=("ours:k20,h264",),
        attributes=("head_pose", "identity") if kind == "rating" else (),
        votes=3,
        slots=4,
        seed=0,
        secret="00",
        base_url="https://videos.example/",
        gold="h264:crf51",
        run={},
        version="0.1.0",
        videos=tuple(
            Video(name, side.method, side.point, clip, "", "", "", 25 * SECONDS, 64, 64, "25/1")
            for name, (side, clip) in sides.items()
        ),
        questions=tuple(questions),
    )


def honest(question: Question) -> str:
    """Prefers ours, and the original above all."""
    if question.winner:
        return question.winner
    return "left" if question.left.method == "ours" else "right"


def row(study: Study, hit: str, worker: str, number: int, answer: Choose = honest) -> dict[str, str]:
    """One assignment, as MTurk writes it, and as many seconds after noon as its number says."""
    cells = {
        "HITId": f"3{hit}", "HITTypeId": "3TYPE", "Title": "Which video is better?",
        "AssignmentId": f"3ASSIGNMENT{number}", "WorkerId": worker, "AssignmentStatus": "Submitted",
        "AcceptTime": f"Fri Nov 20 12:00:{number % 60:02d} PST 2026",
        "SubmitTime": f"Fri Nov 20 12:{10 + number // 60:02d}:{number % 60:02d} PST 2026",
        "RejectionTime": "", "RequesterFeedback": "", "WorkTimeInSeconds": "60",
        "LifetimeApprovalRate": "100% (12/12)", "Input.hit": hit, "Input.base_url": "https://videos.example/",
        "Answer.video_width": "512", "Approve": "", "Reject": "",
    }  # fmt: skip
    for question in study.hits[hit]:
        slot = question.slot
        cells |= {
            f"Input.question_{slot}": question.id,
            f"Input.left_{slot}": question.left.video,
            f"Input.right_{slot}": question.right.video,
            f"Answer.seconds_{slot}": "7.4",
            f"Answer.plays_{slot}": "1",
        }
        asked = ["answer"] if study.kind == "pair" else list(study.attributes)
        cells |= {f"Answer.{name}_{slot}": answer(question) for name in asked}
    return cells


def write_csv(path: Path, rows: Iterable[Mapping[str, str]]) -> Path:
    rows = list(rows)
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(rows[0]), quoting=csv.QUOTE_ALL)
        writer.writeheader()
        writer.writerows(rows)
    return path


class Votes:
    """Writes result files of a study.

    Attributes:
        study: that is voted on.
    """

    def __init__(self, folder: Path, study: Study) -> None:
        self.study = study
        self._folder = folder
        self._numbers = itertools.count()

    def row(
        self, hit: str = "hit0", worker: str = "A1", answer: Choose = honest, **changes: str
    ) -> dict[str, str]:
        """An assignment, with cells changed; ``__`` in a name stands for its dot."""
        cells = row(self.study, hit, worker, next(self._numbers), answer)
        return cells | {name.replace("__", "."): value for name, value in changes.items()}

    def by(self, worker: str, answer: Choose = honest, **changes: str) -> list[dict[str, str]]:
        """A worker's assignments of all HITs."""
        return [self.row(hit, worker, answer, **changes) for hit in self.study.hits]

    def write(self, rows: Iterable[Mapping[str, str]], name: str = "votes.csv") -> Path:
        return write_csv(self._folder / name, rows)


@pytest.fixture
def pair_votes(tmp_path: Path) -> Votes:
    """Votes on pairs."""
    return Votes(tmp_path, a_study())


@pytest.fixture
def rating_votes(tmp_path: Path) -> Votes:
    """Ratings."""
    return Votes(tmp_path, a_study("rating"))


@pytest.fixture
def small_study() -> Callable[..., Study]:
    """Makes a study of three HITs, of pairs or of the `kind` given."""
    return a_study


@pytest.fixture(scope="session")
def coded_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished run: three test cards of 10 frames, 64x64, by H.264 at two qualities and by `freeze`."""
    folder = tmp_path_factory.mktemp("runs") / "coded"
    settings = ["data.size=64", "data.clips=3", "run.frames=10", "run.videos=false", "run.workers=1"]
    crf = "methods.h264.crf=[20,51]"
    outcome = run(
        ["h264", "freeze"], "testcard", "compression", ["psnr"], [*settings, crf], folder, ["bench"]
    )
    assert not outcome.failures
    return folder


WISH = Wish("pair", "mturk", ("freeze,h264",), (), 2, 0, "https://videos.example/x", None)


@pytest.fixture(scope="session")
def export_to(coded_run: Path) -> Callable[..., str]:
    """Exports a study of that run to a folder; takes what its wish is to be otherwise."""

    def call(folder: Path, **otherwise: object) -> str:
        with shown_frames(coded_run) as show:
            return export(
                coded_run,
                folder,
                replace(WISH, **otherwise),
                show,
                lambda done, total: None,  # type: ignore[arg-type]
            )

    return call


@pytest.fixture(scope="session")
def local_study(coded_run: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of an exported study for this machine; to be copied by whoever votes in it."""
    folder = tmp_path_factory.mktemp("studies") / "local"
    with shown_frames(coded_run) as show:
        export(
            coded_run, folder, replace(WISH, platform="local", base_url=""), show, lambda done, total: None
        )
    return folder


def laid_out(kind: str, asked: Sequence[Asked], units: Mapping[tuple[str, str, str], str]) -> Study:
    """A study as it is exported, but for the videos themselves.

    Args:
        kind: ``pair`` or ``rating``.
        asked: what.
        units: by method, point and clip, the keys of a run's units, which are their frames' hashes too.
    """

    def name(point: tuple[str, str], clip: str) -> str:
        return shown(*point, clip).video

    clips = list(dict.fromkeys(one.clip for one in asked))
    gold = ("h264", "crf51") if kind == "pair" else ORIGINAL
    questions = lay_out(kind, asked, gold, clips, name, 0, "00" * 8)
    videos = {}
    for question in questions:
        for side in (question.left, question.right):
            key = units.get((side.method, side.point, question.clip), "")
            about = (side.method, side.point, question.clip, key, key, "", 25 * SECONDS, 64, 64, "25/1")
            videos[side.video] = Video(side.video, *about)
    return replace(
        a_study(kind),
        slots=max(question.slot for question in questions),
        pairs=tuple(dict.fromkeys(f"{':'.join(one.first)},{':'.join(one.second)}" for one in asked)),
        videos=tuple(videos.values()),
        questions=tuple(questions),
    )


@pytest.fixture
def lay_out_votes(tmp_path: Path) -> Callable[..., Votes]:
    """Votes on a study of what is asked: takes `laid_out`'s arguments."""

    def make(
        kind: str, asked: Sequence[Asked], units: Mapping[tuple[str, str, str], str] | None = None
    ) -> Votes:
        return Votes(tmp_path, laid_out(kind, asked, units or {}))

    return make
