"""The first-order motion model as a codec: what is sent, and that both ends agree on it."""

from __future__ import annotations

import json
import subprocess
import sys

import numpy as np
import pytest
from talkbench.core import bitstream
from talkbench.core.errors import AssetError, StreamError, UsageError
from talkbench.core.fp16_motion import arriving
from talkbench.methods.first_order_motion.points import POINTS

ELSEWHERE = """
import json, sys
import numpy as np
from talkbench.core import bitstream
from talkbench.core.motion_coding import unlock
from talkbench.core.points import Point
settings, stream, out = sys.argv[1:]
method = Point("fomm", "", json.loads(settings)).build()
data = open(stream, "rb").read()
parsed = bitstream.unpack(data)
motion = unlock(parsed.payload(bitstream.Kind.MOTION), method._keys())
numbers = np.concatenate(list(method.coding.decode(motion, parsed.header.frames - 1)))
np.savez(out, numbers=numbers, frames=np.concatenate(list(method.decode(data))))
"""


@pytest.fixture
def settings(sweep):
    """Gives all settings of a point."""
    return lambda point, **others: {**next(p for p in sweep("fomm", **others) if p.name == point).settings}


@pytest.fixture
def fomm(make_method):
    return lambda point, **others: make_method("fomm", point=point, **others)


def numbers_in(method, stream):
    """The motion parameters that the decoder gets."""
    parsed = bitstream.unpack(stream)
    coded = parsed.payload(bitstream.Kind.MOTION)[8:]
    return np.concatenate(list(method.coding.decode(coded, parsed.header.frames - 1)))


def test_raw_bytes_a_frame_are_240(fomm):
    """20 keypoints × (2 + 4) numbers × fp16 (appendix, Table 3)."""
    assert fomm("fp16").coding.raw_bytes == 240


@pytest.mark.parametrize("point", POINTS)
def test_what_arrives_is_what_was_estimated(point, fomm, testcard, whole):
    method = fomm(point)
    stream = method.encode(testcard)
    arrived = numbers_in(method, stream)
    source = next(iter(method.decode(stream)))[0]
    sent = np.concatenate(list(method.estimate(source, [whole(testcard.frames())[1:]])))
    assert arrived.shape == sent.shape == (11, 120)
    if POINTS[point].scale is None:
        assert np.array_equal(arrived, arriving(sent))
    else:
        steps = POINTS[point].scale * np.array(method.steps(20))
        assert (np.abs(arrived - sent) <= 0.76 * steps).all()
    places, jacobians = sent.reshape(11, 20, 6)[..., :2], sent.reshape(11, 20, 6)[..., 2:]
    assert np.ptp(places, axis=0).max() > 0
    assert np.ptp(jacobians, axis=0).max() > 0


@pytest.mark.parametrize("point", ["fp16", "predictive"])
def test_another_process_with_other_threads_gets_the_same_numbers(
    point, settings, fomm, testcard, tmp_path, whole
):
    method = fomm(point)
    stream = tmp_path / "stream.tkb"
    stream.write_bytes(method.encode(testcard))
    out = tmp_path / "out.npz"
    arguments = [json.dumps({**settings(point), "threads": 2}), str(stream), str(out)]
    subprocess.run([sys.executable, "-c", ELSEWHERE, *arguments], check=True, cwd="/")
    there = np.load(out)
    assert np.array_equal(there["numbers"], numbers_in(method, stream.read_bytes()))
    here = whole(method.decode(stream.read_bytes()))
    assert np.abs(here.astype(int) - there["frames"]).max() <= 2


def test_bytes_fall_from_point_to_point(sweep, make_testcard):
    clip = make_testcard(size=64, frames=60)
    motion = [bitstream.sizes(point.build().encode(clip))["motion"] for point in sweep("fomm")]
    assert motion == sorted(set(motion))


def test_the_source_is_read_once_and_frames_come_in_batches(fomm, make_testcard, monkeypatch, whole):
    clip = make_testcard(size=64, frames=12)
    method = fomm("predictive", batch=5)
    calls = []
    read, render = method.model.read_source, method.model.render
    monkeypatch.setattr(method.model, "read_source", lambda x: calls.append("source") or read(x))
    monkeypatch.setattr(method.model, "render", lambda s, d: calls.append(len(d.points)) or render(s, d))
    many = whole(method.decode(method.encode(clip)))
    assert calls == ["source", 5, 5, 1]
    one = fomm("predictive", batch=1)
    assert np.abs(many.astype(int) - whole(one.decode(one.encode(clip)))).max() <= 2


