"""The parts of the training of face-vid2vid."""

from __future__ import annotations

import os
import re
import socket

import numpy as np
import pytest
import torch
import yaml
from talkbench.core.errors import UsageError
from talkbench.core.face_openings import LEFT_EYE, RIGHT_EYE
from talkbench.methods.face_vid2vid.geometry import euler_to_matrix, matrix_to_euler
from talkbench.methods.face_vid2vid.training import losses
from talkbench.methods.face_vid2vid.training.face_vid2vid import FaceVid2VidTraining
from talkbench.methods.few_shot_vid2vid.landmarks import LANDMARKS, MIRROR
from talkbench.methods.few_shot_vid2vid.training.few_shot import FewShotTraining
from talkbench.methods.first_order_motion.training.first_order_motion import FirstOrderMotionTraining
from talkbench.methods.training import labels, log, settings
from talkbench.methods.training.adversary import Adversary
from talkbench.methods.training.average import Average
from talkbench.methods.training.clips import TrainingClip
from talkbench.methods.training.distortion import Distortion
from talkbench.methods.training.footage import Footage, footage, held_out
from talkbench.methods.training.picture_terms import zoom
from talkbench.methods.training.prepare import square_crop
from talkbench.methods.training.sampler import Sampler, batches, join, take
from talkbench.methods.training.schedule import phase_at
from talkbench.methods.training.settings import Augmentation, Phase, TrainSettings
from talkbench.methods.training.window import Window
from talkbench.methods.training.workers import Workers

pytestmark = pytest.mark.usefixtures("threads")

EYES = RIGHT_EYE, LEFT_EYE


TRAININGS = {"ours": FaceVid2VidTraining, "fomm": FirstOrderMotionTraining, "fs_vid2vid": FewShotTraining}


def read_settings(overrides):
    return settings.read_settings(FaceVid2VidTraining(), overrides)


def test_mirrored_blendshapes_mirror_back():
    assert (labels.BLENDSHAPE_MIRROR[labels.BLENDSHAPE_MIRROR] == np.arange(52)).all()
    targets = np.random.rand(3, 55)
    assert np.allclose(labels.mirror_targets(labels.mirror_targets(targets)), targets)


def test_a_cut_moves_pictures_and_points_alike():
    picture = torch.zeros(1, 3, 64, 64)
    picture[:, :, 20, 40] = 1
    point = np.array([[(40.5) / 32 - 1, (20.5) / 32 - 1]])
    for mirror in (False, True):
        window = Window(0.8, 0.15, np.array([0.1, -0.1]), mirror)
        out = window.cut(picture, 64)[0, 0]
        y, x = divmod(int(out.argmax()), 64)
        moved = (window.move(point)[0] + 1) * 32
        assert abs(moved[0] - x - 0.5) < 1
        assert abs(moved[1] - y - 0.5) < 1


def test_a_lens_bends_pictures_and_points_alike():
    dice = np.random.default_rng(5)
    for mirror in (False, True):
        lens = dice.normal(scale=0.05, size=(4, 4, 2))
        window = Window(0.8, 0.15, np.array([0.1, -0.1]), mirror, lens)
        straight = Window(0.8, 0.15, np.array([0.1, -0.1]), mirror)
        places = dice.uniform(-0.5, 0.5, size=(5, 2))
        assert np.abs(window.move(places) - straight.move(places)).max() > 0.02
        for place in places:
            column, row = np.floor((place + 1) * 64).astype(int)
            picture = torch.zeros(1, 3, 128, 128)
            picture[..., row, column] = 1
            out = window.cut(picture, 128)[0, 0]
            y, x = divmod(int(out.argmax()), 128)
            centre = (np.array([column, row]) + 0.5) / 64 - 1
            moved = (window.move(centre[None])[0] + 1) * 64
            assert np.abs(moved - (x + 0.5, y + 0.5)).max() < 1.5


def test_a_flat_lens_changes_nothing():
    picture, points = torch.rand(2, 3, 32, 32), np.random.rand(7, 2) - 0.5
    plain, flat = (Window(0.9, 0.1, np.zeros(2), True, lens) for lens in (None, np.zeros((4, 4, 2))))
    assert torch.allclose(plain.cut(picture, 32), flat.cut(picture, 32), atol=1e-6)
    assert np.allclose(plain.move(points), flat.move(points))


@pytest.mark.parametrize("mirror", [False, True])
def test_a_cut_turns_the_head_with_the_picture(mirror):
    window = Window(1.0, np.deg2rad(10), np.zeros(2), mirror)
    rotation = euler_to_matrix(torch.tensor([[20.0, 5.0, 0.0]])).numpy()
    turned = window.turn(rotation)
    assert np.allclose(turned @ turned.transpose(0, 2, 1), np.eye(3), atol=1e-5)
    # The nose's direction on the picture moves as any other vector on it.
    nose = rotation[0, :2, 2]
    assert np.allclose(turned[0, :2, 2], window.move(nose[None])[0], atol=1e-5)
    yaw = float(matrix_to_euler(torch.from_numpy(turned))[0, 0])
    assert (yaw < 0) == mirror


