"""Somebody's decoded videos in a run: scored beside codecs, and marked wherever they are shown."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest
from talkbench.core.store import read_failures, read_manifest, read_scores, read_units

Bench = Callable[..., "subprocess.CompletedProcess[str]"]
RUN = ("--dataset", "testcard", "data.clips=2", "--frames", "6", "--size", "64", "run.workers=1")


@pytest.fixture
def decoded(bench: Bench, tmp_path: Path) -> Path:
    """What h264 decodes at one point, without loss, as if by somebody else, with the streams' sizes."""
    out, root = tmp_path / "h264", tmp_path / "theirs"
    arguments = ("run", "--methods", "h264", *RUN, "--metrics", "psnr,bpp", "methods.h264.crf=[30]")
    assert bench(*arguments, "--out", out).returncode == 0
    (root / "q30" / "bits").mkdir(parents=True)
    for stream in out.glob("streams/h264/crf30/*.tkb"):
        assert bench("decode", stream, root / "q30" / f"{stream.stem}.mkv").returncode == 0
        (root / "q30" / "bits" / f"{stream.stem}.264").write_bytes(stream.read_bytes())
    return root


def test_scored_as_the_codec_that_made_them_and_marked(bench: Bench, decoded: Path, tmp_path: Path) -> None:
    (tmp_path / "theirs.yaml").write_text(
        f"theirs:\n  method: precomputed\n  root: {decoded.name}\n  folder: [q30]\n  streams: bits\n"
    )
    out = tmp_path / "run"
    arguments = ("run", "--methods", f"{tmp_path}/theirs.yaml,h264", *RUN, "methods.h264.crf=[30]")
    done = bench(*arguments, "--metrics", "psnr,bpp,decode_ms", "--out", out)
    assert (done.returncode, done.stderr) == (0, "")
    scores = read_scores(out).pivot_table(
        index=["method", "point", "clip"], columns="metric", values="value", dropna=False
    )
    theirs, ours = scores.loc["theirs", "unsealed-q30"], scores.loc["h264", "crf30"]
    pd.testing.assert_series_equal(theirs["psnr"], ours["psnr"])
    pd.testing.assert_series_equal(theirs["bpp_total"], ours["bpp_total"])
    pd.testing.assert_series_equal(theirs["bpp_motion"], ours["bpp_total"], check_names=False)
    assert theirs["decode_ms"].isna().all()

    for unit in read_units(out):
        assert unit["sealed"] == (unit["method"] == "h264")
        assert (unit["stream"] is None) != unit["sealed"]
        if not unit["sealed"]:
            assert unit["stated"]["origin"].startswith(f"{unit['clip']}.264, sha256 ")
            assert unit["values"]["decode_ms"]["reason"].startswith("coded and decoded elsewhere")
    described = read_manifest(out)["methods"]
    assert described["theirs"]["unsealed-q30"]["sealed"] is False
    assert described["h264"]["crf30"]["sealed"] is True
    page = (out / "report" / "index.html").read_text()
    assert "Not sealed: theirs." in page
    assert "Not sealed: h264." not in page
    assert "unsealed-q30" in (out / "report" / "summary.md").read_text()

    again = bench(*arguments, "--metrics", "psnr,bpp,decode_ms", "--out", out)
    assert "0 computed, 4 kept" in again.stdout
    assert bench("score", out, "--metrics", "ssim").returncode == 0
    assert "2 of 2 streams are as recorded" in bench("verify", out).stdout
    assert (
        "codes nothing, it is for `bench run`"
        in bench("encode", f"{tmp_path}/theirs.yaml", decoded / "q30" / "card0.mkv", "x").stderr
    )


def test_missing_and_unfit_videos_are_failures_of_their_own(
    bench: Bench, decoded: Path, tmp_path: Path
) -> None:
    folder, out = decoded / "q30", tmp_path / "run"
    (folder / "card1.mkv").unlink()
    arguments = (
        "run",
        "--methods",
        "precomputed",
        *RUN,
        "--metrics",
        "psnr,bpp",
        f"methods.precomputed.root={folder}",
    )
    done = bench(*arguments, "--out", out)
    assert done.returncode == 1
    (failed,) = read_failures(out)
    assert (failed["clip"], failed["stage"]) == ("card1", "read")
    assert "one video of clip 'card1' is expected" in failed["message"]
    scores = read_scores(out)
    assert scores[scores["metric"] == "psnr"]["value"].notna().all()
    assert scores[scores["metric"] == "bpp_total"]["value"].isna().all()
    assert "no bytes are stated" in (out / "report" / "index.html").read_text()

    shorter = bench(*arguments, "--frames", "5", "--out", tmp_path / "short")
    assert "6 frames of 64x64 came out, 5 of 64x64 went in" in shorter.stderr
    # Another picture under the same name is noticed.
    (folder / "card0.mkv").write_bytes(
        (tmp_path / "h264").joinpath("report/videos/reference/card0.mp4").read_bytes()
    )
    assert "no longer those of the run" in bench("score", out, "--metrics", "ssim").stderr
