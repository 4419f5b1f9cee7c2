"""How the first-order motion model is trained: its loss terms, and the detector's start from landmarks."""

from __future__ import annotations

from dataclasses import asdict, replace
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from talkbench.methods.face_vid2vid.training.losses import ANCHORS
from talkbench.methods.first_order_motion.config import SMALL
from talkbench.methods.first_order_motion.detector import Keypoints
from talkbench.methods.first_order_motion.geometry import cells
from talkbench.methods.first_order_motion.training.first_order_motion import FirstOrderMotionTraining
from talkbench.methods.first_order_motion.training.losses import (
    AffineDistortion,
    Mesh,
    equivariance,
    equivariance_jacobian,
    flow_at_landmarks,
)
from talkbench.methods.first_order_motion.training.objective import FirstOrderMotionObjective
from talkbench.methods.training.batch import Batch
from talkbench.methods.training.settings import configured, read_settings
from torch import nn

THIN = replace(
    SMALL,
    motion_size=32,
    detector_widths=(8, 16, 16),
    motion_widths=(8, 16, 16),
    generator_widths=(8, 16),
    generator_blocks=1,
    motion_squeeze=8,
)


@pytest.fixture(autouse=True)
def seed():
    with torch.random.fork_rng():
        torch.manual_seed(0)
        yield


@pytest.fixture
def distortion():
    return AffineDistortion(2, torch.Generator().manual_seed(0), affine=0.2, spline=0.1)


@pytest.fixture
def mesh():
    return Mesh(torch.rand(478, 2) - 0.5)


def distance(a, b):
    """Stands for LPIPS: mean squared error of each pair."""
    return (a - b).square().mean((1, 2, 3))


def test_the_derivative_of_a_distortion_is_its_derivative(distortion):
    points = torch.rand(2, 7, 2) - 0.5
    rows = torch.autograd.functional.jacobian(distortion.map, points)
    expected = torch.stack([torch.stack([rows[b, n, :, b, n] for n in range(7)]) for b in range(2)])
    torch.testing.assert_close(distortion.derivative(points), expected, rtol=1e-4, atol=1e-4)


def test_keypoints_that_follow_a_distortion_cost_nothing(distortion):
    """x_d = T(x_T(d)) and J_d = dT J_T(d)."""
    distorted = Keypoints(torch.rand(2, 5, 2) - 0.5, torch.eye(2) + 0.2 * torch.randn(2, 5, 2, 2))
    followed = Keypoints(
        distortion.map(distorted.points), distortion.derivative(distorted.points) @ distorted.jacobians
    )
    assert float(equivariance(followed, distorted, distortion)) < 1e-6
    assert float(equivariance_jacobian(followed, distorted, distortion)) < 1e-5
    assert float(equivariance(distorted, distorted, distortion)) > 0.01
    assert float(equivariance_jacobian(distorted, distorted, distortion)) > 0.01


def test_a_face_that_is_moved_by_an_affine_map_is_stretched_by_it(mesh):
    mean = torch.rand(478, 2) - 0.5
    mesh = Mesh(mean)
    linear = torch.tensor([[[0.8, 0.3], [-0.1, 1.2]]])
    landmarks = mean @ linear.transpose(-1, -2) + torch.tensor([0.2, -0.1])
    # A share of 2 % of the mean face itself is mixed in.
    expected = (linear / 1.02 + torch.eye(2) * 0.02 / 1.02).expand(1, 20, 2, 2)
    torch.testing.assert_close(mesh.stretching(landmarks), expected, rtol=0.02, atol=0.01)
    found = Keypoints(landmarks[:, list(ANCHORS)], mesh.stretching(landmarks))
    assert [float(term) for term in mesh.anchor(found, landmarks)] == pytest.approx([0, 0], abs=1e-6)
    fewer = Keypoints(found.points[:, :3] + 0.1, found.jacobians[:, :3] - 0.2)
    assert [float(term) for term in mesh.anchor(fewer, landmarks)] == pytest.approx([0.1, 0.2], rel=1e-4)


def test_a_flow_that_carries_the_mesh_costs_nothing():
    source = torch.rand(2, 478, 2) - 0.5
    linear, shift = torch.tensor([[1.2, 0.1], [-0.2, 0.9]]), torch.tensor([0.1, -0.05])
    driving = source @ linear.transpose(-1, -2) + shift
    grid = cells(64, 64, SMALL, source.device)
    flow = ((grid - shift) @ torch.linalg.inv(linear).transpose(-1, -2)).expand(2, 64, 64, 2)
    landmarks = torch.stack([source, driving], 1)
    assert float(flow_at_landmarks(flow, landmarks)) < 1e-5
    assert float(flow_at_landmarks(flow + 0.1, landmarks)) == pytest.approx(0.1, rel=1e-3)
    landmarks[:, :, 0] = 5
    assert float(flow_at_landmarks(flow, landmarks)) < 1e-5


