"""A run's frames, given out again: from streams, from somebody's videos, from a model."""

from __future__ import annotations

import hashlib
import subprocess
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from talkbench.benchmarks.showing import shown_frames
from talkbench.cli import main
from talkbench.core.errors import StoreError, StreamError
from talkbench.core.pngs import PngFolder
from talkbench.core.store import read_units
from talkbench.core.video import Clip, Frames
from talkbench.datasets.testcard import Cards
from talkbench.reports.study.manifest import PICTURE, REFERENCE, read_study
from talkbench.reports.study.videos import file_of

Bench = Callable[..., "subprocess.CompletedProcess[str]"]
CARDS = ("--dataset", "testcard", "data.clips=2", "--frames", "4", "--size", "32", "run.workers=1")
QUICK = (*CARDS, "--metrics", "l1", "run.videos=false")


def pixels(clip: Clip) -> Frames:
    return np.concatenate(list(clip.frames()))


def sha256(frames: Frames) -> str:
    return hashlib.sha256(frames.tobytes()).hexdigest()


def test_streams_are_decoded_and_other_streams_refused(bench: Bench, tmp_path: Path) -> None:
    run = tmp_path / "run"
    assert bench("run", "--methods", "h264", *QUICK, "methods.h264.crf=[20,51]", "--out", run).returncode == 0
    units = {(unit["point"], unit["clip"]): unit for unit in read_units(run)}
    with shown_frames(run) as show:
        for (point, clip), unit in units.items():
            assert sha256(pixels(show("h264", point, clip))) == unit["decoded_sha256"]
        card = Cards(size=32, clips=2).clips()[1].first(4)
        assert sha256(pixels(show("reference", "", card.name))) == sha256(pixels(card))
        path = run / units["crf20", "card0"]["stream"]["path"]
        path.write_bytes((run / units["crf51", "card0"]["stream"]["path"]).read_bytes())
        with pytest.raises(StoreError, match="no longer gives the frames that it gave of 'card0'"):
            show("h264", "crf20", "card0")
        path.write_bytes(b"nothing")
        with pytest.raises(StreamError):
            show("h264", "crf20", "card0")
        path.unlink()
        with pytest.raises(StoreError, match="cannot be read"):
            show("h264", "crf20", "card0")


def test_somebody_s_videos_are_shown_as_they_were_scored(bench: Bench, tmp_path: Path) -> None:
    theirs, run = tmp_path / "theirs", tmp_path / "run"
    assert bench("run", "--methods", "freeze", *QUICK, "--out", tmp_path / "frozen").returncode == 0
    for stream in tmp_path.glob("frozen/streams/freeze/*/*.tkb"):
        assert bench("decode", stream, theirs / f"{stream.stem}.mkv").returncode == 0
    root = f"methods.precomputed.root={theirs}"
    assert bench("run", "--methods", "precomputed", *QUICK, root, "--out", run).returncode == 0
    with shown_frames(run) as show:
        for unit in read_units(run):
            assert unit["stream"] is None
            seen = show(unit["method"], unit["point"], unit["clip"])
            assert sha256(pixels(seen)) == unit["decoded_sha256"]
            (theirs / f"{unit['clip']}.mkv").write_bytes((theirs / "card0.mkv").read_bytes())
        with pytest.raises(StoreError, match="no longer gives the frames that it gave of 'card1'"):
            show("precomputed", read_units(run)[0]["point"], "card1")


def test_ratings_of_moved_pictures_show_whose_identity_is_asked(
    mover: None, bench: Bench, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = tmp_path / "run"
    arguments = ("run", "--benchmark", "transfer", "--methods", "mover,freeze", *QUICK, "--out", run)
    assert bench(*arguments).returncode == 0
    with shown_frames(run) as show:
        for unit in (unit for unit in read_units(run) if unit["decoded_sha256"]):
            seen = show(unit["method"], unit["point"], unit["clip"])
            assert sha256(pixels(seen)) == unit["decoded_sha256"]
    export = ["study", "export", str(run), "--platform", "local"]
    assert main([*export, "--kind", "rating", "--pairs", "mover"]) == 0
    assert "questions (rating): 4; votes wanted: 12" in capsys.readouterr().out
    study, cards = read_study(run / "study"), {clip.name: clip for clip in Cards(size=32, clips=2).clips()}
    by_name = {video.name: video for video in study.videos}
    assert study.pictured
    for question in study.questions:
        shown, driving = question.clip.split("-by-")
        person = driving if question.kind == "gold" else shown
        picture = by_name[question.picture]
        assert (picture.method, picture.frames) == (PICTURE, 1)
        path = file_of(run / "study", picture)
        assert path.suffix == ".png"
        assert question.left.method == REFERENCE
        if question.kind == "gold":
            assert question.right == question.left
        assert np.array_equal(
            pixels(Clip("", PngFolder((path,)), 32, 32, Fraction(1))), pixels(cards[person].first(1))
        )
    assert "freeze" not in {question.right.method for question in study.questions}  # it cannot take part
    heads = (run / "study" / "batch.csv").read_text().splitlines()[0]
    assert f"picture_{study.slots}" in heads
    assert "${picture_1}" in (run / "study" / "hit.html").read_text()
    point = "mover:well-absolute,mover:well-relative"
    assert main([*export, "--pairs", point, "--name", "study-other"]) == 2
    assert "name the worst point in --gold" in capsys.readouterr().err
