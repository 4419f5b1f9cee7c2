"""The command's manners: instant, helpful, and never a traceback."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from talkbench.cli import main

COMMANDS = (
    "run", "list", "doctor", "score", "report", "verify", "encode", "decode", "data", "assets", "train",
    "study",
)  # fmt: skip
HEAVY = ("torch", "pandas", "scipy", "matplotlib", "hydra", "plotly", "lpips")

Run = Callable[..., "tuple[int, str, str]"]


@pytest.fixture
def bench(capsys: pytest.CaptureFixture[str]) -> Run:
    """Runs the command in this process; exit code, stdout, stderr."""

    def call(*arguments: object) -> tuple[int, str, str]:
        code = main([str(argument) for argument in arguments])
        out, err = capsys.readouterr()
        return code, out, err

    return call


@pytest.mark.parametrize("arguments", [["--help"], ["list"], ["list", "metrics"], ["run", "--help"]])
def test_looking_around_imports_nothing_heavy(arguments: list[str]) -> None:
    program = (
        "import sys\nfrom talkbench.cli import main\n"
        f"try:\n    main({arguments!r})\nexcept SystemExit:\n    pass\n"
        f"print([name for name in {HEAVY!r} if name in sys.modules], file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.stderr.strip() == "[]"


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_examples_in_its_help(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main([command, "--help"])
    assert ended.value.code == 0
    assert f"bench {command}" in capsys.readouterr().out.partition("examples:")[2]


def test_the_readme_names_every_command() -> None:
    text = (Path(__file__).parents[2] / "README.md").read_text()
    assert [command for command in COMMANDS if f"bench {command}" not in text] == []


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["run", "--methods", "h26x", "--dataset", "testcard"], "did you mean h26"),
        (["run", "--methods", "h264", "--dataset", "testcad"], "did you mean testcard"),
        (["run", "--methods", "h264", "--dataset", "testcard", "--metrics", "psrn"], "did you mean psnr"),
        (["run", "--methods", "h264", "--dataset", "testcard", "--benchmark", "compresion"], "compression"),
        (["run", "--methods", "h264", "--dataset", "testcard", "run.worker=2"], "did you mean run.workers"),
        (["run", "--methods", "h264", "--dataset", "testcard", "methods.h264.crv=[3]"], "methods.h264.crf"),
        (["run", "--methods", "h264", "--dataset", "testcard", "methods.h264.crf=[77]"], "77"),
        (["run", "--methods", "h264", "--dataset", "testcard", "methods.h264.crf=[]"], "no sweep"),
        (["run", "--methods", "h264", "--dataset", "testcard", "methods.h264.crf=[23,23]"], "distinct"),
        (["run", "--methods", "h264", "--dataset", "testcard", "methods.h264.crf=abc"], "abc"),
        (["run", "--methods", "h264", "--dataset", "testcard", "--executor", "lcal"], "local"),
        (["run", "--methods", "h264", "--dataset", "testcard", "--workers", "0"], "run.workers=0"),
        (["run", "--methods", "h264", "--dataset", "testcard", "--clips", "0"], "run.clips=0"),
        (["run", "--methods", "h264", "--dataset", "testcard", "--frames", "0"], "frames"),
        (["run", "--methods", "h264", "--dataset", "testcard", "--clips", "-1"], "clips"),
        (["run", "--methods", "", "--dataset", "testcard"], "no method given"),
        (["run", "--methods", "h264", "--dataset", "testcard", "nonsense"], "KEY=VALUE"),
        (["run", "--methods", "h264", "--dataset", "testcard", "--bogus"], "--bogus"),
        (["run", "--methods", "h264", "--dataset", "folder"], "data.root"),
        (["run", "--methods", "h264", "--dataset", "folder", "data.root=/no/such"], "/no/such"),
        (["run", "--dataset", "testcard"], "--methods"),
        (["lst"], "did you mean list"),
        (["score", "/no/such/run", "--metrics", "psnr"], "manifest.json is missing"),
        (["score", "/no/such/run", "--metrics", "psnr", "run.count_first=true"], "no setting of a metric"),
        (["verify", "/no/such/run"], "manifest.json is missing"),
        (["report", "/no/such/run"], "manifest.json is missing"),
        (["encode", "h264", "/no/such.mp4", "a.tkb"], "/no/such.mp4"),
        (["encode", "h264", __file__, "a.tkb"], "no video"),
        (["encode", "h264", __file__, "a.tkb", "--point", "crf99"], "unknown point"),
        (["decode", "/no/such.tkb", "a.mp4"], "/no/such.tkb"),
        (["decode", __file__, "a.mp4"], "not a .tkb stream"),
        (["decode", __file__, "a.avi"], ".mp4"),
        (["assets", "fetch", "lpips_alx"], "unknown asset"),
        (["data", "list", "folder"], "data.root"),
        (["data", "prepare", "sample"], "sample needs no preparation; data sets that do: folder, hdtf"),
        (["data", "prepare", "talkinghead1k"], "did you mean talkinghead1kh"),
        (["data", "prepare", "talkinghead1kh"], "data.root is not set"),
        (["data", "prepare", "talkinghead1kh", "--root", ".", "--videos", "/no/such"], "--videos /no/such"),
        (["data", "prepare", "talkinghead1kh", "--root", ".", "--workers", "0"], "--workers 0"),
        (["data", "prepare", "folder", "--root", ".", "--split", "val"], "unknown key 'data.split'"),
        (["data", "list", "sample", "--again"], "--again is for `bench data prepare`"),
        (["train", "h264", "--data", "."], "h264 has nothing to train; methods that have: "),
        (["train", "our", "--data", "."], "did you mean ours"),
        (["train", "ours", "--data", "/no/such"], "--data /no/such is no folder"),
        (["train", "ours", "--data", "."], "no training clips in ."),
        (["train", "ours", "--data", ".", "--hours", "-1"], "--hours -1.0 is out of range"),
        (["train", "ours", "--data", ".", "weights.pixl=3"], "did you mean weights.pixel"),
        (["train", "ours"], "--data"),
    ],
)
def test_wrong_use_is_one_line_and_2(
    bench: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str], words: str
) -> None:
    monkeypatch.chdir(tmp_path)
    code, _, err = bench(*arguments)
    assert code == 2, err
    assert words in err
    assert len(err.strip().splitlines()) == 1
    assert err.startswith("bench: ")
    assert not (tmp_path / "results").exists(), "wrong use must leave nothing behind"


def test_a_folder_that_cannot_be_written(bench: Run, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    arguments = ("run", "--methods", "h264", "--dataset", "testcard", "--frames", "3")
    code, _, err = bench(*arguments, "--out", tmp_path / "file" / "run")
    assert code == 2
    assert "choose another --out" in err


def test_encode_and_decode_with_the_clip_deleted(
    bench: Run, tmp_path: Path, write_video: Callable[..., Path]
) -> None:
    video = write_video(tmp_path / "a 'clip'; ünï.mkv", size=64)
    stream = tmp_path / "a.tkb"
    assert bench("encode", "h264", video, stream, "methods.h264.preset=fast")[0] == 0
    video.unlink()
    code, out, err = bench("decode", stream, tmp_path / "b.mkv")
    assert code == 0, err
    assert "12 frames of 64x64" in out


def test_lists_as_json(bench: Run) -> None:
    rows = json.loads(bench("list", "metrics", "--json")[1])
    assert {row["name"] for row in rows} >= {"psnr", "ssim", "ms_ssim", "lpips", "vmaf", "bpp", "kbps"}
    assert all(row["what"] and row["better"] in ("lower", "higher") and row["source"] for row in rows)
    tables = json.loads(bench("list", "--json")[1])
    assert {row["name"] for row in tables["methods"]} >= {
        "h264",
        "h265",
        "h266",
        "vp9",
        "av1",
        "raw",
        "freeze",
    }
    assert all(row["what"] for rows in tables.values() for row in rows)


def test_doctor_finds_this_machine_well(bench: Run) -> None:
    code, out, _ = bench("doctor", "--json")
    rows = {row["what"]: row for row in json.loads(out)}
    assert code == int(any(row["state"] != "ok" for row in rows.values()))
    assert rows["method h264"]["state"] == rows["method ours"]["state"] == "ok"
    assert re.match(r"\d{4}\.\d|not installed", rows["yt-dlp"]["found"])
    assert re.match(r"\d", rows["torch"]["found"])


def test_an_ffmpeg_without_encoders_is_found_before_the_run(tmp_path: Path) -> None:
    fake = tmp_path / "ffmpeg"
    fake.write_text("#!/bin/sh\necho 'ffmpeg version 1.0-none'\n")
    fake.chmod(0o755)
    program = "from talkbench.cli import main; import sys; sys.exit(main(sys.argv[1:]))"
    arguments = ["run", "--methods", "h264", "--dataset", "testcard", "--metrics", "psnr", "--out"]
    done = subprocess.run(
        [sys.executable, "-c", program, *arguments, str(tmp_path / "run")],
        capture_output=True,
        text=True,
        env={"TALKBENCH_FFMPEG": str(fake), "PATH": "/usr/bin:/bin"},
    )
    assert done.returncode == 2
    assert "bench doctor" in done.stderr
    assert not (tmp_path / "run" / "streams").exists()