def test_mirrored_landmarks_mirror_back_and_take_the_other_side():
    mirror = labels.MESH_MIRROR
    assert (mirror[mirror] == np.arange(478)).all()
    right, left = ([outer, inner, *np.ravel(lids)] for outer, inner, lids in EYES)
    assert mirror[right].tolist() == left
    # What a codec sends of the mesh is mirrored by a table of its own.
    assert [LANDMARKS[place] for place in MIRROR] == mirror[list(LANDMARKS)].tolist()


def test_keypoints_on_their_landmarks_cost_nothing():
    landmarks = torch.rand(2, 478, 2)
    keypoints = torch.cat([landmarks[:, labels.ANCHORS], torch.rand(2, 20, 1)], -1)
    assert float(losses.anchor(keypoints, landmarks)) == 0
    assert float(losses.anchor(keypoints[:, :15] + 0.5, landmarks)) == pytest.approx(0.5)
    assert float(losses.anchor(torch.cat([keypoints, keypoints + 9], 1), landmarks)) == 0


def test_keypoint_prior_of_distant_points_is_their_depth():
    points = torch.tensor([[[0.0, 0, 0.33], [1, 0, 0.33], [0, 1, 0.33]]])
    assert float(losses.keypoint_prior(points)) == pytest.approx(0, abs=1e-6)
    assert float(losses.keypoint_prior(points + 0.1)) == pytest.approx(0.1, abs=1e-6)
    assert float(losses.keypoint_prior(torch.zeros(1, 2, 3))) == pytest.approx(0.2 + 0.33, abs=1e-6)


def test_distortion_maps_points_as_it_maps_pictures():
    generator = torch.Generator().manual_seed(3)
    distortion = Distortion(1, generator)
    axis = (torch.arange(64) * 2 + 1) / 64 - 1
    picture = torch.stack([axis.expand(64, 64), axis[:, None].expand(64, 64)])[None]
    out = distortion.apply(picture)
    where = torch.tensor([[[float(axis[30]), float(axis[25])]]])
    assert torch.allclose(out[0, :, 25, 30], distortion.map(where)[0, 0], atol=0.02)


def test_zoom_of_the_whole_is_the_whole():
    picture = torch.rand(2, 3, 16, 16)
    whole = torch.tensor([[0, 0, 15 / 16, 15 / 16]]).expand(2, 4)
    assert torch.allclose(zoom(picture, whole, 16, 16), picture, atol=1e-5)


@pytest.mark.parametrize("method", ["ours", "fomm", "fs_vid2vid"])
def test_every_recipe_is_one(method):
    training = TRAININGS[method]()
    recipes = [file.stem for file in training.recipes.glob("*.yaml")]
    assert "small" in recipes
    for recipe in recipes:
        read = settings.read_settings(training, [f"recipe={recipe}"])
        assert read.phases[-1].size >= 256
        assert settings.configured(training, read) == training.sizes[read.model]


def test_phases_follow_each_other():
    plan = TrainSettings(phases=[Phase(10, 128, 8, 1.0), Phase(20, 256, 4, 1.0, 0.0)], warm_up=1)
    assert phase_at(plan, 9)[0].size == 128
    phase, rate = phase_at(plan, 15)
    assert phase.size == 256
    assert rate == pytest.approx(0.5)


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("sed=3", "unknown key 'sed'; did you mean seed"),
        ("weights.pixl=5", "did you mean weights.pixel"),
        ("recipe=smal", "unknown recipe 'smal'; did you mean small"),
        ("seed=x", "training settings cannot be read: Value 'x'"),
        ("phases=[]", "trains nothing"),
        ("phases=[{until: 9, size: 512, batch: 2, rate: 1e-3}]", "set stored_size=512"),
        ("phases=[{until: 9, size: 32, batch: 2, rate: 1e-3}]", "sizes are 64 or more"),
        ("networks.keypoint=3", "did you mean networks.keypoints"),
        ("networks.keypoints=x", "has the wrong type"),
        ("model=large", "unknown model 'large'"),
        ("networks.blend=false", "networks: largest=256 without blend would give pictures of another size"),
        ("augmentation.zoom=0", "augmentation.zoom=0.0 is out of range; give a number from 0.05 to 1"),
        (
            "augmentation.zoom_out=0.5",
            "augmentation.zoom_out=0.5 is out of range; give a number from 0.65 to 3",
        ),
        ("augmentation.zoom_out=9", "augmentation.zoom_out=9.0 is out of range"),
        ("augmentation.lens=0.5", "augmentation.lens=0.5 is out of range; give a number from 0 to 0.06"),
        ("augmentation.lens=-0.01", "augmentation.lens=-0.01 is out of range"),
        ("augmentation.rotation=.nan", "augmentation.rotation=nan is out of range"),
        ("augmentation.contrast=2", "augmentation.contrast=2.0 is out of range; give a number from 0 to 1"),
        ("betas=[0.5]", "are not two"),
        ("loud", "write KEY=VALUE"),
    ],
)
def test_wrong_settings_are_told(override, message):
    with pytest.raises(UsageError, match=re.escape(message)):
        read_settings([override])


