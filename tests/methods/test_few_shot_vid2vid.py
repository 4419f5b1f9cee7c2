"""The networks of few-shot vid2vid, and what they are given."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from talkbench.core.face_landmarks import FaceLandmarks
from talkbench.methods.face_vid2vid.geometry import cell_grid
from talkbench.methods.face_vid2vid.inference import for_inference
from talkbench.methods.few_shot_vid2vid.config import SMALL
from talkbench.methods.few_shot_vid2vid.drawing import MAPS, SPREAD, head_flow, label_maps
from talkbench.methods.few_shot_vid2vid.landmarks import CONTOURS, LANDMARKS, MIRROR
from talkbench.methods.few_shot_vid2vid.model import FewShotTalkingHead
from talkbench.methods.few_shot_vid2vid.weights import load_weights, save_weights
from torch import Tensor


def test_the_landmarks_are_126_points_of_the_mesh() -> None:
    assert len(LANDMARKS) == len(set(LANDMARKS)) == 126
    assert all(0 <= point < 478 for point in LANDMARKS)


def test_mirroring_twice_changes_nothing_and_keeps_lines_whole() -> None:
    assert [MIRROR[one] for one in MIRROR] == list(range(126))
    assert MIRROR[LANDMARKS.index(33)] == LANDMARKS.index(263)
    assert MIRROR[LANDMARKS.index(61)] == LANDMARKS.index(291)
    assert MIRROR[LANDMARKS.index(67)] == LANDMARKS.index(297)
    for middle in (0, 17, 13, 14, 10, 152, 1, 2):
        assert MIRROR[LANDMARKS.index(middle)] == LANDMARKS.index(middle)
    lines = {frozenset(contour.points) for contour in CONTOURS.values()}
    for contour in CONTOURS.values():
        image = [LANDMARKS[MIRROR[LANDMARKS.index(point)]] for point in contour.points]
        assert frozenset(image) in lines


@pytest.mark.network
@pytest.mark.slow
def test_a_mirrored_face_has_the_mirrored_landmarks(face):
    order = list(LANDMARKS)
    with FaceLandmarks() as landmarks:
        points, mirrored = landmarks(face)[order], landmarks(face[:, ::-1])[order]
    image = points[list(MIRROR)] * (-1, 1) + (face.shape[1], 0)
    assert np.abs(mirrored - image).mean() < 1.5
    assert np.abs(mirrored - points).mean() > 10


@pytest.fixture
def landmarks() -> Tensor:
    """Landmarks (1, 126, 2) of nobody, spread over the middle of a picture."""
    return torch.from_numpy(np.random.default_rng(0).uniform(-0.5, 0.5, (1, 126, 2))).float()


def test_landmarks_are_drawn_where_they_are(landmarks: Tensor) -> None:
    maps = label_maps(landmarks, 64)
    assert maps.shape == (1, MAPS, 64, 64)
    assert 0 <= maps.min() < 1e-6
    at = ((landmarks[0] + 1) * 32).long()
    owner = [number for number, contour in enumerate(CONTOURS.values()) for _ in contour.points]
    assert (maps[0, owner, at[:, 1], at[:, 0]] > 0.5).all()
    single = list(CONTOURS).index("left iris")
    centre = (landmarks[0, owner.index(single)] + 1) * 32
    assert abs(maps[0, single].sum() - 2 * np.pi * SPREAD**2) < 0.01
    rows, columns = torch.meshgrid(torch.arange(64) + 0.5, torch.arange(64) + 0.5, indexing="ij")
    mean = torch.stack([(maps[0, single] * one).sum() / maps[0, single].sum() for one in (columns, rows)])
    torch.testing.assert_close(mean, centre, atol=0.01, rtol=0)


def test_openings_are_filled(landmarks: Tensor) -> None:
    angle = 2 * np.pi * torch.arange(20) / 20
    for squeeze in (1.0, 0.5, 0.02, -0.5):  # shut, and turned inside out, too
        lips = torch.stack([-0.4 * angle.cos(), 0.4 * squeeze * angle.sin()], 1) + torch.tensor([0.1, 0.05])
        landmarks[0, [LANDMARKS.index(point) for point in CONTOURS["inner lips"].points]] = lips
        opening = label_maps(landmarks, 128)[0, len(CONTOURS)]
        polygon = 10 * np.sin(2 * np.pi / 20) * (0.4 * 64) ** 2 * abs(squeeze)
        assert abs(opening.sum() - polygon) < 0.02 * polygon + 3
        if squeeze > 0.1:
            assert opening[67, 70] == 1
            assert opening[67, 70 - 30] == opening[67, 70 + 30] == 0


def test_a_head_that_moves_as_a_whole_is_followed_everywhere(landmarks: Tensor) -> None:
    turn = torch.tensor([[1.05, -0.1], [0.1, 1.05]])
    source = landmarks @ turn.T + torch.tensor([0.1, -0.05])
    flow = head_flow(source, landmarks, 32)
    expected = cell_grid(32, 32, device=flow.device) @ turn.T + torch.tensor([0.1, -0.05])
    torch.testing.assert_close(flow[0], expected, atol=2e-3, rtol=0)


def test_a_lid_that_closes_alone_is_followed_there_and_nowhere_else(landmarks: Tensor) -> None:
    lid = LANDMARKS.index(159)
    driving = landmarks.clone()
    driving[0, lid] += torch.tensor([0.0, 0.06])
    flow = head_flow(landmarks, driving, 256)
    moved = flow[0] - cell_grid(256, 256, device=flow.device)
    x, y = ((driving[0, lid] + 1) * 128).long().tolist()
    assert (moved[y, x] - torch.tensor([0.0, -0.06])).abs().max() < 0.015
    away = (cell_grid(256, 256, device=flow.device) - driving[0, lid]).norm(dim=-1) > 0.3
    assert moved[away].abs().max() < 0.015


def test_any_finite_landmarks_make_a_finite_picture() -> None:
    model = FewShotTalkingHead(replace(SMALL, motion_size=32)).eval()
    wild = torch.tensor([0.0, 65504.0, -65504.0])[torch.randint(3, (3, 126, 2))]
    collapsed = torch.full((1, 126, 2), 0.25)
    still = torch.rand(4, 3, 32, 32)
    with torch.inference_mode():
        for source in (torch.cat([wild, collapsed]), torch.zeros(4, 126, 2)):
            for driving in (torch.cat([wild, collapsed]), torch.zeros(4, 126, 2)):
                picture = model(still, source, driving)
                assert picture.isfinite().all()
                assert 0 <= picture.min() <= picture.max() <= 1


@pytest.mark.parametrize("size", [64, 256, 272, 512])
def test_what_stands_still_is_the_source_picture_s_own(size: int, landmarks: Tensor) -> None:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = FewShotTalkingHead(SMALL).eval()
        for parameter in model.parameters():
            torch.nn.init.normal_(parameter, std=0.1)
    still, driving = torch.rand(1, 3, size, size), landmarks.clone()
    lids = [LANDMARKS.index(point) for point in CONTOURS["left eye"].points]
    landmarks[0, lids], driving[0, lids] = 0.2, 0.25
    with torch.inference_mode():
        source = model.read_source(still, landmarks)
        torch.testing.assert_close(model.frames(source, landmarks), still, atol=1e-4, rtol=0)
        changed = (model.frames(source, driving) - still).abs().amax(1)[0]
    assert changed.shape == (size, size)
    middle = int(size * 0.61)
    assert changed[middle - 4 : middle + 4, middle - 4 : middle + 4].mean() > 0.05
    assert changed[:, 0].max() < 0.3 * changed.max()


def test_the_source_decides_the_weights_once_they_are_trained(landmarks: Tensor) -> None:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = FewShotTalkingHead(replace(SMALL, motion_size=32)).eval()
    one, other = torch.rand(2, 1, 3, 32, 32)
    untrained = [model.read_source(still, landmarks).weights[0][0] for still in (one, other)]
    assert torch.equal(*untrained)
    torch.nn.init.normal_(model.generator.blocks[0].spades[0].adapt.weight)
    first, second = (model.read_source(still, landmarks).weights[0][0] for still in (one, other))
    assert not torch.allclose(first, second)


def test_the_model_for_inference_gives_the_same_pictures(landmarks: Tensor) -> None:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = FewShotTalkingHead(replace(SMALL, motion_size=32)).eval()
        for layer in model.modules():
            if isinstance(layer, torch.nn.BatchNorm2d):
                torch.nn.init.uniform_(layer.running_mean, -0.5, 0.5)
                torch.nn.init.uniform_(layer.running_var, 0.5, 2)
    still = torch.rand(1, 3, 64, 64)
    with torch.inference_mode():
        expected = model(still, landmarks, landmarks + 0.05)
        fast = for_inference(model)
        torch.testing.assert_close(fast(still, landmarks, landmarks + 0.05), expected, rtol=1e-4, atol=1e-4)


def test_weights_come_back_from_their_file(tmp_path: Path) -> None:
    model = FewShotTalkingHead(replace(SMALL, motion_size=32, code=8))
    save_weights(model, tmp_path / "w.safetensors", {"made": "here"})
    loaded = load_weights(tmp_path / "w.safetensors")
    assert loaded.config == model.config
    for name, value in model.state_dict().items():
        if not name.endswith("num_batches_tracked"):
            torch.testing.assert_close(loaded.state_dict()[name], value, rtol=1e-3, atol=1e-6)


def test_what_ships_is_small() -> None:
    assert sum(one.numel() for one in FewShotTalkingHead(SMALL).parameters()) * 2 < 5e6
