"""A study exported from a real run: what is shown is what was decoded, and tells nothing else."""

from __future__ import annotations

import csv
import json
import re
import shutil
from collections.abc import Callable, Iterator
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from talkbench.benchmarks.showing import shown_frames
from talkbench.cli import main
from talkbench.core.errors import StoreError
from talkbench.core.reading import open_clip
from talkbench.core.signature import sha256_file
from talkbench.core.store import read_json, read_unit, read_units, write_json
from talkbench.core.video import Clip, Frames, Source
from talkbench.datasets.testcard import read_number
from talkbench.reports.study.hit import batch_columns, filled
from talkbench.reports.study.manifest import REFERENCE, Study, Video, read_study
from talkbench.reports.study.videos import file_of, make_video

Export = Callable[..., str]


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory, export_to: Export) -> tuple[Path, Study]:
    """The folder and the manifest of an exported study, to be looked at."""
    folder = tmp_path_factory.mktemp("studies") / "study"
    export_to(folder)
    return folder, read_study(folder)


def frames(path: Path) -> Frames:
    return np.concatenate(list(open_clip(path).frames()))


def test_both_sides_have_equal_length_and_size_and_show_what_was_decoded(
    study: tuple[Path, Study], coded_run: Path
) -> None:
    folder, manifest = study
    with shown_frames(coded_run) as show:
        for video in manifest.videos:
            seen = frames(file_of(folder, video))
            truth = np.concatenate(list(show(video.method, video.point, video.clip).frames()))
            assert (
                seen.shape == truth.shape == (video.frames, video.height, video.width, 3) == (10, 64, 64, 3)
            )
            error = np.mean((seen.astype(float) - truth) ** 2)
            assert 10 * np.log10(255**2 / error) > 34  # hard edges in 4:2:0; `crf` 20 alone has less
            numbers = [read_number(frame) for frame in seen]
            assert numbers == ([0] * 10 if video.method == "freeze" else list(range(10)))
    by_name = {video.name: video for video in manifest.videos}
    for question in manifest.questions:
        sides = by_name[question.left.video], by_name[question.right.video]
        assert len({(side.frames, side.width, side.height, side.fps, side.clip) for side in sides}) == 1


def test_the_manifest_ties_every_question_to_the_run(study: tuple[Path, Study], coded_run: Path) -> None:
    folder, manifest = study
    for video in manifest.videos:
        assert sha256_file(file_of(folder, video)) == video.sha256
        if video.method != REFERENCE:
            unit = read_unit(coded_run, video.unit)
            assert (unit["method"], unit["point"], unit["clip"]) == (video.method, video.point, video.clip)
            assert unit["decoded_sha256"] == video.frames_sha256
    by_name = {video.name: video for video in manifest.videos}
    for question in manifest.questions:
        for shown in (question.left, question.right):
            video = by_name[shown.video]
            assert (video.method, video.point, video.clip) == (shown.method, shown.point, question.clip)
    held = read_json(coded_run / "manifest.json")
    assert manifest.run["fingerprint"] == held["dataset"]["fingerprint"]
    assert manifest.gold == "h264:crf51"


def test_what_voters_get_does_not_tell_methods(study: tuple[Path, Study]) -> None:
    folder, manifest = study
    files = list((folder / "videos").iterdir())
    assert {path.stem for path in files} == {video.name for video in manifest.videos}
    assert all(re.fullmatch(r"v[0-9a-f]{24}\.mp4", path.name) for path in files)
    telling = rb"[hx]26[45]|crf|freeze|testcard|lavf|lavc|talkbench|reference|gold|repeat"
    for path in (folder / "batch.csv", folder / "hit.html", folder / "hit.json"):
        assert re.findall(telling, path.read_bytes(), re.IGNORECASE) == [], path
    for path in files:  # four letters in whatever case turn up in coded pictures by chance
        assert re.findall(rb"x264 |libx264|crf=|Lavf|Lavc|freeze|testcard|talkbench", path.read_bytes()) == []


def test_names_come_from_a_secret_of_each_study(tmp_path: Path, export_to: Export) -> None:
    for name in ("one", "other"):
        export_to(tmp_path / name)
    one, other = (read_study(tmp_path / name) for name in ("one", "other"))
    assert {video.frames_sha256 for video in one.videos} == {video.frames_sha256 for video in other.videos}
    assert not {video.name for video in one.videos} & {video.name for video in other.videos}
    assert not {question.id for question in one.questions} & {question.id for question in other.questions}
    as_asked = [
        [(q.clip, q.left.method, q.left.point, q.right.method, q.right.point) for q in study.questions]
        for study in (one, other)
    ]
    assert as_asked[0] == as_asked[1]  # the seed decides, the secret does not


