"""The networks of the first-order motion model, and the public checkpoints that fit them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from talkbench.core.errors import AssetError
from talkbench.methods.face_vid2vid.inference import for_inference
from talkbench.methods.first_order_motion.checkpoint import (
    HEADS,
    checkpoint_keypoints,
    load_checkpoint,
    names,
)
from talkbench.methods.first_order_motion.config import LARGE, PAPER, SMALL, ModelConfig
from talkbench.methods.first_order_motion.detector import Keypoints
from talkbench.methods.first_order_motion.geometry import (
    candidate_flows,
    cells,
    gaussian_kernel,
    gaussian_reduced,
    inverse,
    sample,
)
from talkbench.methods.first_order_motion.model import FirstOrderMotion
from talkbench.methods.first_order_motion.retargeting import relative_motion
from talkbench.methods.first_order_motion.weights import load_weights, save_weights
from torch import nn

THIN_SMALL = replace(
    SMALL,
    keypoints=5,
    motion_size=32,
    detector_widths=(8, 8, 16),
    motion_widths=(8, 8, 16),
    generator_widths=(4, 8, 8),
    generator_blocks=1,
    motion_squeeze=8,
)
THIN_PAPER = replace(
    PAPER,
    keypoints=5,
    detector_widths=(4, 8, 8),
    motion_widths=(4, 8, 8, 8),
    generator_widths=(4, 8, 16),
    generator_blocks=2,
)


@pytest.fixture(autouse=True)
def seed():
    with torch.random.fork_rng():
        torch.manual_seed(0)
        yield


def lived(config: ModelConfig) -> FirstOrderMotion:
    """A model in evaluation mode, its norms as if it had seen pictures, its keypoints spread."""
    model = FirstOrderMotion(config)
    for layer in model.modules():
        if isinstance(layer, nn.BatchNorm2d):
            nn.init.uniform_(layer.running_mean, -0.5, 0.5)
            nn.init.uniform_(layer.running_var, 0.5, 2)
            nn.init.uniform_(layer.weight, 0.5, 2)
            nn.init.uniform_(layer.bias, -0.5, 0.5)
    nn.init.normal_(model.detector.heat.weight, std=0.2)
    nn.init.normal_(model.detector.jacobian.weight, std=0.05)
    return model.eval().requires_grad_(False)


def parameters(config: ModelConfig) -> int:
    with torch.device("meta"):
        return sum(p.numel() for p in FirstOrderMotion(config).parameters())


def test_sizes_are_what_they_are_said_to_be():
    # The authors' detector and generator, as their code builds them for 10 keypoints.
    assert parameters(replace(PAPER, keypoints=10)) == 14_215_368 + 45_575_391
    assert parameters(LARGE) > 3.5 * parameters(PAPER)
    assert 2 * parameters(SMALL) < 5e6  # bytes in half precision


@pytest.mark.parametrize("config", [THIN_SMALL, THIN_PAPER], ids=["small", "paper"])
@pytest.mark.parametrize("side", [64, 128, 96])
def test_a_picture_of_any_size_is_animated(config, side):
    model = lived(config)
    source, driving = torch.rand(2, 2, 3, side, side)
    picture = model(source, driving)
    assert picture.shape == (2, 3, side, side)
    assert 0 <= picture.min() <= picture.max() <= 1
    keypoints = model.estimate(driving)
    assert keypoints.numbers.shape == (2, 30)
    assert keypoints.points.abs().max() <= 1
    field = model.motion_field(model.read_source(source), keypoints)
    assert field.flow.shape == (2, config.field_size, config.field_size, 2)
    torch.testing.assert_close(field.masks.sum(1), torch.ones_like(field.masks[:, 0]))


@pytest.mark.parametrize("config", [THIN_SMALL, THIN_PAPER], ids=["small", "paper"])
def test_the_model_for_inference_gives_the_same_pictures(config):
    model = lived(config)
    source, driving = torch.rand(2, 2, 3, 64, 64)
    expected = model(source, driving)
    fast = for_inference(model)
    torch.testing.assert_close(fast(source, driving), expected, rtol=1e-4, atol=1e-4)
    assert not [m for m in fast.generator.up.modules() if isinstance(m, nn.BatchNorm2d)]


def test_an_untrained_small_model_shows_the_source():
    model = FirstOrderMotion(THIN_SMALL).eval()
    source = model.read_source(torch.rand(1, 3, 64, 64))
    rendering = model.render(source, source.keypoints)
    assert (rendering.picture - source.picture).abs().mean() < 0.05


def test_numbers_hold_each_keypoint_by_itself():
    keypoints = Keypoints(torch.rand(2, 3, 2), torch.rand(2, 3, 2, 2))
    numbers = keypoints.numbers
    assert numbers[1, 6:8].equal(keypoints.points[1, 1])
    assert numbers[1, 8:12].equal(keypoints.jacobians[1, 1].flatten())
    assert Keypoints.of(numbers).jacobians.equal(keypoints.jacobians)
    assert Keypoints.of(numbers).points.equal(keypoints.points)


def test_a_keypoint_lies_where_its_heat_is():
    """One hot cell of a map that reaches the edge: the place is that cell's centre, the Jacobian its own."""
    detector = FirstOrderMotion(THIN_SMALL).detector.eval()
    heat = torch.zeros(1, 5, 16, 16)
    heat[0, :, 3, 10] = 100
    maps = torch.randn(1, 20, 16, 16)
    detector.heat.forward = lambda features: heat
    detector.jacobian.forward = lambda features: maps
    found = detector(torch.rand(1, 3, 32, 32))
    torch.testing.assert_close(found.points[0], torch.tensor([[(10.5 / 8) - 1, (3.5 / 8) - 1]] * 5))
    torch.testing.assert_close(found.jacobians[0].flatten(1), maps[0, :, 3, 10].reshape(5, 4))


