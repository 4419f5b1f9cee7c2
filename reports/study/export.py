"""Exporting a study: from a run and a wish to a folder that can be uploaded or served."""

from __future__ import annotations

import re
import secrets
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path

from ...core.errors import StoreError, UsageError
from ...core.version import __version__
from .hit import write_batch, write_guide, write_page
from .manifest import ATTRIBUTES, PICTURE, REFERENCE, Question, Shown, Study, Video, read_study, write_study
from .questions import lay_out, token
from .selection import Point, Stored, asked_of, comparisons, gold_point, stored, written
from .videos import Show, file_of, make_video


@dataclass(frozen=True)
class Wish:
    """What a study is to be.

    Attributes:
        kind: ``pair`` or ``rating``.
        platform: ``mturk`` or ``local``.
        pairs: such as ``ours:adaptive,h264``; of ratings, what is rated.
        clips: names, or none for all.
        votes: workers wanted for each HIT.
        seed: of order, sides, gold and repeats.
        base_url: where the videos will be; '' for ``local``.
        gold: the point that gold questions hold against the original, or None for the worst block codec's
            (of ratings it is the original, and None).
    """

    kind: str
    platform: str
    pairs: tuple[str, ...]
    clips: tuple[str, ...]
    votes: int
    seed: int
    base_url: str
    gold: str | None


def export(run: Path, folder: Path, wish: Wish, show: Show, progress: Callable[[int, int], None]) -> str:
    """Export a study; the same command again goes on, and makes the same.

    Args:
        run: a finished run's folder.
        folder: of the study.
        wish: what it is to be.
        show: gives the run's frames.
        progress: told how many of how many videos are made.

    Returns:
        lines about it.

    Raises:
        UsageError: the wish is wrong, or the run has not what it asks for.
        StoreError: the folder holds another study, or cannot be written.
    """
    base_url = _checked(wish)
    held = stored(run)
    asked, left_out = asked_of(held, comparisons(held, wish.kind, wish.pairs), wish.clips)
    gold = gold_point(held, wish.kind, wish.gold)
    gold_clips = [clip for clip in dict.fromkeys(one.clip for one in asked) if held.has(gold, clip)]
    if not gold_clips:
        raise UsageError(
            f"{written(gold)}, of which gold is made, did not finish on any clip; name another in --gold"
        )
    before = read_study(folder) if (folder / "manifest.json").is_file() else None
    secret = before.secret if before else secrets.token_hex(32)

    def name(point: Point, clip: str) -> str:
        return token(secret, "video", *point, clip, _frames_sha256(held, point, clip))

    pictured = wish.kind == "rating" and held.pictured
    questions = lay_out(wish.kind, asked, gold, gold_clips, name, wish.seed, secret, pictured)
    study = Study(
        kind=wish.kind,
        platform=wish.platform,
        pairs=wish.pairs,
        attributes=ATTRIBUTES if wish.kind == "rating" else (),
        votes=wish.votes,
        slots=max(question.slot for question in questions),
        seed=wish.seed,
        secret=secret,
        base_url=base_url,
        gold=written(gold),
        run=_identity(held),
        version=__version__,
        videos=tuple(_videos(held, questions)),
        questions=tuple(questions),
        left_out=tuple(left_out),
    )
    if before and _asked(before) != _asked(study):
        raise StoreError(
            f"{folder} holds another study; name this one with --name, or delete that folder if nobody has "
            "voted in it"
        )
    write_study(folder, study)  # first of all: the videos' names hang on its secret
    made: list[Video] = []
    for video in study.videos:
        progress(len(made), len(study.videos))
        made.append(make_video(folder, video, show))
    study = replace(study, videos=tuple(made))
    write_study(folder, study)
    _delete_others(folder, study)
    write_page(folder, study)
    write_guide(folder, study)
    write_batch(folder, study)
    return _told(folder, study)