def test_any_finite_numbers_give_a_picture(fomm):
    method = fomm("fp16")
    source = np.full((64, 64, 3), 99, np.uint8)
    wild = np.random.default_rng(0).choice(np.float32([65504, -65504, 0, 1e-7]), (8, 120))
    frames = np.concatenate(list(method.render(source, [wild])))
    assert frames.shape == (8, 64, 64, 3)
    assert frames.dtype == np.uint8


@pytest.fixture
def checkpoint(tmp_path):
    """A public checkpoint of two keypoints, thin."""
    from dataclasses import replace

    import torch
    from talkbench.methods.first_order_motion.checkpoint import names
    from talkbench.methods.first_order_motion.config import PAPER
    from talkbench.methods.first_order_motion.geometry import gaussian_kernel
    from talkbench.methods.first_order_motion.model import FirstOrderMotion

    config = replace(
        PAPER, keypoints=2, detector_widths=(4, 8), motion_widths=(4, 8), generator_widths=(4, 8),
        generator_blocks=1,
    )  # fmt: skip
    with torch.random.fork_rng():
        torch.manual_seed(0)
        mine = FirstOrderMotion(config).state_dict()
    state: dict[str, dict[str, torch.Tensor]] = {"kp_detector": {}, "generator": {}}
    blur = gaussian_kernel(4).repeat(3, 1, 1, 1)
    every = {theirs: mine[here] for theirs, here in names(config).items()}
    every |= {"kp_detector.down.weight": blur, "generator.dense_motion_network.down.weight": blur}
    for name, tensor in every.items():
        part, _, rest = name.partition(".")
        state[part][rest] = tensor
    torch.save(state, tmp_path / "vox-256.pth.tar")
    return tmp_path / "vox-256.pth.tar"


@pytest.mark.parametrize("point", ["fp16", "predictive"])
def test_a_public_checkpoint_codes_with_the_part_of_the_statistics_that_it_needs(
    point, fomm, testcard, checkpoint, whole
):
    method = fomm(point, weights=str(checkpoint))
    method.check()
    assert method.describe()["keypoints"] == "2"
    stream = method.encode(testcard)
    assert whole(method.decode(stream)).shape == (12, 64, 64, 3)
    assert numbers_in(method, stream).shape == (11, 12)
    if point == "fp16":
        assert method.coding.raw_bytes == 24
    with pytest.raises(StreamError, match=r"made with weights .*, this decoder has"):
        list(fomm(point).decode(stream))


def test_what_is_missing_or_unfit_is_told_before_a_run(fomm, networks, checkpoint, tmp_path):
    fomm("fp16").check()
    with pytest.raises(UsageError, match=r"methods\.fomm\.weights is not set; name a file"):
        fomm("fp16", weights=None).check()
    with pytest.raises(UsageError, match=r"methods\.fomm\.statistics is not set; name a file"):
        fomm("fp16", statistics=None).check()
    with pytest.raises(UsageError, match="motion statistics of 66 numbers a frame found, 120 are needed"):
        fomm("fp16", statistics=networks["ours"]["statistics"]).check()
    (tmp_path / "noise.pth.tar").write_bytes(b"noise")
    with pytest.raises(UsageError, match="is no checkpoint that can be read without executing"):
        fomm("fp16", weights=str(tmp_path / "noise.pth.tar")).check()
    (tmp_path / "noise.safetensors").write_bytes(b"\x08\0\0\0\0\0\0\0{}      noise")
    with pytest.raises(UsageError, match="holds no weights of `fomm`"):
        fomm("fp16", weights=str(tmp_path / "noise.safetensors")).check()


def test_weights_of_another_model_are_refused(fomm, networks):
    with pytest.raises(AssetError, match=r"holds no weights of `fomm`: unknown model settings"):
        fomm("fp16", weights=networks["ours"]["weights"]).model  # noqa: B018


def test_a_head_pose_cannot_be_set(fomm):
    with pytest.raises(UsageError, match="fomm has no head pose that could be set"):
        fomm("fp16").redirect(np.zeros((8, 8, 3), np.uint8), np.eye(3), np.zeros(3))


def test_relative_motion_starts_from_the_source(fomm, make_testcard, whole):
    """A clip that does not move leaves the source's own keypoints, whoever is in it."""
    method = fomm("fp16")
    source = next(make_testcard(size=64, frames=9).frames())[8]
    still = make_testcard(size=64, frames=1)
    moved = whole(method.animate(source, still, relative=True))
    own, understood = method.understood(source)
    assert np.abs(moved.astype(int) - method.painted(understood, own, source)).max() <= 1
    absolute = whole(method.animate(source, still, relative=False))
    assert not np.array_equal(absolute, moved)
