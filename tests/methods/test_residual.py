"""The binary residual code: signs to bytes and back, the network's shapes, its weights and its training."""

from __future__ import annotations

import contextlib

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from talkbench.core.errors import AssetError, StreamError
from talkbench.methods.neural_codec import SHIPPED
from talkbench.methods.residual import training
from talkbench.methods.residual.binary_code import BEFORE, no_counts, observed, read, write
from talkbench.methods.residual.codec import ResidualCodec
from talkbench.methods.residual.network import ResidualAutoencoder
from talkbench.methods.residual.weights import load_weights, save_weights

FILE = SHIPPED / "residual.safetensors"


def signs(shape, share=0.5, seed=0):
    """Signs in patches, as those of a picture are."""
    dice = np.random.default_rng(seed)
    coarse = dice.random((shape[0], shape[1] // 4 + 1, shape[2] // 4 + 1)) < share
    patches = coarse.repeat(4, 1).repeat(4, 2)[:, : shape[1], : shape[2]]
    return (patches ^ (dice.random(shape) < 0.05)).astype(np.uint8)


@pytest.mark.parametrize("shape", [(32, 32, 32), (32, 1, 1), (1, 1, 9), (3, 7, 2), (2, 5, 1), (4, 2, 3)])
def test_signs_come_back(shape):
    for seed in range(3):
        bits = signs(shape, seed=seed)
        counts = no_counts(shape[0])
        assert np.array_equal(read(write(bits, counts), shape, counts), bits)


def test_neighbours_and_what_is_known_before_make_it_shorter():
    bits, shape = signs((32, 32, 32)), (32, 32, 32)
    entropy_of_a_bit = -(0.05 * np.log2(0.05) + 0.95 * np.log2(0.95))
    blind = len(write(bits, no_counts(32)))
    informed = len(write(bits, observed([signs(shape, seed=7)])))
    assert entropy_of_a_bit * bits.size / 8 < informed < blind < 0.75 * bits.size / 8
    noise = np.random.default_rng(1).integers(0, 2, shape, np.uint8)
    assert len(write(noise, no_counts(32))) < 1.02 * noise.size / 8


def test_counts_add_up_and_none_is_zero():
    counts = observed([np.zeros((3, 8, 8), np.uint8)])
    assert (counts.sum(-1) == BEFORE).all()
    assert counts.min() >= 1
    assert counts[:, 0].argmax(-1).tolist() == [0, 0, 0]


def test_damaged_signs_are_noticed():
    bits, counts = signs((8, 12, 12)), no_counts(8)
    data = write(bits, counts)
    dice = np.random.default_rng(2)
    for _ in range(300):
        damaged = bytearray(data)
        damaged[dice.integers(len(data))] ^= 1 << int(dice.integers(8))
        with contextlib.suppress(StreamError):
            assert np.array_equal(read(bytes(damaged), bits.shape, counts), bits)
    for other, shape in ((data[: len(data) // 2], bits.shape), (data, (8, 12, 13)), (b"", bits.shape)):
        with pytest.raises(StreamError):
            read(other, shape, counts)


def test_the_code_has_the_paper_s_size():
    """C.3: 32 x 64 x 64 signs of a picture of 512 x 512."""
    network = ResidualAutoencoder()
    with torch.inference_mode():
        code = network.analyse(torch.zeros(1, 3, 512, 512))
        assert code.shape == (1, 32, 64, 64)
        assert network.synthesise(code.sign()).shape == (1, 3, 512, 512)


def test_gradients_pass_the_signs():
    network = ResidualAutoencoder()
    network(torch.rand(1, 3, 16, 16)).square().mean().backward()
    assert all(parameter.grad.abs().sum() > 0 for parameter in network.parameters())


@pytest.fixture
def codec():
    return ResidualCodec(lambda: FILE, contextlib.nullcontext)


@pytest.mark.parametrize(("height", "width"), [(64, 64), (17, 40), (1, 1), (9, 3)])
def test_pictures_of_any_size(height, width, codec, make_testcard, whole, psnr):
    original = whole(make_testcard(size=64, frames=1).frames())[0, :height, :width]
    shown = np.roll(original, 3, axis=0)
    data = codec.encode(original, shown)
    corrected = codec.decode(data, shown)
    assert corrected.shape == original.shape
    assert corrected.dtype == np.uint8
    assert len(data) <= 4 + 32 * -(-height // 8) * -(-width // 8) / 8 * 1.1 + 10


def test_what_ships_mends_a_picture(codec, make_testcard, whole, psnr):
    card = whole(make_testcard(size=256, frames=20, seed=5).frames())
    original, shown = card[19], card[0]
    data = codec.encode(original, shown)
    assert psnr(codec.decode(data, shown), original) > psnr(shown, original) + 3
    assert len(data) < 32 * 32 * 32 / 8


def test_other_weights_and_damage_are_refused(codec, tmp_path):
    picture = np.zeros((64, 64, 3), np.uint8)
    data = codec.encode(picture, picture + np.uint8(40))
    network, counts = load_weights(FILE)
    save_weights(network, counts[::-1], tmp_path / "other.safetensors", {})
    other = ResidualCodec(lambda: tmp_path / "other.safetensors", contextlib.nullcontext)
    with pytest.raises(StreamError, match=r"made with residual weights .*, this decoder has"):
        other.decode(data, picture)
    with pytest.raises(StreamError, match="corrupt residual"):
        codec.decode(data[:4] + bytes(40), picture)


def test_weights_come_back(tmp_path):
    network, counts = load_weights(FILE)
    save_weights(network, counts, tmp_path / "again.safetensors", {})
    again, same = load_weights(tmp_path / "again.safetensors")
    assert np.array_equal(counts, same)
    for name, value in network.state_dict().items():
        assert torch.equal(value, again.state_dict()[name])


@pytest.mark.parametrize("spoil", ["missing", "noise", "schema", "counts", "tensor"])
def test_files_that_hold_no_such_weights(spoil, tmp_path):
    file = tmp_path / "bad.safetensors"
    network, counts = ResidualAutoencoder(), no_counts(32)
    if spoil == "noise":
        file.write_bytes(b"\x08\0\0\0\0\0\0\0{}      noise")
    elif spoil == "schema":
        save_file({"x": torch.zeros(1)}, str(file), {"residual": '{"schema": "9"}'})
    elif spoil == "counts":
        save_weights(network, counts[:5], file, {})
    elif spoil == "tensor":
        network.last = torch.nn.Conv2d(32, 4, 3)
        save_weights(network, counts, file, {})
    with pytest.raises(AssetError, match=r"bad\.safetensors holds no weights of the residual code: .*name"):
        load_weights(file)


@pytest.fixture
def examples(tmp_path, make_testcard, whole):
    """Two prepared clips and a codec that repeats the first picture."""
    for seed in (1, 2):
        (tmp_path / str(seed)).mkdir()
        np.save(
            tmp_path / str(seed) / "frames.npy", whole(make_testcard(size=64, frames=9, seed=seed).frames())
        )
    files = sorted(tmp_path.glob("*/frames.npy"))
    return training.Examples.of(
        files, lambda frames: frames[:1].repeat(len(frames), 0), 6, np.random.default_rng(3)
    )


def test_training_brings_pictures_nearer(examples, monkeypatch):
    assert examples.original.shape == examples.shown.shape == (12, 64, 64, 3)
    monkeypatch.setattr(training, "KINDS", {"shown": 1.0})
    pairs = examples.batch(12, 64, np.random.default_rng(4))
    network, steps = training.train(examples, print, minutes=0.05, batch=2, size=32)
    assert steps > 1
    with torch.inference_mode():
        before = (pairs[0] - pairs[1]).square().mean()
        assert training.error(network, *pairs).mean() < before
    counts = training.first_counts(network, examples, count=4)
    assert (counts.sum(-1) == BEFORE).all()


@pytest.mark.parametrize("kind", training.KINDS)
def test_pairs_are_cut_out_alike(kind, examples, monkeypatch):
    monkeypatch.setattr(training, "KINDS", {kind: 1.0})
    original, shown = examples.batch(3, 32, np.random.default_rng(5))
    assert original.shape == shown.shape == (3, 3, 32, 32)
    assert min(original.min(), shown.min()) >= 0
    assert max(original.max(), shown.max()) <= 1
    if kind == "blurred":
        assert (original.mean((2, 3)) - shown.mean((2, 3))).abs().max() < 0.01


@pytest.mark.slow
def test_the_program_leaves_weights_that_the_codec_takes_and_a_card(tmp_path, make_testcard, whole):
    from talkbench.core.errors import UsageError
    from talkbench.methods.residual.__main__ import learn, renderer
    from talkbench.methods.training.footage import Footage
    from talkbench.methods.training.prepare import Prepared

    clips = []
    for seed in (1, 2, 3):
        folder = tmp_path / str(seed)
        folder.mkdir()
        np.save(folder / "frames.npy", whole(make_testcard(size=128, frames=4, seed=seed).frames()))
        clips.append(Prepared(Footage(folder / "clip.mp4", f"person {seed}"), folder))
    said = []
    file = learn((clips[:2], clips[2:]), "ours", 0.02, tmp_path / "out", said.append)
    load_weights(file)
    card = (tmp_path / "out" / "residual.md").read_text()
    assert 'held_out: ["person 3"]' in card
    assert "6 reconstructed pictures of 128x128" in card
    assert "of 1024 before entropy coding" in card
    assert "3 of held-out people" in said[0]
    with pytest.raises(UsageError, match="h264 has no networks"):
        renderer("h264")
