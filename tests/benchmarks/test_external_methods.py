"""Codecs with command lines in a run: several side by side, each from a YAML of its own."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from talkbench.core import ffmpeg
from talkbench.core.store import read_failures, read_manifest, read_scores, read_units

Bench = Callable[..., "subprocess.CompletedProcess[str]"]
RUN = ("--dataset", "testcard", "data.clips=2", "--frames", "6", "--size", "64", "run.workers=1")
X264 = (
    "-c:v libx264 -threads 1 "
    "-x264-params bframes=0:rc-lookahead=0:sync-lookahead=0:mbtree=0:keyint=infinite:scenecut=0"
)


@pytest.fixture
def codecs(tmp_path: Path) -> dict[str, str]:
    """Two YAMLs: x264 by ffmpeg's own command line, and a codec whose decoder fails on one of the clips."""
    tool = f"{shlex.quote(ffmpeg.binary())} -v error"
    (tmp_path / "x264.yaml").write_text(
        f"x264:\n  method: external\n  quality: [24, 40]\n  syntax: h264\n"
        f"  encode: {tool} -i {{input}} {X264} -crf {{quality}} -f h264 {{stream}}\n"
        f"  decode: {tool} -f h264 -i {{stream}} -f yuv4mpegpipe {{output}}\n"
    )
    (tmp_path / "moody.py").write_text(
        "import hashlib, shutil, sys\n"
        "if hashlib.md5(open(sys.argv[1], 'rb').read()).digest()[0] % 2 == int(sys.argv[3]):\n"
        "    sys.exit('not in the mood')\n"
        "shutil.copy(sys.argv[1], sys.argv[2])\n"
    )
    copy = f"{shlex.quote(sys.executable)} -S {{root}}/moody.py"
    (tmp_path / "moody.yaml").write_text(
        f"moody:\n  method: external\n  encode: {copy} {{input}} {{stream}} 2\n"
        f"  decode: {copy} {{stream}} {{output}} {{quality}}\n  quality: [0, 1]\n"
    )
    return {path.stem: str(path) for path in tmp_path.glob("*.yaml")}


def test_several_side_by_side(bench: Bench, codecs: dict[str, str], tmp_path: Path) -> None:
    out = Path(os.path.relpath(tmp_path / "run"))  # commands run in folders of their own all the same
    methods = f"{codecs['x264']},h264,{codecs['moody']}"
    arguments = ("run", "--methods", methods, *RUN, "--metrics", "psnr,bpp", "methods.h264.crf=[24,40]")
    done = bench(*arguments, "--out", out)
    assert "not in the mood" in done.stderr
    assert done.returncode == 1
    failed = read_failures(out)
    assert {(row["method"], row["stage"]) for row in failed} == {("moody", "decode")}
    assert len(failed) == 2
    scores = read_scores(out)
    assert set(scores["method"]) == {"x264", "h264", "moody"}
    rates = scores.pivot_table(index=["method", "point", "clip"], columns="metric", values="value")
    apart, whole = rates.loc["x264"], rates.loc["moody"]
    assert (apart["bpp_motion"] < 0.9 * apart["bpp_total"]).all()
    assert (whole["bpp_motion"] > 0.99 * whole["bpp_total"]).all()
    # The same encoder, settings and pixels, by its own command line.
    mine, ours = (rates.loc[name]["bpp_motion"].groupby("point").sum() for name in ("x264", "h264"))
    assert mine["quality24"] == pytest.approx(ours["crf24"], rel=0.01)
    for unit in read_units(out):
        assert unit["stream"]["path"].startswith(f"streams/{unit['method']}/")
        if unit["method"] == "x264":
            assert ffmpeg.build().partition("/")[2] in unit["describe"]["files"]
    settings = read_manifest(out)["methods"]["x264"]["quality24"]["settings"]
    assert settings["method"] == "external"

    # What is stored is enough for the rest: the YAMLs are no longer needed.
    for path in codecs.values():
        Path(path).rename(f"{path}.away")
    checks = json.loads(bench("verify", out, "--json").stdout)
    assert sum(not check["wrong"] for check in checks) == len(checks) - 2
    assert bench("score", out, "--metrics", "ssim").returncode == 1
    assert (read_scores(out)["metric"] == "ssim").sum() == (scores["metric"] == "psnr").sum()


def test_one_video_there_and_back(
    bench: Bench, codecs: dict[str, str], tmp_path: Path, write_video: Callable[..., Path]
) -> None:
    video, stream = write_video(tmp_path / "a.mkv", size=64), tmp_path / "a.tkb"
    done = bench("encode", codecs["x264"], video, stream, "--point", "quality40")
    assert (done.returncode, done.stderr) == (0, "")
    assert "x264 quality40" in done.stdout
    refused = bench("decode", stream, tmp_path / "b.mkv")
    assert refused.returncode == 2
    assert "made by 'x264', which is not installed; if it is a YAML of your own, name it" in refused.stderr
    done = bench("decode", stream, tmp_path / "b.mkv", "--method", codecs["x264"])
    assert "12 frames of 64x64" in done.stdout
    other = bench("decode", stream, tmp_path / "c.mkv", "--method", codecs["moody"])
    assert "a stream of method 'x264' found, one of 'moody' expected" in other.stderr


@pytest.mark.skipif(sys.platform != "linux", reason="the kernel ends a dead worker's tools, on Linux only")
@pytest.mark.parametrize("slow", ["encode", "decode"])
def test_an_interrupted_run_leaves_no_tool_and_no_file(slow: str, tmp_path: Path) -> None:
    (tmp_path / "slow.py").write_text(
        "import os, pathlib, sys, time\n"
        "pathlib.Path(sys.argv[1]).with_suffix('.part').write_text('half')\n"
        f"pathlib.Path({str(tmp_path)!r}, 'pid').write_text(str(os.getpid()))\n"
        "time.sleep(300)\n"
    )
    (tmp_path / "copy.py").write_text("import shutil, sys\nshutil.copy(*sys.argv[1:])\n")
    tools = {"encode": "copy", "decode": "copy", slow: "slow"}
    python = f"{shlex.quote(sys.executable)} -S {{root}}"
    (tmp_path / "tool.yaml").write_text(
        f"tool:\n  method: external\n  encode: {python}/{tools['encode']}.py {{input}} {{stream}}\n"
        f"  decode: {python}/{tools['decode']}.py {{stream}} {{output}}\n"
    )
    out, scratch = tmp_path / "run", tmp_path / "tmp"
    scratch.mkdir()
    command = [sys.executable, "-m", "talkbench", "run", "--methods", str(tmp_path / "tool.yaml"), *RUN]
    process = subprocess.Popen(
        [*command, "--metrics", "psnr", "--out", str(out)],
        env={**os.environ, "TMPDIR": str(scratch)},
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    note = tmp_path / "pid"
    deadline = time.monotonic() + 300
    while not (note.is_file() and note.read_text()) and time.monotonic() < deadline:
        time.sleep(0.1)
    process.terminate()
    assert process.wait(timeout=300) == 143
    stat = Path("/proc", note.read_text(), "stat")
    while (stat.exists() or list(scratch.glob("talkbench-*"))) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert not stat.exists()
    assert list(scratch.glob("talkbench-*")) == []
    assert not (out / ".scratch").exists()