def test_the_mean_face_counts_each_clip_alike():
    faces = torch.rand(2, 478, 2).numpy()
    clips = [
        SimpleNamespace(landmarks=np.stack([face] * count), valid=np.arange(count))
        for face, count in zip(faces, (1, 9), strict=True)
    ]
    centred = faces - faces.mean(1, keepdims=True)
    expected = Mesh(torch.from_numpy(centred.mean(0)))
    torch.testing.assert_close(Mesh.of(clips).apart, expected.apart)


def batch(count: int, size: int) -> Batch:
    boxes = torch.tensor([[0.0, -0.2, 0.5, 0.2], [0.0, 0.3, 0.4, 0.3]]).expand(count, 2, 4)
    pictures = torch.rand(2, count, 3, size, size)
    landmarks, rotation = torch.rand(count, 2, 478, 2) - 0.5, torch.eye(3).expand(count, 2, 3, 3)
    return Batch(*pictures, landmarks, rotation, torch.rand(count, 2, 55), boxes)


@pytest.mark.parametrize(
    "changes", [{}, {"largest": 0, "blend": False, "refine_flow": False, "retouch": False}]
)
def test_every_term_has_a_weight_and_reaches_what_it_should(changes, mesh):
    training = FirstOrderMotionTraining()
    settings = read_settings(training, [])
    model = training.build(replace(THIN, **changes)).train()
    step = FirstOrderMotionObjective(distance, mesh)(model, batch(3, 64), torch.Generator())
    weights = asdict(settings.weights)
    assert set(step.terms) <= set(weights)
    assert ("warped" in step.terms) == (not changes)
    assert step.picture.shape == (3, 3, 64, 64)
    sum(weights[name] * value for name, value in step.terms.items()).backward()
    still = [name for name, p in model.named_parameters() if p.grad is None or not p.grad.abs().sum()]
    assert still == []


def test_settings_are_read(tmp_path):
    training = FirstOrderMotionTraining()
    settings = read_settings(training, ["networks.keypoints=10", "weights.anchor=3", "pretraining.steps=1"])
    assert configured(training, settings) == replace(SMALL, keypoints=10)
    assert settings.weights.anchor == 3
    assert settings.weights.anchor_jacobian == 2
    paper = read_settings(training, ["recipe=paper"])
    assert configured(training, paper).detector_widths[-1] == 1024
    assert training.departures(training.build(THIN), settings)[-1].startswith("The detector learns 1 steps")


def test_groups_hold_every_parameter_once():
    training = FirstOrderMotionTraining()
    model = training.build(THIN)
    found = [id(p) for group, _ in training.groups(model, read_settings(training, [])) for p in group]
    assert sorted(found) == sorted(id(p) for p in model.parameters())


class Clip:
    """Ten pictures of a bright spot, and a mesh that has moved with it."""

    identity = "spot"

    def __init__(self) -> None:
        dice = np.random.default_rng(0)
        where = dice.integers(8, 24, (10, 2))
        y, x = np.mgrid[:32, :32]
        spots = np.exp(-((x - where[:, :1, None]) ** 2 + (y - where[:, 1:, None]) ** 2) / 20)
        self.frames = np.repeat((255 * spots).astype(np.uint8)[..., None], 3, -1)
        mesh = dice.uniform(-0.3, 0.3, (478, 2))
        self.landmarks = ((where + 0.5) / 16 - 1)[:, None] + mesh
        self.rotation, self.expression = np.stack([np.eye(3)] * 10), np.zeros((10, 55), np.float32)
        self.valid = np.arange(10)
        self.eyes = self.mouth = np.zeros(10)


def test_the_detector_learns_from_landmarks_and_goes_on_after_a_stop(tmp_path):
    training, said = FirstOrderMotionTraining(), []
    settings = read_settings(training, ["pretraining={steps: 40, batch: 8, rate: 3e-3}", "report_every=10"])
    model = training.build(THIN).train()
    objective = FirstOrderMotionObjective(distance, Mesh.of([Clip()]))
    asked = iter([False] * 20 + [True] * 99)

    def pretrain(stop):
        return training.pretrain(
            model, objective, settings, [Clip()], [], tmp_path / "pretrained.pt", stop, said.append
        )

    assert not pretrain(lambda: next(asked))
    assert len(said) == 2
    assert pretrain(lambda: False)
    assert "step 40 of 40" in said[-1]
    places = [float(line.split("places ")[1].split()[0]) for line in said]
    assert places[-1] < 0.6 * places[0]
    assert pretrain(lambda: False)
    assert len(said) == 4


def test_weights_of_either_kind_can_be_gone_on_with(tmp_path):
    training = FirstOrderMotionTraining()
    model = training.build(THIN).eval()
    training.save(model, tmp_path / "a.safetensors", {})
    again = training.load(tmp_path / "a.safetensors")
    assert again.config == THIN
    assert not [name for name, p in model.named_parameters() if not p.isfinite().all()]
    look = training.look(again, batch(2, 64))
    assert look.picture.shape == (2, 3, 64, 64)
    assert [part.shape[1] for part in look.beside] == [3, 3, 1]
    assert isinstance(again, nn.Module)
