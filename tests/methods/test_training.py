"""A training from a folder of videos to a codec that runs, with a stop in between."""

from __future__ import annotations

import csv
import json
import os
import signal
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from talkbench.cli import main
from talkbench.core import bitstream
from talkbench.core.face_openings import LEFT_EYE, RIGHT_EYE
from talkbench.core.motion_statistics import MotionStatistics
from talkbench.methods.training import run
from talkbench.methods.training.loop import Trainer

pytestmark = pytest.mark.usefixtures("threads")

# Not thinner: at widths of 4 and 2 the backward pass of torch 2.15 on CPUs has corrupted memory.
NETWORKS = {
    "motion_size": 32, "appearance_widths": [8, 8, 8], "volume_channels": 8, "volume_depth": 4,
    "volume_blocks": 1, "canonical_widths": [8, 16], "canonical_bottleneck": 16, "canonical_levels": 2,
    "trunk_stem": 16, "trunk_widths": [16, 32], "trunk_blocks": [1, 1], "motion_widths": [8, 16],
    "generator_width": 16, "generator_blocks": 1, "generator_widths": [16, 8],
}  # fmt: skip
SETTINGS = (
    "frames=10", "stored_size=64", "report_every=2", "look_every=0", "warm_up=1", "weights.adversarial=0.1",
    "phases=[{until: 6, size: 64, batch: 2, rate: 1e-3}]", "pretraining={steps: 2, batch: 4}",
    f"networks={json.dumps(NETWORKS)}",
)  # fmt: skip


FILES = {"weights": "safetensors", "statistics": "npz"}


class Faces:
    """Stands for the landmarker: a test card shows no face, so one is made up from each picture's mean."""

    def __init__(self):
        self.dice = np.random.default_rng(0)
        self.points = self.dice.uniform(0.2, 0.8, (478, 2)).astype(np.float32)
        self.points[[10, 152]] = [0.5, 0.2], [0.5, 0.9]
        for outer, inner, _ in (RIGHT_EYE, LEFT_EYE):
            self.points[[outer, inner]] = [0.3, 0.4], [0.5, 0.4]

    def __enter__(self):
        return self

    def __exit__(self, *error):
        pass

    def __call__(self, frame):
        return {
            "landmarks": self.points + self.dice.normal(scale=0.01, size=(478, 2)).astype(np.float32),
            "blendshapes": self.dice.random(52).astype(np.float32),
            "rotation": np.eye(3, dtype=np.float32),
        }