def _checked(wish: Wish) -> str:
    """The address that videos' names are added to.

    Raises:
        UsageError: a number or the address is wrong.
    """
    if wish.votes < 1:
        raise UsageError(f"--votes {wish.votes} is out of range; give 1 or more (the paper has 3)")
    if wish.platform == "local":
        return ""
    if not wish.base_url:
        raise UsageError(
            "--platform mturk needs --base-url: the https address of the folder that you upload the videos to"
        )
    if not re.fullmatch(r"https://[\w.-]+(:\d+)?(/[\w.~%+@=-]*)*", wish.base_url, re.ASCII):
        raise UsageError(
            f"--base-url {wish.base_url} is no plain https address, which MTurk's pages need; "
            "give one such as https://videos.example.org/study"
        )
    return wish.base_url.rstrip("/") + "/"


def _frames_sha256(held: Stored, point: Point, clip: str) -> str:
    """What tells one video's frames from others: of a clip itself, its hash in the run."""
    if point[0] in (REFERENCE, PICTURE):
        return str(held.clips[clip]["sha256"])
    return str(held.units[point, clip]["decoded_sha256"])


def _videos(held: Stored, questions: Sequence[Question]) -> list[Video]:
    """What the questions show, each once, by point; without the files' hashes."""
    found: dict[str, Video] = {}
    for question in questions:
        shape = next(unit for (_, clip), unit in held.units.items() if clip == question.clip)
        which = "own" if question.kind == "gold" else "shown"
        picture = [Shown(PICTURE, which, question.picture)] if question.picture else []
        for shown in (question.left, question.right, *picture):
            unit = held.units.get(((shown.method, shown.point), question.clip), {})
            found[shown.video] = Video(
                name=shown.video,
                method=shown.method,
                point=shown.point,
                clip=question.clip,
                unit=unit.get("key", ""),
                frames_sha256=unit.get("decoded_sha256", ""),
                sha256="",
                frames=1 if shown.method == PICTURE else shape["frames"],
                width=shape["width"] // 2 * 2,
                height=shape["height"] // 2 * 2,
                fps=shape["fps"],
            )
    # One point after the other: a decoder loads its weights once.
    return sorted(found.values(), key=lambda video: (video.method, video.point))


def _identity(held: Stored) -> dict[str, str]:
    """Which run this is."""
    manifest, dataset = held.manifest, held.manifest["dataset"]
    return {
        "benchmark": manifest["benchmark"],
        "created": manifest["created"],
        "dataset": dataset["name"],
        "fingerprint": dataset["fingerprint"],
    }


def _asked(study: Study) -> Study:
    """A study but for what may change while it is the same, and what is known once its videos are made."""
    videos = tuple(
        replace(video, sha256="", frames_sha256=video.frames_sha256 if video.unit else "")
        for video in study.videos
    )
    return replace(study, videos=videos, version="", platform="", base_url="", votes=0)


def _delete_others(folder: Path, study: Study) -> None:
    """Delete what is in the way of uploading all of `videos`: half a file of a killed export."""
    wanted = {file_of(folder, video) for video in study.videos}
    for path in (folder / "videos").iterdir():
        if path.is_file() and path not in wanted:
            path.unlink()


def _told(folder: Path, study: Study) -> str:
    """What an export says of itself."""
    counts = Counter(question.kind for question in study.questions)
    seconds = [video.frames / Fraction(video.fps) for video in study.videos if video.method != PICTURE]
    lines = [
        f"questions ({study.kind}): {counts[study.kind]}; votes wanted: {counts[study.kind] * study.votes}",
        f"HITs: {len(study.hits)} of {study.slots} questions, gold ({study.gold}) and repeat among them",
        f"videos: {len(seconds)} of {float(sum(seconds) / len(seconds)):.1f} s on average",
        *(f"left out: {line}" for line in study.left_out),
        f"study: {folder / 'README.md'}",
    ]
    return "\n".join(lines)
