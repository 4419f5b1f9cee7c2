"""A study's manifest: what each question shows, and who made it. Voters never see it.

A study lies in a folder of the run, ``RUN/study`` unless it was named otherwise:

    manifest.json      this; it alone says which method is behind a video's name
    batch.csv          a row a HIT, for MTurk's requester site and for `bench study serve`
    hit.html           the page of a HIT; ``${name}`` stands for a column of its row
    hit.json           title, votes a HIT, times and the qualification, as MTurk's API takes them
    README.md          what to do with all this; the instructions and the qualification as text
    videos/NAME.mp4    what is shown, and NAME.png where a picture is; the only files to be uploaded
    votes.csv          what `bench study serve` collected

A HIT (MTurk's word for a task) holds `Study.slots` questions, the same number in all of a study. Its pair
or rating questions are in no other HIT, so that nobody is asked one twice: MTurk gives a worker a HIT once.
Besides them it holds a gold question, whose answer is known, and a repeat of one of its own questions.

Votes are read as MTurk's requester site gives them ("Download CSV" of a batch's results), and
`bench study serve` writes the same columns: a row is an assignment, that is one worker's answers to one HIT.

    HITId, HITTypeId, Title, Description, Keywords, Reward, CreationTime, MaxAssignments,
    RequesterAnnotation, AssignmentDurationInSeconds, AutoApprovalDelayInSeconds, Expiration,
    NumberOfSimilarHITs, LifetimeInSeconds
                        of the HIT; HITId is MTurk's own, not this study's
    AssignmentId, WorkerId
                        who answered; MTurk gives a HIT to a worker once, but does not know that a HIT that
                        is published again is the same: Input.hit and WorkerId may be there twice
    AssignmentStatus    Submitted, Approved or Rejected
    AcceptTime, SubmitTime, AutoApprovalTime, ApprovalTime, RejectionTime
                        such as ``Fri Nov 20 16:17:05 PST 2026``; empty where it has not come
    RequesterFeedback
    WorkTimeInSeconds   from accepting to submitting: an upper bound, for a worker may do other things
    LifetimeApprovalRate, Last30DaysApprovalRate, Last7DaysApprovalRate
                        such as ``100% (12/12)``, of this requester's HITs; empty in a local study
    Input.hit           this study's name of the HIT (`Question.hit`)
    Input.base_url      where the videos were
    Input.question_K, Input.left_K, Input.right_K
                        `Question.id` and names of both videos in slot K = 1 … `Study.slots`
    Input.picture_K     likewise the picture, if any are shown
    Answer.answer_K     pair studies: ``left`` or ``right``
    Answer.ATTRIBUTE_K  rating studies: 1 … 5 for each of `Study.attributes`
    Answer.seconds_K    from the first picture of question K to its answer, in seconds, such as ``7.4``
    Answer.plays_K      how often both videos of question K were played to the end before its answer, >= 1
    Answer.video_width  width of one video on the worker's screen, in CSS pixels
    Approve, Reject     for the requester to fill in

MTurk orders the columns of a group by name and adds columns of its own now and then: read by name.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from ...core.errors import StoreError, UsageError
from ...core.store import SCHEMA, damaged, file_stem, read_json, write_json

REFERENCE = "reference"
"""The method of a video that shows the clip itself; its point is ''. Where a clip moves the picture of
another person, it is that clip."""
PICTURE = "picture"
"""The method of a picture: the one that was moved (point ``shown``), or the clip's first frame (``own``)."""
ATTRIBUTES = ("head_pose", "expression", "identity")
"""What a rating study asks, each from 1 (worst) to 5 (best). Source: thesis, 2.3.6 and Table 2.2."""


@dataclass(frozen=True)
class Shown:
    """One side of a question.

    Attributes:
        method: its name, or REFERENCE.
        point: of the method, '' for REFERENCE.
        video: name of the file that is shown, ``videos/NAME.mp4``.
    """

    method: str
    point: str
    video: str


@dataclass(frozen=True)
class Question:
    """What one worker answers at once.

    Attributes:
        id: unguessable, unique in the study.
        hit: the HIT that it is in.
        slot: its place there, from 1 on.
        kind: ``pair`` or ``rating`` count; ``gold`` and ``repeat`` tell about the worker.
        clip: name of the clip that both sides show.
        left, right: what is shown. Where ratings are asked, the original is left and the rated video right.
        winner: of a gold pair, ``left`` or ``right``: the side that shows the original. A gold rating shows
            the original on both sides. Else ''.
        repeats: of a repeat, the question of the same HIT that it asks again, sides swapped in a pair study.
            Else ''.
        picture: name of the picture beside them, ``videos/NAME.png``: where the motion is another person's,
            a rating study shows whose identity is to be kept (of gold, the original's). Else ''.
    """

    id: str
    hit: str
    slot: int
    kind: str
    clip: str
    left: Shown
    right: Shown
    winner: str = ""
    repeats: str = ""
    picture: str = ""