def test_the_page_asks_for_the_columns_of_the_batch(study: tuple[Path, Study]) -> None:
    folder, manifest = study
    page = (folder / "hit.html").read_text("utf-8")
    assert set(re.findall(r"\$\{(.*?)\}", page)) == set(batch_columns(manifest))
    with (folder / "batch.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["hit"] for row in rows] == list(manifest.hits)
    for row in rows:
        assert list(row) == batch_columns(manifest)
        assert row["base_url"] == "https://videos.example/x/"
        for question in manifest.hits[row["hit"]]:
            cells = [row[f"{what}_{question.slot}"] for what in ("question", "left", "right")]
            assert cells == [question.id, question.left.video, question.right.video]
        assert "${" not in filled(page, row)
        assert all(re.fullmatch(r"[\w:/.-]+", cell) for cell in row.values())  # nothing to be escaped


def test_the_page_is_one_plain_form_and_needs_nothing_from_elsewhere(study: tuple[Path, Study]) -> None:
    page = (study[0] / "hit.html").read_text("utf-8")
    assert re.findall(r"<form .*?>", page) == [
        '<form id="answers" method="post" action="https://www.mturk.com/mturk/externalSubmit">'
    ]
    assert re.findall(r"<script[^>]*>", page) == ["<script>"]
    assert set(re.findall(r"https?://[\w./-]+", page)) == {
        "https://www.mturk.com/mturk/externalSubmit",
        "https://www.mturk.com",
    }


def test_properties_and_guide_ask_for_the_paper_s_workers(study: tuple[Path, Study]) -> None:
    folder, manifest = study
    about = json.loads((folder / "hit.json").read_text())
    assert about["MaxAssignments"] == manifest.votes == 2
    (wanted,) = about["QualificationRequirements"]
    assert (wanted["QualificationTypeId"], wanted["Comparator"], wanted["IntegerValues"]) == (
        "000000000000000000L0",
        "GreaterThan",
        [98],
    )
    guide = (folder / "README.md").read_text("utf-8")
    for words in ("greater than 98", "https://videos.example/x/", "Nobody is asked a pair twice", "hit.html"):
        assert words in guide


def test_the_same_export_again_is_the_same_and_another_is_refused(tmp_path: Path, export_to: Export) -> None:
    export_to(tmp_path)
    before = read_study(tmp_path)
    stray = tmp_path / "videos" / ".unfinished-x.mp4"
    stray.write_bytes(b"half")
    assert export_to(tmp_path).splitlines()[0] == "questions (pair): 6; votes wanted: 12"
    assert read_study(tmp_path) == before
    assert not stray.exists()
    export_to(tmp_path, platform="local", base_url="", votes=5)  # the same questions to other people
    assert read_study(tmp_path).questions == before.questions
    for otherwise in ({"seed": 1}, {"pairs": ("freeze,h264:crf20",)}, {"clips": (before.questions[0].clip,)}):
        with pytest.raises(StoreError, match="holds another study; name this one with --name"):
            export_to(tmp_path, **otherwise)


def test_a_killed_export_goes_on(tmp_path: Path, coded_run: Path, export_to: Export) -> None:
    from talkbench.reports.study import export as module

    asked: list[tuple[str, str, str]] = []

    def until(most: int) -> None:
        with shown_frames(coded_run) as show:

            def counted(*what: str) -> Clip:
                if len(asked) == most:
                    raise KeyboardInterrupt
                asked.append(what)  # type: ignore[arg-type]
                return show(*what)

            wish = module.Wish("pair", "local", ("freeze,h264",), (), 1, 0, "", None)
            module.export(coded_run, tmp_path, wish, counted, lambda done, total: None)

    with pytest.raises(KeyboardInterrupt):
        until(4)
    names = {path.name for path in (tmp_path / "videos").iterdir()}
    assert len(names) == 4
    assert not (tmp_path / "batch.csv").exists()
    until(99)
    assert names < {path.name for path in (tmp_path / "videos").iterdir()}
    of_methods = [what for what in asked if what[0] != REFERENCE]
    assert len(set(of_methods)) == len(of_methods)


def test_clips_are_chosen_by_name(tmp_path: Path, coded_run: Path, export_to: Export) -> None:
    clip = read_units(coded_run)[0]["clip"]
    export_to(tmp_path, clips=(clip,))
    assert {question.clip for question in read_study(tmp_path).questions} == {clip}


def test_ratings_show_the_original_beside_the_rated(tmp_path: Path, export_to: Export) -> None:
    export_to(tmp_path, kind="rating", pairs=("freeze,h264:crf20",))
    manifest = read_study(tmp_path)
    assert manifest.attributes == ("head_pose", "expression", "identity")
    assert {question.left.method for question in manifest.questions} == {REFERENCE}
    assert {question.right.method for question in manifest.questions if question.kind == "rating"} == {
        "freeze",
        "h264",
    }
    page = (tmp_path / "hit.html").read_text("utf-8")
    assert page.count('type="radio"') == manifest.slots * 3 * 5
    assert "rate the copy from 1 (worst) to 5 (best) for head pose" in (tmp_path / "README.md").read_text()


class Odd(Source):
    """Three frames, 67x45, of noise."""

    def frames(self) -> Iterator[Frames]:
        yield np.random.default_rng(0).integers(0, 256, (3, 45, 67, 3), np.uint8)

    def fingerprint(self) -> str:
        return "odd"


def test_an_odd_side_loses_its_last_line_and_a_wrong_length_is_an_error(tmp_path: Path) -> None:
    clip = Clip("odd", Odd(), 67, 45, Fraction(30000, 1001))
    video = Video("vab", REFERENCE, "", "odd", "", "", "", 3, 66, 44, "30000/1001")
    made = make_video(tmp_path, video, lambda *_: clip)
    seen = open_clip(file_of(tmp_path, video))
    assert (seen.width, seen.height, seen.fps) == (66, 44, clip.fps)
    assert len(made.sha256) == len(made.frames_sha256) == 64
    longer = Video("vcd", REFERENCE, "", "odd", "", "", "", 4, 66, 44, "30000/1001")
    with pytest.raises(StoreError, match="3 frames of 67x45, the run says 4"):
        make_video(tmp_path, longer, lambda *_: clip)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--pairs", "h265,freeze"], "unknown method of the run 'h265'; did you mean h264"),
        (
            ["--pairs", "h264:crf21,freeze"],
            "unknown point of h264 in the run 'crf21'; did you mean crf51 or crf20",
        ),
        (["--pairs", "freeze,h264", "--clip", "nobody"], "unknown clip of the run 'nobody'"),
        (["--pairs", "freeze,h264", "--votes", "0"], "--votes 0 is out of range"),
        (["--pairs", "freeze,h264", "--platform", "mturk"], "--platform mturk needs --base-url"),
        (
            ["--pairs", "freeze,h264", "--platform", "mturk", "--base-url", "http://a.b/"],
            "no plain https address",
        ),
        (
            ["--pairs", "freeze,h264", "--platform", "mturk", "--base-url", 'https://a.b/"><b>'],
            "no plain https",
        ),
        (["--pairs", "freeze,h264", "--platform", "prolific"], "invalid choice: 'prolific'"),
        ([], "--pairs"),
    ],
)
def test_a_wrong_command_is_one_line(
    coded_run: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], words: str
) -> None:
    platform = [] if "--platform" in arguments else ["--platform", "local"]
    assert main(["study", "export", str(coded_run), "--name", "study-wrong", *platform, *arguments]) == 2
    said = capsys.readouterr().err
    assert words in said
    assert said.count("\n") == 1
    assert not (coded_run / "study-wrong").exists()


def test_no_run_and_a_run_without_frames_are_refused(
    tmp_path: Path, coded_run: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command = ["study", "export", str(tmp_path / "run"), "--pairs", "freeze,h264", "--platform", "local"]
    assert main(command) == 2
    assert "expected a folder made by `bench run`" in capsys.readouterr().err
    shutil.copytree(coded_run, tmp_path / "run")
    for path in (tmp_path / "run" / "units").glob("*.json"):
        write_json(path, json.loads(path.read_text()) | {"stream": None, "decoded_sha256": None})
    assert main(command) == 2
    assert "holds no frames ('compression'), so there is nothing to show" in capsys.readouterr().err


def test_the_command_exports(coded_run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    command = [
        "study",
        "export",
        str(coded_run),
        "--name",
        "study-by-command",
        "--pairs",
        "h264:crf20,h264:crf51",
    ]
    assert main([*command, "--platform", "mturk", "--base-url", "https://a.example", "--seed", "3"]) == 0
    manifest = read_study(coded_run / "study-by-command")
    assert (manifest.seed, manifest.votes, manifest.base_url) == (3, 3, "https://a.example/")
    assert "questions (pair): 3; votes wanted: 9" in capsys.readouterr().out
