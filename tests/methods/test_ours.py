"""A source picture animated by a few numbers a frame: what is sent, and what the decoder asks for."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from talkbench.core import bitstream
from talkbench.core.errors import AssetError, CodecError, StreamError, UsageError
from talkbench.core.fp16_motion import arriving
from talkbench.core.motion_statistics import MotionStatistics
from talkbench.core.video import Clip
from talkbench.methods.animated_picture import square
from talkbench.methods.face_vid2vid.points import POINTS
from talkbench.methods.ours import Ours


@pytest.fixture
def ours(make_method):
    return lambda point, **others: make_method("ours", point=point, **others)


def numbers_in(method, stream):
    """The motion parameters that the decoder gets."""
    parsed = bitstream.unpack(stream)
    coded = parsed.payload(bitstream.Kind.MOTION)[8:]
    return np.concatenate(list(method.coding.decode(coded, parsed.header.frames - 1)))


@pytest.mark.parametrize(("point", "raw"), [("k20", 132), ("k15", 102), ("k10", 72)])
def test_raw_bytes_a_frame_are_the_paper_s(point, raw, ours):
    assert ours(point).coding.raw_bytes == raw


@pytest.mark.parametrize("point", POINTS)
def test_what_arrives_is_what_was_estimated(point, ours, testcard, whole):
    method = ours(point)
    stream = method.encode(testcard)
    arrived = numbers_in(method, stream)
    if POINTS[point].adaptive:
        count, arrived = arrived[:, :1], arrived[:, 1:]
        assert set(np.unique(count)) <= {5, 10, 15, 20}
    frames = whole(testcard.frames())
    source = next(iter(method.decode(stream)))[0]
    sent = np.concatenate(list(method.estimate(source, [frames[1:]])))
    if POINTS[point].adaptive:
        count, sent = sent[:, :1], sent[:, 1:]
        sent[np.arange(66) >= 6 + 3 * count] = 0
    assert arrived.shape == sent.shape == (11, 3 * method.keypoints + 6)
    if POINTS[point].scale is None:
        assert np.array_equal(arrived, arriving(sent))
    else:
        assert (np.abs(arrived - sent) <= 0.751 * POINTS[point].scale * np.array(Ours.steps(20))).all()
    assert np.ptp(sent, axis=0).max() > 0  # the head moves


def test_bytes_fall_from_point_to_point(sweep, make_testcard):
    clip = make_testcard(size=64, frames=60)
    motion = {point.name: bitstream.sizes(point.build().encode(clip))["motion"] for point in sweep("ours")}
    fixed = [motion[name] for name in motion if name != "adaptive"]
    assert fixed == sorted(fixed)
    assert len(set(fixed)) == len(fixed)
    assert motion["adaptive"] < motion["k20"] + 60  # a bit or so a frame, for the counts


def test_the_adaptive_encoder_sends_less_where_more_loss_is_allowed(ours, testcard):
    motion = [
        bitstream.sizes(ours("adaptive", loss=loss).encode(testcard))["motion"] for loss in (0, 0.01, 1)
    ]
    assert motion == sorted(motion, reverse=True)
    every = numbers_in(ours("adaptive", loss=1), ours("adaptive", loss=1).encode(testcard))
    assert (every[:, 0] == 5).all()
    assert not every[:, 1 + 6 + 15 :].any()


def test_the_source_is_read_once_and_frames_come_in_batches(ours, make_testcard, monkeypatch, whole):
    clip = make_testcard(size=64, frames=12)
    method = ours("predictive", batch=5)
    calls = []
    read, render = method.model.read_source, method.model.render
    monkeypatch.setattr(method.model, "read_source", lambda x: calls.append("source") or read(x))
    monkeypatch.setattr(
        method.model, "render", lambda s, m, k: calls.append(len(m.angles)) or render(s, m, k)
    )
    many = whole(method.decode(method.encode(clip)))
    assert calls == ["source", 5, 5, 1]
    one = ours("predictive", batch=1)
    assert np.abs(many.astype(int) - whole(one.decode(one.encode(clip)))).max() <= 2


def test_frames_follow_the_motion(ours, make_testcard, whole):
    method = ours("k20")
    frames = whole(method.decode(method.encode(make_testcard(size=64, frames=30))))
    assert np.ptp(frames[1:].astype(int), axis=0).max() > 0


def test_deformations_that_were_not_sent_are_zero(ours):
    method = ours("k10")
    source = np.full((64, 64, 3), 99, np.uint8)
    numbers = np.zeros((1, 36), np.float32)
    numbers[0, :6] = [10, -5, 3, 0.1, 0, 0]
    numbers[0, 6:] = 0.5
    motion = method._motion(numbers)
    assert motion.deformation.shape == (1, 20, 3)
    assert (motion.deformation[:, :10] == 0.5).all()
    assert not motion.deformation[:, 10:].any()
    assert next(method.render(source, [numbers])).shape == (1, 64, 64, 3)


def test_any_finite_numbers_give_a_picture(ours):
    method = ours("k20")
    source = np.full((64, 64, 3), 99, np.uint8)
    wild = np.random.default_rng(0).choice(np.float32([65504, -65504, 0, 1e-7]), (8, 66))
    assert next(method.render(source, [wild])).dtype == np.uint8


def test_hashes_cost_eight_bytes(ours, testcard):
    method = ours("k20")
    parsed = bitstream.unpack(method.encode(testcard))
    motion = parsed.payload(bitstream.Kind.MOTION)
    assert motion[:4].hex() == method.weights_fingerprint()[:8]
    assert motion[4:8].hex() == method.coding.fingerprint()[:8]


def other_weights(networks, folder: Path) -> str:
    """The same networks with one number changed."""
    import torch
    from talkbench.methods.face_vid2vid.weights import load_weights, save_weights

    model = load_weights(Path(networks["ours"]["weights"]))
    with torch.no_grad():
        model.generator.paint.bias[0] += 1
    save_weights(model, folder / "other.safetensors", {})
    return str(folder / "other.safetensors")


def test_a_decoder_with_other_weights_refuses(ours, testcard, networks, tmp_path):
    stream = ours("k20").encode(testcard)
    other = ours("k20", weights=other_weights(networks, tmp_path))
    with pytest.raises(StreamError, match=r"made with weights .*, this decoder has"):
        list(other.decode(stream))


def test_a_decoder_with_other_statistics_or_at_another_point_refuses(ours, testcard, networks, tmp_path):
    stream = ours("predictive").encode(testcard)
    track = np.random.default_rng(9).normal(size=(50, 66)).astype(np.float32)
    file = MotionStatistics.learn([track], Ours.steps(20)).save(tmp_path)
    for decoder in (ours("predictive", statistics=str(file)), ours("predictive-fine"), ours("k20")):
        with pytest.raises(StreamError, match=r"made with motion coding .*, this decoder has"):
            list(decoder.decode(stream))


def test_more_keypoints_than_the_weights_have_are_refused(ours, testcard, networks, tmp_path):
    from dataclasses import replace

    from talkbench.methods.face_vid2vid.model import TalkingHead
    from talkbench.methods.face_vid2vid.weights import load_weights, save_weights

    config = load_weights(Path(networks["ours"]["weights"])).config
    save_weights(TalkingHead(replace(config, keypoints=15)), tmp_path / "k15.safetensors", {})
    settings = {"weights": str(tmp_path / "k15.safetensors")}
    assert ours("k15", **settings).encode(testcard)
    with pytest.raises(AssetError, match="has 15 keypoints, k20 sends 20"):
        ours("k20", **settings).encode(testcard)


def test_what_is_missing_is_told_before_a_run(ours, networks, tmp_path):
    ours("k20").check()
    with pytest.raises(UsageError, match=r"methods\.ours\.weights is not set; name a file"):
        ours("k20", weights=None).check()
    with pytest.raises(
        UsageError, match=r"methods\.ours\.statistics=none\.npz is no file; name one with its full path"
    ):
        ours("k20", statistics="none.npz").check()
    with pytest.raises(UsageError, match="holds no motion statistics"):
        ours("k20", statistics=networks["ours"]["weights"]).check()
    (tmp_path / "noise.safetensors").write_bytes(b"\x08\0\0\0\0\0\0\0{}      noise")
    method = ours("k20", weights=str(tmp_path / "noise.safetensors"))
    with pytest.raises(AssetError, match="holds no weights of `ours`"):
        method.model  # noqa: B018


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ({"batch": 0}, r"methods\.ours\.batch=0 is out of range"),
        ({"threads": 2.5}, r"methods\.ours\.threads=2\.5 is out of range"),
        ({"loss": 1.5}, r"methods\.ours\.loss=1\.5 is out of range"),
        ({"qp": 99}, r"methods\.ours\.qp=99 is out of range"),
    ],
)
def test_settings_out_of_range_are_refused(setting, message, ours):
    with pytest.raises(UsageError, match=message):
        ours("k20", **setting).check()


def test_a_misspelt_point_is_answered_with_the_nearest(ours):
    with pytest.raises(
        UsageError, match=r"unknown methods\.ours\.point 'predictiv'; did you mean predictive"
    ):
        ours("predictiv")


def test_numbers_that_no_stream_can_hold_are_an_error_of_the_codec(ours, testcard, monkeypatch):
    method = ours("predictive")
    bad = np.full((2, 66), np.nan, np.float32)
    monkeypatch.setattr(method, "estimate", lambda source, frames: (bad for _ in frames))
    with pytest.raises(CodecError, match=r"ours could not code 'card0' \(64x64\): a motion parameter"):
        method.encode(testcard)


@pytest.mark.parametrize(
    ("height", "width", "side"), [(64, 64, 64), (63, 64, 64), (64, 30, 64), (65, 64, 68), (1, 3, 4)]
)
def test_pictures_are_made_square_at_the_lower_right(height, width, side):
    picture = np.random.default_rng(0).integers(0, 256, (2, height, width, 3), np.uint8)
    result = square(picture, 4)
    assert result.shape == (2, side, side, 3)
    assert np.array_equal(result[:, :height, :width], picture)
    assert (result[:, height:, :width] == picture[:, -1:]).all()
    assert (result[:, :height, width:] == picture[:, :, -1:]).all()


@pytest.mark.slow
def test_the_shipped_weights_follow_the_head(testcard: Clip) -> None:
    """What ships fits together, decodes in another process, and costs what its points promise."""
    from talkbench.benchmarks.sealed import SealedDecoder
    from talkbench.core.bitstream import sizes
    from talkbench.core.config import compose
    from talkbench.core.points import points

    config = compose(["ours"], "testcard", "compression", [])
    spent = {}
    with SealedDecoder() as decoder:
        for point in points("ours", config["methods"]["ours"]):
            if point.name in ("predictive", "k20"):
                stream = point.build().encode(testcard)
                assert decoder.decode(point, stream).frames == 12
                spent[point.name] = sizes(stream)["motion"]
    assert spent["predictive"] < spent["k20"] <= 11 * 132 + 16


@pytest.mark.slow
def test_a_stream_of_any_point_is_decoded_by_itself(write_video: Callable[..., Path], tmp_path: Path) -> None:
    from talkbench.cli import main

    video = write_video(tmp_path / "clip.mkv", size=64)
    for point in ("predictive", "k20"):
        assert main(["encode", "ours", str(video), str(tmp_path / "a.tkb"), "--point", point]) == 0
        assert main(["decode", str(tmp_path / "a.tkb"), str(tmp_path / f"{point}.mkv")]) == 0
        assert (tmp_path / f"{point}.mkv").stat().st_size