def test_inverses_are_inverses_and_finite():
    jacobian = torch.randn(50, 2, 2)
    torch.testing.assert_close(inverse(jacobian), torch.linalg.inv(jacobian), rtol=1e-3, atol=1e-3)
    wild = torch.tensor([[0.0, 0, 0, 0], [65504, 65504, 65504, 65504], [1e-7, 0, 0, 1e-7]]).reshape(3, 2, 2)
    assert inverse(wild).isfinite().all()


def test_a_candidate_is_the_affine_map_between_two_keypoints():
    source, driving = torch.rand(2, 1, 1, 2)
    one, other = torch.eye(2) + 0.3 * torch.randn(2, 1, 1, 2, 2)
    grid = torch.rand(4, 6, 2)
    flows = candidate_flows(grid, source, one, driving, other)
    assert flows[0, 0].equal(grid)
    expected = source[0, 0] + (one @ torch.linalg.inv(other))[0, 0] @ (grid[2, 3] - driving[0, 0])
    torch.testing.assert_close(flows[0, 1, 2, 3], expected)


@pytest.mark.parametrize("config", [SMALL, PAPER], ids=["small", "paper"])
def test_sampling_at_the_cells_themselves_changes_nothing(config):
    picture = torch.rand(1, 3, 12, 16)
    grid = cells(12, 16, config, picture.device)[None]
    torch.testing.assert_close(sample(picture, grid, config), picture)
    far = sample(picture, grid + 1e30, config)
    assert far.isfinite().all()


def test_a_picture_is_blurred_before_it_is_made_smaller():
    assert gaussian_kernel(4).shape == (13, 13)
    torch.testing.assert_close(gaussian_kernel(4).sum(), torch.tensor(1.0))
    ratio = gaussian_kernel(4)[6, 8] / gaussian_kernel(4)[6, 6]
    torch.testing.assert_close(ratio, torch.tensor(np.exp(-4 / (2 * 1.5**2)), dtype=torch.float32))
    flat = gaussian_reduced(torch.full((1, 3, 64, 64), 0.5), 4)
    assert flat.shape == (1, 3, 16, 16)
    torch.testing.assert_close(flat[..., 4:-4, 4:-4], torch.full((1, 3, 8, 8), 0.5))


def test_relative_motion_moves_the_source_as_the_clip_has_moved():
    dice = np.random.default_rng(0)
    source, first, driving = (dice.normal(size=(1, 12)).astype(np.float32) for _ in range(3))
    np.testing.assert_allclose(relative_motion(source, first, first), source, rtol=1e-3, atol=1e-3)
    np.testing.assert_allclose(relative_motion(first, driving, first), driving, rtol=1e-3, atol=1e-3)
    moved = first.copy()
    moved[0, 6:8] += 0.25
    np.testing.assert_allclose((relative_motion(source, moved, first) - source)[0, 6:8], 0.25, atol=1e-6)


def test_weights_come_back(tmp_path):
    model = lived(THIN_SMALL)
    save_weights(model, tmp_path / "a.safetensors", {"note": "x"})
    source, driving = torch.rand(2, 1, 3, 32, 32)
    again = load_weights(tmp_path / "a.safetensors")
    torch.testing.assert_close(again(source, driving), model(source, driving), rtol=0, atol=0.02)
    assert again.config == THIN_SMALL


