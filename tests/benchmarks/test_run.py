"""Runs as a user makes them, in processes of their own."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest
from talkbench.core.store import read_failures, read_frames, read_manifest, read_scores, read_units

Bench = Callable[..., "subprocess.CompletedProcess[str]"]
SMALL = ("--dataset", "testcard", "data.clips=2", "--frames", "6", "--size", "64", "run.workers=1")
H264 = ("run", "--methods", "h264", *SMALL, "methods.h264.crf=[24,40]")


def unit_times(run: Path) -> dict[str, int]:
    return {path.name: path.stat().st_mtime_ns for path in (run / "units").iterdir()}


@pytest.fixture
def copied(small_run: Path, tmp_path: Path) -> Path:
    """A copy of the finished run, to be spoilt."""
    return Path(shutil.copytree(small_run, tmp_path / "run"))


def test_a_run_leaves_what_the_store_promises(small_run: Path) -> None:
    scores = read_scores(small_run)
    assert set(scores["metric"]) == {"psnr", "bpp_motion", "bpp_total", "bpp_amortised"}
    assert len(scores) == 3 * 2 * 4
    assert pd.read_csv(small_run / "scores.csv").shape == scores.shape
    assert scores["value"].notna().all()
    assert scores["signature"].str.contains("version:").all()
    assert read_failures(small_run) == []
    manifest = read_manifest(small_run)
    assert [clip["frames"] for clip in manifest["dataset"]["clips"]] == [6, 6]
    for unit in read_units(small_run):
        stream = small_run / unit["stream"]["path"]
        assert stream.stat().st_size == unit["stream"]["bytes"] == sum(unit["stream"]["sizes"].values())
        assert (small_run / unit["video"]).is_file()
        frames = read_frames(small_run, unit["key"])
        assert list(frames["frame"]) == list(range(6))
        # Frame 0 is kept in the table and left out of the mean.
        assert unit["values"]["psnr"]["value"] == pytest.approx(frames["psnr"][1:].mean())
    assert not (small_run / ".scratch").exists()
    assert (small_run / "report" / "index.html").is_file()


def test_the_same_command_again_computes_nothing(bench: Bench, copied: Path) -> None:
    before = unit_times(copied)
    done = bench(*H264, "--metrics", "psnr,bpp", "--out", copied)
    assert done.returncode == 0, done.stderr
    assert "0 computed, 4 kept" in done.stdout
    assert unit_times(copied) == before


def test_other_methods_join_a_run(bench: Bench, copied: Path) -> None:
    done = bench("run", "--methods", "raw", *SMALL, "--metrics", "psnr,bpp", "--out", copied)
    assert done.returncode == 0, done.stderr
    scores = read_scores(copied)
    assert set(scores["method"]) == {"h264", "freeze", "raw"}
    assert (scores[(scores["method"] == "raw") & (scores["metric"] == "psnr")]["value"] == 100).all()


def test_score_adds_a_metric_without_encoding(bench: Bench, copied: Path) -> None:
    streams = {path: path.stat().st_mtime_ns for path in copied.glob("streams/**/*.tkb")}
    before = read_scores(copied)
    done = bench("score", copied, "--metrics", "ssim,kbps")
    assert done.returncode == 0, done.stderr
    after = read_scores(copied)
    assert {"ssim", "kbps_total"} <= set(after["metric"])
    assert {path: path.stat().st_mtime_ns for path in copied.glob("streams/**/*.tkb")} == streams
    old = after[after["metric"].isin(set(before["metric"]))]
    pd.testing.assert_frame_equal(
        *(
            table.sort_values(["method", "point", "clip", "metric"], ignore_index=True)
            for table in (old, before)
        )
    )
    assert "0 computed" in bench(*H264, "--metrics", "psnr,bpp", "--out", copied).stdout


def test_verify_names_the_stream_that_changed(bench: Bench, copied: Path) -> None:
    assert bench("verify", copied).returncode == 0
    victim = copied / "streams" / "h264" / "crf40" / "card1.tkb"
    data = bytearray(victim.read_bytes())
    data[-9] ^= 1
    victim.write_bytes(data)
    done = bench("verify", copied)
    assert done.returncode == 1
    assert done.stdout.splitlines()[0].startswith("streams/h264/crf40/card1.tkb:")
    assert "7 of 8" not in done.stdout
    assert "5 of 6" in done.stdout
    # The run's own command notices too, and makes that unit again.
    again = bench(*H264, "--metrics", "psnr,bpp", "--out", copied)
    assert "1 computed, 3 kept" in again.stdout
    assert bench("verify", copied).returncode == 0


def test_a_changed_setting_is_not_taken_from_the_cache(bench: Bench, copied: Path) -> None:
    done = bench(*H264, "methods.h264.preset=fast", "--metrics", "psnr,bpp", "--out", copied)
    assert "4 computed, 0 kept" in done.stdout
    scores = read_scores(copied)
    assert len(scores[(scores["method"] == "h264") & (scores["metric"] == "psnr")]) == 4
    assert bench("verify", copied).returncode == 0


def test_another_data_set_does_not_mix_in(bench: Bench, copied: Path) -> None:
    done = bench("run", "--methods", "h264", "--dataset", "testcard", "--frames", "4", "--out", copied)
    assert done.returncode == 2
    assert "choose another --out" in done.stderr


def test_two_runs_do_not_share_a_folder(bench: Bench, copied: Path) -> None:
    from filelock import FileLock

    with FileLock(copied / ".lock"):
        done = bench(*H264, "--metrics", "psnr,bpp", "--out", copied)
    assert done.returncode == 2
    assert "another run is writing" in done.stderr


@pytest.mark.usefixtures("odd")
def test_what_fails_is_recorded_and_the_rest_goes_on(bench: Bench, tmp_path: Path) -> None:
    ways = "encode-refuses,encode-raises,encode-crashes,decode-raises,decode-crashes,wrong-size,well"
    out = tmp_path / "run"
    done = bench(
        "run", "--methods", "odd,freeze", "--dataset", "testcard", "--frames", "3", "--size", "64",
        f"methods.odd.way=[{ways}]", "--metrics", "psnr,bpp", "--out", out,
    )  # fmt: skip
    assert done.returncode == 1, done.stderr
    assert "Traceback" not in done.stderr
    failed = {row["point"]: row for row in read_failures(out)}
    assert failed["encode-refuses"]["message"] == "it does not want to"
    assert "ZeroDivisionError" in failed["encode-raises"]["message"]
    assert "worker process died" in failed["encode-crashes"]["message"]
    assert "KeyError" in failed["decode-raises"]["message"]
    assert "ended with code 7" in failed["decode-crashes"]["message"]
    assert failed["wrong-size"]["stage"] == "decode"
    scores = read_scores(out)
    assert "freeze" in set(scores["method"])
    assert "well" in set(scores["point"])


@pytest.mark.slow
def test_kill_9_and_the_same_command_equal_an_uninterrupted_run(bench: Bench, tmp_path: Path) -> None:
    arguments = ["run", "--methods", "h264,h265", "--dataset", "testcard", "data.clips=3", "--frames", "40"]
    arguments += ["--metrics", "psnr,bpp", "run.workers=2", "run.videos=false", "--out"]
    killed, whole = tmp_path / "killed", tmp_path / "whole"
    command = [sys.executable, "-m", "talkbench", *arguments, str(killed)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + 120
    while len(list(killed.glob("units/*.json"))) < 3 and time.monotonic() < deadline:
        time.sleep(0.05)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    time.sleep(1)  # its workers notice that it is gone
    kept = {path.name: path.stat().st_mtime_ns for path in killed.glob("units/[0-9a-f]*.json")}
    total = len(read_manifest(killed)["units"])
    assert 3 <= len(kept) < total, "the kill came too late to test anything"
    done = bench(*arguments, killed)
    assert done.returncode == 0, done.stderr
    assert f"{total - len(kept)} computed, {len(kept)} kept" in done.stdout
    after = unit_times(killed)
    assert all(after[name] == stamp for name, stamp in kept.items()), "a finished unit was computed again"
    assert bench(*arguments, whole).returncode == 0
    assert (killed / "scores.csv").read_text() == (whole / "scores.csv").read_text()
    assert not list(killed.glob("**/.*.tmp"))
    assert not (killed / ".scratch").exists()


def test_the_manifest_repeats_the_run(bench: Bench, small_run: Path) -> None:
    manifest = json.loads((small_run / "manifest.json").read_text())
    assert manifest["command"][:2] == ["bench", "run"]
    assert manifest["config"]["methods"]["h264"]["crf"] == [24, 40]
    assert manifest["methods"]["h264"]["crf24"]["settings"]["crf"] == 24
    assert manifest["versions"]["talkbench"]
    assert manifest["metrics"]["psnr"]["definition"]
    assert manifest["finished"] >= manifest["created"]


@pytest.mark.slow
def test_a_ray_cluster_computes_the_same(bench: Bench, small_run: Path, tmp_path: Path) -> None:
    arguments = (
        "run",
        "--methods",
        "h264,freeze",
        *SMALL,
        "methods.h264.crf=[24,40]",
        "--metrics",
        "psnr,bpp",
    )
    done = bench(*arguments, "--executor", "ray", "--out", tmp_path / "run")
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "run" / "scores.csv").read_text() == (small_run / "scores.csv").read_text()