@dataclass(frozen=True)
class Video:
    """A file that is shown.

    Attributes:
        name: unguessable; ``videos/NAME.mp4``, of a PICTURE ``videos/NAME.png``.
        method, point, clip: what it shows; see `Shown` and PICTURE.
        unit: key of the unit of the run whose frames these are, '' for REFERENCE and PICTURE.
        frames_sha256: of the rgb24 frames that it was made from: the unit's ``decoded_sha256``.
        sha256: of the file.
        frames, width, height, fps: of the file; the same for both sides of a question.
    """

    name: str
    method: str
    point: str
    clip: str
    unit: str
    frames_sha256: str
    sha256: str
    frames: int
    width: int
    height: int
    fps: str


@dataclass(frozen=True)
class Study:
    """All of a study.

    Attributes:
        kind: ``pair`` or ``rating``.
        platform: ``mturk`` or ``local``.
        pairs: as asked for, such as ``ours:adaptive,h264``; of ratings, the points.
        attributes: what ratings ask (keys of ATTRIBUTES); empty for pairs.
        votes: workers wanted for each HIT.
        slots: questions in a HIT.
        seed: of order, sides, gold and repeats.
        secret: what the videos' and questions' names were made from.
        base_url: where the videos were to be uploaded; '' for a local study.
        gold: the method and point that gold questions hold against the original, such as ``h264:crf51``;
            of ratings REFERENCE.
        run: of the run: ``benchmark``, ``created``, ``dataset`` and its ``fingerprint``.
        version: of the talkbench that exported it.
        videos, questions: the questions by HIT and slot.
        left_out: what could have been asked but for a unit that failed, a line each.
    """

    kind: str
    platform: str
    pairs: tuple[str, ...]
    attributes: tuple[str, ...]
    votes: int
    slots: int
    seed: int
    secret: str
    base_url: str
    gold: str
    run: Mapping[str, str]
    version: str
    videos: tuple[Video, ...]
    questions: tuple[Question, ...]
    left_out: tuple[str, ...] = ()

    @property
    def pictured(self) -> bool:
        """Whether pictures stand beside the videos."""
        return any(question.picture for question in self.questions)

    @property
    def hits(self) -> Mapping[str, tuple[Question, ...]]:
        """Questions by HIT, in the order of their slots."""
        found: dict[str, list[Question]] = {}
        for question in sorted(self.questions, key=lambda question: question.slot):
            found.setdefault(question.hit, []).append(question)
        return {hit: tuple(questions) for hit, questions in found.items()}


def study_folder(run: Path, name: str = "study") -> Path:
    """Where a study lies in a run's folder.

    Raises:
        UsageError: a name that something else in the folder has, or may have.
    """
    if not re.fullmatch(r"study[\w-]*", name, re.ASCII):
        raise UsageError(
            f"--name {name} is no study's; give one that begins so, such as study-{file_stem(name)}"
        )
    return run / name


def write_study(folder: Path, study: Study) -> None:
    """Write ``manifest.json`` into a study's folder.

    Raises:
        StoreError: the folder cannot be written.
    """
    write_json(folder / "manifest.json", {"schema": SCHEMA, **asdict(study)})


def read_study(folder: Path) -> Study:
    """Read a study from its folder.

    Raises:
        StoreError: there is none, or its manifest is damaged or of another schema.
    """
    path = folder / "manifest.json"
    if not path.is_file():
        raise StoreError(f"{folder} holds no study; make one with `bench study export`")
    value = read_json(path, [field.name for field in fields(Study)])
    del value["schema"]
    try:
        videos = tuple(Video(**video) for video in value.pop("videos"))
        questions = tuple(_question(**question) for question in value.pop("questions"))
        lists = {key: tuple(value.pop(key)) for key in ("pairs", "attributes", "left_out")}
        return Study(**{**value, **lists, "videos": videos, "questions": questions})
    except (TypeError, AttributeError) as error:
        raise damaged(path, error) from None


def _question(left: Mapping[str, str], right: Mapping[str, str], **rest: Any) -> Question:
    return Question(left=Shown(**left), right=Shown(**right), **rest)