@pytest.fixture
def public(tmp_path):
    """Writes a checkpoint in the public layout from a model's own weights; gives its state and its path."""

    def write(model: FirstOrderMotion, **changes: torch.Tensor | None) -> Path:
        mine, state = model.state_dict(), {"kp_detector": {}, "generator": {}, "epoch": 7}
        every = {theirs: mine[here] for theirs, here in names(model.config).items()}
        counted = [name.removesuffix("bias") for name in every if "norm" in name and name.endswith("bias")]
        every |= {f"{name}num_batches_tracked": torch.tensor(5) for name in counted}
        blur = gaussian_kernel(4).expand(3, 1, -1, -1)
        every |= {"kp_detector.down.weight": blur, "generator.dense_motion_network.down.weight": blur}
        every |= changes
        for name, tensor in every.items():
            part, _, rest = name.partition(".")
            if tensor is not None:
                state[part][rest] = tensor
        torch.save(state, tmp_path / "thin.pth.tar")
        return tmp_path / "thin.pth.tar"

    return write


def test_a_public_checkpoint_is_the_model_that_it_holds(public):
    model = lived(THIN_PAPER)
    file = public(model)
    loaded = load_checkpoint(file, align_corners=True)
    assert loaded.config == replace(THIN_PAPER, motion_size=64)
    source, driving = torch.rand(2, 1, 3, 256, 256)
    torch.testing.assert_close(loaded(source, driving), model(source, driving), rtol=1e-4, atol=1e-4)
    assert checkpoint_keypoints(file) == 5
    assert not load_checkpoint(file).config.align_corners
    assert (load_checkpoint(file)(source, driving) - model(source, driving)).abs().max() > 1e-3


def test_the_table_of_names_is_that_of_vox_256():
    """Names from the public configuration: five levels in both hourglasses, two halvings, six blocks."""
    table = names(PAPER)
    assert len(table) == len(set(table.values()))
    assert (
        table["kp_detector.predictor.encoder.down_blocks.4.conv.weight"]
        == "detector.hourglass.down.4.body.conv.weight"
    )
    assert (
        table["kp_detector.predictor.decoder.up_blocks.0.norm.running_var"]
        == "detector.hourglass.up.0.body.norm.running_var"
    )
    assert table["generator.bottleneck.r5.norm2.bias"] == "generator.blocks.5.norm2.bias"
    assert {f"{name}.weight" for name in HEADS} <= set(table)
    with torch.device("meta"):
        here = {name for name in FirstOrderMotion(PAPER).state_dict() if "num_batches" not in name}
    assert set(table.values()) == here


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"generator.final.bias": None}, r"missing generator\.final\.bias; its layout"),
        ({"generator.extra.weight": torch.ones(1)}, r"unexpected generator\.extra\.weight; its layout"),
        (
            {"kp_detector.jacobian.weight": torch.ones(4, 4, 7, 7)},
            r"'kp_detector\.jacobian\.weight' has shape \(4, 4, 7, 7\), \(20, 7, 7, 7\) is expected",
        ),
        ({"kp_detector.down.weight": None}, r"'kp_detector\.down\.weight' is missing"),
        ({"kp_detector.down.weight": torch.ones(3, 1, 13, 13)}, r"is no Gaussian of the public layout"),
        ({"kp_detector.kp.weight": None}, r"'kp_detector\.kp\.weight' is missing"),
    ],
)
def test_what_is_missing_or_odd_in_a_checkpoint_is_named(changes, message, public):
    file = public(lived(THIN_PAPER), **changes)
    with pytest.raises(AssetError, match=message):
        load_checkpoint(file)


class Trap:
    """Would write a file if it were unpickled."""

    def __init__(self, file: Path) -> None:
        self.file = file

    def __reduce__(self):
        return Path.touch, (self.file,)


def test_nothing_in_a_checkpoint_is_executed(tmp_path):
    file = tmp_path / "evil.pth.tar"
    torch.save({"generator": {}, "kp_detector": Trap(tmp_path / "sprung")}, file)
    with pytest.raises(AssetError, match="no checkpoint that can be read without executing"):
        load_checkpoint(file)
    assert not (tmp_path / "sprung").exists()


@pytest.mark.parametrize("content", [{"generator": {}}, [1, 2], {"generator": {}, "kp_detector": {"a": 1}}])
def test_other_files_are_no_checkpoints(content, tmp_path):
    torch.save(content, tmp_path / "other.pth.tar")
    with pytest.raises(
        AssetError, match=r"other\.pth\.tar( has no 'kp_detector'|: 'kp_detector\.a' is no tensor)"
    ):
        load_checkpoint(tmp_path / "other.pth.tar")
    (tmp_path / "noise.pth.tar").write_bytes(b"noise")
    with pytest.raises(AssetError, match=r"noise\.pth\.tar is no checkpoint"):
        load_checkpoint(tmp_path / "noise.pth.tar")
