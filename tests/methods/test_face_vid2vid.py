"""The networks of face-vid2vid as they are run."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from talkbench.methods.face_vid2vid.blocks import Up
from talkbench.methods.face_vid2vid.config import PAPER, SMALL
from talkbench.methods.face_vid2vid.inference import TransposedUp, for_inference
from talkbench.methods.face_vid2vid.large_kernels import RowSpectra, ShiftedSum
from talkbench.methods.face_vid2vid.model import TalkingHead
from torch import nn

THIN = {
    "keypoints": 5,
    "motion_size": 32,
    "appearance_widths": (4, 4, 8),
    "volume_channels": 4,
    "volume_depth": 2,
    "volume_blocks": 1,
    "canonical_widths": (4, 8),
    "canonical_bottleneck": 8,
    "canonical_levels": 2,
    "trunk_stem": 4,
    "trunk_widths": (4, 8),
    "trunk_blocks": (2, 1),
    "motion_widths": (8, 8),
    "generator_width": 8,
    "generator_blocks": 1,
    "generator_widths": (8, 4),
}


@pytest.fixture(autouse=True)
def seed():
    with torch.random.fork_rng():
        torch.manual_seed(0)
        yield


def lived(module: nn.Module) -> nn.Module:
    """The module in evaluation mode, its norms as if it had seen pictures."""
    for layer in module.modules():
        if isinstance(layer, (nn.BatchNorm2d, nn.BatchNorm3d)):
            nn.init.uniform_(layer.running_mean, -0.5, 0.5)
            nn.init.uniform_(layer.running_var, 0.5, 2)
            nn.init.uniform_(layer.weight, 0.5, 2)
            nn.init.uniform_(layer.bias, -0.5, 0.5)
    return module.eval().requires_grad_(False)


@pytest.mark.parametrize("shape", [(8, 8), (1, 1), (5, 7), (4, 8, 8), (1, 3, 1)], ids=str)
def test_a_transposed_convolution_enlarges_and_convolves(shape):
    slow = lived(Up(len(shape), 3, 6))
    picture = torch.randn(2, 3, *shape)
    expected = slow(picture)
    folded = torch.nn.utils.fusion.fuse_conv_bn_eval(slow.body.conv, slow.body.norm)
    result = TransposedUp(folded)(picture)
    assert result.shape == expected.shape
    torch.testing.assert_close(result, expected, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("kernel", [(7, 7, 7), (3, 5, 7)], ids=str)
@pytest.mark.parametrize("bias", [True, False])
@torch.inference_mode()
def test_convolving_spectra_of_rows_is_convolving(kernel, bias):
    layer = nn.Conv3d(4, 3, kernel, padding=[side // 2 for side in kernel], bias=bias)
    fast = RowSpectra(layer)
    for shape in ((2, 4, 5, 6, 9), (1, 4, 3, 4, 8), (1, 4, 1, 1, 1)):
        volume = torch.randn(shape).contiguous(memory_format=torch.channels_last_3d)
        torch.testing.assert_close(fast(volume), layer(volume), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("kernel", [(7, 7), (3, 5)], ids=str)
def test_adding_up_shifted_maps_is_convolving(kernel):
    layer = nn.Conv2d(40, 2, kernel, padding=[side // 2 for side in kernel])
    for shape in ((2, 40, 7, 6), (1, 40, 1, 3)):
        picture = torch.randn(shape)
        torch.testing.assert_close(ShiftedSum(layer)(picture), layer(picture), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("size", [SMALL, PAPER], ids=["small", "paper"])
def test_the_model_for_inference_gives_the_same_pictures(size):
    model = lived(TalkingHead(replace(size, **THIN)))
    source, driving = torch.rand(2, 2, 3, 64, 64)
    expected = model(source, driving)
    fast = for_inference(model)
    torch.testing.assert_close(fast(source, driving), expected, rtol=1e-4, atol=1e-4)
    assert not [m for m in fast.modules() if isinstance(m, Up)]