def test_settings_change_a_recipe_and_repeat_from_their_file(tmp_path):
    changed = read_settings(["weights.pixel=5", "networks.keypoints=15", "held_out=[anna,ben]"])
    assert changed.weights.pixel == 5
    assert changed.weights.anchor == 20  # the recipe's
    assert settings.configured(FaceVid2VidTraining(), changed).keypoints == 15
    assert changed.held_out == ["anna", "ben"]
    file = tmp_path / "again.yaml"
    file.write_text(yaml.safe_dump(changed.to_dict()))
    assert read_settings([f"recipe={file}"]) == changed


def test_a_subfolder_shows_one_person(tmp_path):
    for name in ("anna/1.mp4", "anna/2.MOV", "ben.mkv", "notes.txt", ".hidden/3.mp4"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    found = [(clip.path.name, clip.identity) for clip in footage(tmp_path)]
    assert found == [("1.mp4", "anna"), ("2.MOV", "anna"), ("ben.mkv", "ben")]


def test_a_manifest_says_who_and_where(tmp_path):
    for name in ("a.mp4", "b.mp4", "c.mp4", "d.mp4"):
        (tmp_path / name).touch()
    table = tmp_path / "MANIFEST.csv"
    table.write_text(
        "file,split,identity,face_box_union\na.mp4,train,anna,1 2 30 40\nb.mp4,test,ben,1 2 3 4\n"
        "c.mp4,train,cid,\nd.mp4,train,,5 6 7 8\n"
    )
    assert footage(tmp_path) == [
        Footage(tmp_path / "a.mp4", "anna", (1, 2, 30, 40)),
        Footage(tmp_path / "d.mp4", "d", (5, 6, 7, 8)),
    ]
    table.write_text("file\na.mp4\nb.mp4\n")
    assert [clip.identity for clip in footage(tmp_path)] == ["a", "b"]
    for text, message in [
        ("path\na.mp4\n", "has no column file"),
        ("file\nnone.mp4\n", "names none.mp4, which is not there"),
        ("file,face_box_union\na.mp4,1 2\n", "face_box_union '1 2'"),
    ]:
        table.write_text(text)
        with pytest.raises(UsageError, match=re.escape(message)):
            footage(tmp_path)


def test_a_tenth_of_the_people_is_held_out():
    people = [f"p{number}" for number in range(30)]
    chosen = held_out(people, [])
    assert len(chosen) == 3
    assert chosen == held_out(people[::-1] + people, [])
    assert held_out(people, ["p4"]) == ["p4"]
    for named, message in [(["q"], "names q, of whom there are no clips"), (people, "two people at least")]:
        with pytest.raises(UsageError, match=message):
            held_out(people, named)


@pytest.mark.parametrize("box", [(0, 0, 10, 10), (90, 40, 99, 49), (0, 0, 100, 50), (40, 20, 60, 30)])
def test_a_crop_is_a_square_inside_the_picture(box):
    x, y, side = square_crop(box, 100, 50)
    assert min(x, y) >= 0
    assert x + side <= 100
    assert y + side <= 50


def test_a_log_forgets_what_is_done_anew(tmp_path):
    table = tmp_path / "losses.csv"
    for step in (2, 4, 6):
        log.append(table, {"step": step, "loss": 1.5})
    log.forget_after(table, 4)
    log.append(table, {"step": 6, "loss": 0.5})
    assert [(row["step"], row["loss"]) for row in log.rows(table)] == [
        ("2", "1.5"),
        ("4", "1.5"),
        ("6", "0.5"),
    ]
    log.append(table, {"step": 8, "other": 1})
    assert len(list(tmp_path.glob("losses.*.csv"))) == 1


def people(**counts):
    """So many clips of each: noise whose brightness says who it is, with labels by lot."""
    dice = np.random.default_rng(0)
    return [
        TrainingClip(
            video=None,
            identity=name,
            frames=dice.integers(100 * number, 100 * number + 50, (9, 32, 32, 3)).astype(np.uint8),
            landmarks=dice.uniform(-0.5, 0.5, (9, 478, 2)),
            rotation=np.tile(np.eye(3), (9, 1, 1)),
            expression=dice.random((9, 55)),
            valid=np.arange(1, 9),
            eyes=dice.random(8),
            mouth=dice.random(8),
        )
        for number, (name, count) in enumerate(counts.items())
        for _ in range(count)
    ]


def test_people_are_drawn_evenly_however_many_their_clips():
    clips = people(anna=9, ben=1)
    still = Augmentation(brightness=0, contrast=0, colour=0)
    batch = Sampler(clips, still).batch(400, 32, np.random.default_rng(0))
    assert 150 < int((batch.driving.mean((1, 2, 3)) > 75 / 255).sum()) < 250


def test_a_step_sees_the_same_pairs_whenever_the_training_began():
    clips, plan = people(anna=2, ben=1), TrainSettings(phases=[Phase(9, 32, 2, 1.0)])
    begun, later = (batches(clips, plan, start, Workers()) for start in (0, 3))
    first = [next(begun) for _ in range(5)]
    assert torch.equal(first[3].source, next(later).source)
    assert torch.equal(first[4].landmarks, next(later).landmarks)
    assert not torch.equal(first[3].source, first[4].source)


def test_loaders_bring_the_same_pairs_in_order(monkeypatch):
    clips, plan = people(anna=1), TrainSettings(phases=[Phase(9, 32, 2, 1.0)])
    alone = batches(clips, plan, 0, Workers())
    monkeypatch.setattr(Workers, "loaders", 2)
    helped = batches(clips, plan, 0, Workers())
    for _ in range(5):
        assert torch.equal(next(alone).driving, next(helped).driving)


def test_a_batch_moves_whole():
    clip = people(anna=1)[0]
    batch = take(clip, 1, 2, Window(1.0, 0.0, np.zeros(2), False), 16)
    assert join([batch, batch]).boxes.shape == (2, 2, 4)
    assert batch.to(torch.device("cpu")).landmarks.shape == (1, 2, 478, 2)
    assert np.allclose(batch.landmarks[0], clip.landmarks[[1, 2]], atol=1e-6)


def _learn(rank, folder):
    os.environ.update(
        RANK=str(rank), WORLD_SIZE="2", MASTER_ADDR="localhost", MASTER_PORT=(folder / "port").read_text()
    )
    workers = Workers()
    layer = torch.nn.Linear(2, 1)
    torch.nn.init.constant_(layer.weight, rank)
    done = workers.follow(layer, flag=rank == 0)
    (layer(torch.full((1, 2), 1.0 + rank))).sum().backward()
    stop = workers.average(layer.parameters(), rank == 1)
    torch.save([done, stop, layer.weight.detach(), layer.weight.grad], folder / f"{rank}.pt")
    workers.close()


@pytest.mark.slow
def test_workers_share_their_gradients(tmp_path):
    with socket.socket() as free:
        free.bind(("localhost", 0))
        (tmp_path / "port").write_text(str(free.getsockname()[1]))
    torch.multiprocessing.spawn(_learn, (tmp_path,), nprocs=2)
    for rank in range(2):
        done, stop, weight, grad = torch.load(tmp_path / f"{rank}.pt")
        assert done
        assert stop
        assert weight.tolist() == [[0.0, 0.0]]  # the first worker's
        assert grad.tolist() == [[1.5, 1.5]]


def test_an_adversary_learns_to_tell_pictures_apart():
    torch.manual_seed(0)
    adversary = Adversary(torch.device("cpu"), [0.5, 0.999])
    real, painted = torch.rand(2, 3, 32, 32), torch.full((2, 3, 32, 32), 0.5, requires_grad=True)
    judged = []
    for _ in range(8):
        terms = adversary.terms(painted, real, 1e-3, Workers())
        judged.append(adversary.judged)
    assert judged[-1] < judged[0]
    terms["adversarial"].backward()
    assert painted.grad is not None
    assert all(p.grad is None or p.requires_grad for p in adversary.network.parameters())
    assert float(adversary.terms(real, real, 0.0, Workers())["features"]) < 1e-3


def test_an_average_forgets_its_start_and_then_hardly_moves():
    layer = torch.nn.Linear(1, 1, bias=False)
    torch.nn.init.constant_(layer.weight, 0.0)
    average = Average(layer, 0.99)
    torch.nn.init.constant_(layer.weight, 1.0)
    for step in range(20):
        average.update(layer, step)
    assert float(average.model.weight) > 0.9
    torch.nn.init.constant_(layer.weight, 0.0)
    average.update(layer, 100_000)
    assert float(average.model.weight) > 0.89