@pytest.fixture
def people(tmp_path, write_video, monkeypatch):
    """A folder with a clip of each of three people, and no need of the network or of mediapipe."""
    folder = tmp_path / "people"
    folder.mkdir()
    for number in range(3):
        noise = np.random.default_rng(number).integers(0, 256, (12, 96, 80, 3), np.uint8)
        write_video(folder / f"p{number}.mkv", frames=noise)
    torch.manual_seed(0)
    kernels = ((3, 8, 11, 4, 2), (8, 8, 5, 1, 2), (8, 8, 3, 1, 1), (8, 8, 3, 1, 1), (8, 8, 3, 1, 1))
    trunk = [
        {"weight": torch.randn(o, i, k, k) / k, "bias": torch.zeros(o), "stride": s, "padding": p}
        for i, o, k, s, p in kernels
    ]
    lpips = tmp_path / "lpips.pt"
    pools = [False, True, True, False, False]
    torch.save({"trunk": trunk, "lin": [torch.rand(8)] * 5, "pool_before": pools}, lpips)
    monkeypatch.setenv("TALKBENCH_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(run, "present", lambda asset: True)
    monkeypatch.setattr(run, "fetch", lambda *assets: [lpips] * len(assets))
    monkeypatch.setattr(run, "Landmarker", Faces)
    return folder


@pytest.fixture
def command(people, tmp_path):
    return ["train", "ours", "--data", str(people), "--out", str(tmp_path / "out"), *SETTINGS]


def killed_at(step):
    """A training step that a power cut ends."""
    real = Trainer.train_step

    def train_step(self, *arguments):
        if self.step == step:
            raise RuntimeError("power is gone")
        return real(self, *arguments)

    return train_step


def losses(folder):
    """What was logged, but for what depends on the clock."""
    with (folder / "losses.csv").open() as file:
        rows = list(csv.DictReader(file))
    return [{k: v for k, v in row.items() if k not in ("hours", "pictures_per_second")} for row in rows]


@pytest.mark.slow
def test_a_training_goes_on_after_a_kill_and_gives_a_codec(command, people, tmp_path, monkeypatch, capsys):
    out = tmp_path / "out"
    with monkeypatch.context() as until_then:
        until_then.setattr(Trainer, "train_step", killed_at(5))
        with pytest.raises(RuntimeError, match="power is gone"):
            main(command)
    assert not list(out.glob("*.safetensors"))
    assert capsys.readouterr().out.count("prepared p") == 3

    assert main(command) == 0
    said = capsys.readouterr().out
    assert "going on from step 4" in said
    assert "prepared p" not in said
    assert [row["step"] for row in losses(out)] == ["2", "4", "6"]
    with Image.open(out / "sheets" / "0000006.png") as sheet:
        assert sheet.size[0] == 6 * 128
    card = (out / "ours-own.md").read_text()
    assert "data: 2 clips of 2 people" in card
    assert "adversarial: 0.1" in card

    files = [f"methods.ours.{key}={out / f'ours-own.{end}'}" for key, end in FILES.items()]
    stream, video = tmp_path / "a.tkb", tmp_path / "a.mkv"
    assert main(["encode", "ours", str(people / "p0.mkv"), str(stream), "--point", "predictive", *files]) == 0
    assert bitstream.sizes(stream.read_bytes())["motion"] > 0
    assert main(["decode", str(stream), str(video)]) == 2
    assert "the stream was made with weights" in capsys.readouterr().err
    assert main(["decode", str(stream), str(video), *files]) == 0
    assert "12 frames of 80x96" in capsys.readouterr().out

    # All is done: the same command only exports again.
    assert main(command) == 0
    assert "step 6 of 6" not in capsys.readouterr().out
    # Other networks cannot go on from here.
    assert main([*command, "networks.keypoints=15"]) == 2
    assert "other networks than these settings define" in capsys.readouterr().err

    # A training that was not killed saw the same pictures and learnt the same.
    command[command.index("--out") + 1] = str(tmp_path / "straight")
    assert main(command) == 0
    assert losses(tmp_path / "straight") == losses(out)


@pytest.mark.slow
def test_ctrl_c_exports_what_there_is(command, tmp_path, monkeypatch):
    step = Trainer.train_step

    def interrupted(self, *arguments):
        if self.step == 2:
            os.kill(os.getpid(), signal.SIGINT)
        return step(self, *arguments)

    monkeypatch.setattr(Trainer, "train_step", interrupted)
    assert main(command) == 130
    out = tmp_path / "out"
    assert (out / "ours-own.safetensors").exists()
    assert torch.load(out / "latest.pt", weights_only=True)["step"] < 6


@pytest.mark.slow
def test_given_weights_get_their_statistics_and_can_be_gone_on_from(
    people, networks, tmp_path, capsys, make_method, testcard, whole
):
    given = Path(networks["ours"]["weights"])
    command = ["train", "ours", "--data", str(people), "--from", str(given)]
    settings = [one for one in SETTINGS if not one.startswith("networks")]

    out = tmp_path / "learnt"
    emphatic = [*settings, "emphasis={eyes: 1.4, mouth: 1.2}"]
    assert main([*command, "--out", str(out), "--hours", "0", *emphatic]) == 0
    statistics = out / "ours.npz"
    assert [file.name for file in out.iterdir()] == [statistics.name]
    assert f"methods.ours.statistics={statistics}" in capsys.readouterr().out
    learnt = MotionStatistics.load(statistics)
    assert learnt.cross.shape == learnt.emphasis.shape == (66, 66)
    assert np.array_equal(learnt.emphasis[:6], np.eye(66)[:6])  # the head's pose is what it is
    assert np.trace(learnt.emphasis) == pytest.approx(66 + 0.4 + 0.2, abs=1e-3)
    method = make_method("ours", point="k20", weights=str(given), statistics=str(statistics))
    assert len(whole(method.decode(method.encode(testcard)))) == 12

    out = tmp_path / "further"
    assert main([*command, "--out", str(out), *settings]) == 0
    said = capsys.readouterr().out
    assert "L, H and Δ" not in said  # what the weights know is not taught again
    assert (out / "ours-own.safetensors").read_bytes() != given.read_bytes()
    assert main([*command, "--out", str(out), *SETTINGS]) == 2
    assert "exclude each other" in capsys.readouterr().err


def test_no_hours_need_something_trained(people, networks, tmp_path, capsys):
    command = ["train", "ours", "--data", str(people), "--out", str(tmp_path / "none"), "--hours", "0"]
    assert main(command) == 2
    assert "give --from WEIGHTS too" in capsys.readouterr().err
    assert main([*command, "--from", networks["fomm"]["weights"]]) == 2
    assert "holds no weights of `ours`" in capsys.readouterr().err


def test_one_person_is_not_enough(people, capsys):
    for number in (1, 2):
        (people / f"p{number}.mkv").unlink()
    assert main(["train", "ours", "--data", str(people)]) == 2
    assert "training needs clips of two people at least" in capsys.readouterr().err


def test_clips_without_a_face_are_named_and_left_out(command, people, monkeypatch, capsys):
    monkeypatch.setattr(Faces, "__call__", lambda self, frame: None)
    (people / "broken.mp4").write_bytes(b"no video")
    assert main(command) == 2
    said = capsys.readouterr()
    assert said.out.count("shows a face in fewer than two frames") == 3
    assert "left out: " in said.out
    assert "none of the 4 clips shows a face" in said.err
