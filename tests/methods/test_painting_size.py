"""Pictures larger than those that a generator paints: its work is enlarged, the source stays sharp."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from talkbench.methods.face_vid2vid.config import SMALL as FACE_VID2VID
from talkbench.methods.face_vid2vid.model import TalkingHead
from talkbench.methods.first_order_motion.config import SMALL as FIRST_ORDER_MOTION
from talkbench.methods.first_order_motion.model import FirstOrderMotion

MODELS = {"ours": (TalkingHead, FACE_VID2VID), "fomm": (FirstOrderMotion, FIRST_ORDER_MOTION)}


@pytest.fixture(params=MODELS)
def model(request):
    build, size = MODELS[request.param]
    with torch.random.fork_rng():
        torch.manual_seed(0)
        yield build(replace(size, largest=128)).eval().requires_grad_(False)


def stripes(side: int) -> torch.Tensor:
    """(1, 3, side, side): lines one pixel wide, which no smaller picture can hold."""
    return (torch.arange(side) % 2).float().expand(1, 3, side, side)


def test_a_larger_picture_costs_the_generator_nothing(model):
    seen = []
    model.generator.up.register_forward_hook(lambda layer, inputs, output: seen.append(output.shape[-1]))
    for side in (128, 256, 320):
        assert model(torch.rand(1, 3, side, side), torch.rand(1, 3, side, side)).shape[-1] == side
    assert seen == [128, 128, 128]


def test_without_a_bound_it_grows_with_the_picture(model):
    model.config = replace(model.config, largest=0)
    seen = []
    model.generator.up.register_forward_hook(lambda layer, inputs, output: seen.append(output.shape[-1]))
    model(torch.rand(1, 3, 256, 256), torch.rand(1, 3, 256, 256))
    assert seen == [256]


def test_fine_lines_of_the_source_are_kept(model):
    """Untrained, nothing is painted: the picture is the source, which a detour by 128² would have blurred."""
    source = model.read_source(stripes(256))
    motion = source.motion if hasattr(source, "motion") else source.keypoints
    rendering = model.render(source, motion)
    assert rendering.warped.std() > 0.8 * source.picture.std()
    assert (rendering.picture - source.picture).abs().mean() < 0.1


@pytest.mark.parametrize("size", [FACE_VID2VID, FIRST_ORDER_MOTION], ids=MODELS)
def test_a_bound_without_blending_is_refused(size):
    with pytest.raises(ValueError, match="largest=256 without blend would give pictures of another size"):
        replace(size, blend=False)
    stored = {**size.to_dict(), "blend": False}
    with pytest.raises(ValueError, match="set blend=true or largest=0"):
        type(size).from_dict(stored)
    assert type(size).from_dict({**stored, "largest": 0}).largest == 0
