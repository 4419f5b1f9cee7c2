"""The published networks of few-shot vid2vid, and public checkpoints of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from talkbench.core.errors import AssetError
from talkbench.core.method import Method
from talkbench.core.video import Clip
from talkbench.methods.face_vid2vid.inference import for_inference
from talkbench.methods.few_shot_vid2vid.drawing import line_map
from talkbench.methods.few_shot_vid2vid.landmarks import LANDMARKS, segments
from talkbench.methods.few_shot_vid2vid.paper import PaperTalkingHead
from talkbench.methods.few_shot_vid2vid.paper_checkpoint import load_checkpoint
from talkbench.methods.few_shot_vid2vid.paper_config import PAPER
from talkbench.methods.few_shot_vid2vid.weights import load_weights, save_weights
from torch import Tensor
from torch.nn import functional as F

THIN = replace(PAPER, width=2, most=16, halvings=3, adaptive_layers=2, flow_halvings=1, flow_blocks=1)
Shapes = Iterator[tuple[str, tuple[int, ...]]]


def conv(name: str, inputs: int, outputs: int, kernel: int = 3) -> Shapes:
    yield f"{name}.layers.conv.weight", (outputs, inputs, kernel, kernel)
    yield f"{name}.layers.conv.bias", (outputs,)


def normed(name: str, inputs: int, outputs: int, kernel: int = 3, *, before: bool = False) -> Shapes:
    yield from conv(name, inputs, outputs, kernel)
    for part in ("weight", "bias"):
        yield f"{name}.layers.norm.{part}", (inputs if before else outputs,)


def linear(name: str, inputs: int, outputs: int) -> Shapes:
    yield f"{name}.layers.conv.weight", (outputs, inputs)
    yield f"{name}.layers.conv.bias", (outputs,)


def public_layout() -> Shapes:
    """Names and shapes of a generator with 2, 4, 8, 16 channels at three halvings, two adaptive layers."""
    widths = [2, 4, 8, 16, 16]
    weights = "weight_generator"
    for kind, inputs in (("img", 3), ("label", 1)):
        yield from normed(f"{weights}.ref_{kind}_first", inputs, 2, 1)
        for level in range(3):
            yield from normed(f"{weights}.ref_{kind}_down_{level}", widths[level], widths[level + 1], 1)
            yield from normed(f"{weights}.ref_{kind}_up_{level}", widths[level + 1], widths[level], 1)
    for level, (inner, outer) in enumerate(((2, 4), (4, 8))):
        for part, last in (
            ("e", 9 * inner + 1),
            ("0", 2 * inner + 2),
            ("1", inner + 1),
            ("s", 2 * inner + 2),
        ):
            for number, outputs in enumerate((outer, outer, last)):
                yield from linear(f"{weights}.fc_spade_{part}_{level}.{number}", outer, outputs)
    for name, inputs, above in (
        (f"{weights}.label_embedding", 1, 2),
        ("ref_image_embedding", 4, 0),
        ("prev_image_embedding", 4, 0),
    ):
        yield from conv(f"{name}.conv_first", inputs, 2)
        for level in range(3):
            yield from conv(f"{name}.down_{level}", widths[level], widths[level + 1])
            twice = 2 if level < 2 and not above else 1
            if level >= above:
                yield from conv(f"{name}.up_{level}", twice * widths[level + 1], widths[level])
    for name in ("flow_network_ref", "flow_network_temp"):
        yield from normed(f"{name}.down_flow.0", 5, 2)
        yield from normed(f"{name}.down_flow.1", 2, 4)
        for part in "01":
            yield from normed(f"{name}.res_flow.0.conv_block_{part}", 4, 4, before=True)
        yield from normed(f"{name}.up_flow.1", 4, 2)
        yield from conv(f"{name}.conv_flow.0", 2, 2)
        yield from conv(f"{name}.conv_mask.0", 2, 1)
    for level in range(4):
        inputs, outputs = widths[level + 1], widths[level]
        parts = [("0", inputs, 3), ("1", outputs, 3), *([("s", inputs, 1)] if inputs != outputs else [])]
        for part, width, kernel in parts:
            block = f"up_{level}.conv_block_{part}"
            yield from conv(block, width, outputs, kernel)
            for condition in range(level < 2, 3 if level < 2 else 1):
                yield from conv(f"{block}.layers.norm.mlps.{condition}.0", outputs, 2 * width, 1)
    yield from conv("conv_img", 2, 3)


def random_tensors() -> dict[str, Tensor]:
    generator = torch.Generator().manual_seed(1)
    tensors = {name: 0.3 * torch.randn(shape, generator=generator) for name, shape in public_layout()}
    for name in tensors:
        if "conv_flow" in name:
            tensors[name] *= 0.02  # some pixels, not all over the picture
        if "flow_network_temp" in name:
            tensors[name] = tensors[name.replace("_temp", "_ref")]
    return tensors


@pytest.fixture
def tensors() -> dict[str, Tensor]:
    return random_tensors()


@pytest.fixture
def write(tmp_path: Path) -> Callable[..., Path]:
    """Writes a generator's tensors as a public checkpoint."""

    def put(tensors: dict[str, Tensor], prefix: str = "module.averaged_model.") -> Path:
        file = tmp_path / "public.pt"
        named = {prefix + name: value for name, value in tensors.items()}
        torch.save({"net_G": named, "net_D": {}, "current_epoch": 3}, file)
        return file

    return put


@pytest.fixture
def landmarks() -> Tensor:
    return torch.from_numpy(np.random.default_rng(0).uniform(-0.5, 0.5, (4, 126, 2))).float()


def painted(model: PaperTalkingHead, landmarks: Tensor) -> Tensor:
    rough = torch.rand(1, 3, 8, 8, generator=torch.Generator().manual_seed(2))
    still = F.interpolate(rough, size=(64, 64), mode="bilinear")
    with torch.inference_mode():
        return model.frames(model.read_source(still, landmarks[:1]), landmarks[1:])


def test_sizes_are_read_off_a_public_checkpoint(tensors, write):
    model = load_checkpoint(write(tensors))
    assert model.config == replace(THIN, temporal=True, spectral_norm=False)
    tensors["flow_network_temp.conv_flow.0.layers.conv.bias"] = torch.ones(2)
    assert load_checkpoint(write(tensors)).config.own_flow


def test_every_tensor_counts(tensors, write, landmarks):
    reference = painted(load_checkpoint(write(tensors)), landmarks)
    # Instance norm takes away what is added to a whole channel before it, and the public program never looks
    # at what the weight generator has at full width.
    unseen = "_temp.", "ref_img_up_0", "ref_label_up_0", "conv.bias"
    silent = [name for name in tensors if any(part in name for part in unseen)]
    dice = torch.Generator().manual_seed(0)

    def counts(name: str, value: Tensor) -> bool:
        changed = {**tensors, name: value + 0.5 * torch.randn(value.shape, generator=dice)}
        if name.startswith("flow_network_ref."):
            changed[name.replace("_ref.", "_temp.")] = changed[name]
        return not torch.equal(painted(load_checkpoint(write(changed)), landmarks), reference)

    for name, value in tensors.items():
        # In networks as thin as these a rectifier may swallow a change, but hardly each of many.
        assert name in silent or any(counts(name, value) for _ in range(8)), name


def test_the_frame_before_is_seen_from_the_second_on(tensors, write, landmarks):
    model = load_checkpoint(write(tensors))
    three = painted(model, landmarks)
    assert three.shape == (3, 3, 64, 64)
    assert torch.equal(painted(model, landmarks[:2])[0], three[0])
    alone = painted(model, landmarks[[0, 2]])[0]
    assert (alone - three[1]).abs().max() > 1e-3
    without = {
        name: value for name, value in tensors.items() if not name.startswith(("prev_", "flow_network_t"))
    }
    model = load_checkpoint(write(without))
    assert not model.config.temporal
    torch.testing.assert_close(painted(model, landmarks)[:1], three[:1], atol=1e-3, rtol=0)
    torch.testing.assert_close(painted(model, landmarks)[1:2], alone[None], atol=1e-3, rtol=0)


def test_spectral_norms_are_divided_out(tensors, write, landmarks):
    reference = painted(load_checkpoint(write(tensors)), landmarks)
    wrapped: dict[str, Tensor] = {}
    dice = torch.Generator().manual_seed(3)
    for name, value in tensors.items():
        if value.dim() > 1 and "mlps" not in name and "conv_img" not in name:
            u = torch.randn(len(value), generator=dice)
            v = u @ value.flatten(1)  # far from orthogonal to what u picks out: the norm is not near zero
            norm = u @ value.flatten(1) @ v
            # Weights 3·w whose norm, by the same vectors, is 3.
            wrapped |= {f"{name}_orig": 3 * value, f"{name}_u": u, f"{name}_v": v / norm}
        else:
            wrapped[name] = value
    for name in list(wrapped):
        if "_temp." in name:
            wrapped[name] = wrapped[name.replace("_temp.", "_ref.")]
    model = load_checkpoint(write(wrapped, "module.module."))
    assert model.config.label_eps == 0.1
    model.weight_generator.labels.apply(
        lambda layer: setattr(layer, "eps", 1e-5) if isinstance(layer, torch.nn.InstanceNorm2d) else None
    )
    assert (painted(model, landmarks) - reference).abs().mean() < 1e-4
    del wrapped["conv_img.layers.conv.weight"], wrapped["up_0.conv_block_0.layers.conv.weight_u"]
    with pytest.raises(
        AssetError, match=r"up_0\.conv_block_0\.layers\.conv\.weight_orig' has no spectral norm"
    ):
        load_checkpoint(write(wrapped, "module.module."))


def test_the_running_average_is_preferred(tensors, tmp_path, landmarks):
    other = {f"module.module.{name}": value + 1 for name, value in tensors.items()}
    mine = {f"module.averaged_model.{name}": value for name, value in tensors.items()}
    torch.save({"net_G": {**other, **mine, "module.num_updates_tracked": torch.tensor(7)}}, tmp_path / "a.pt")
    torch.save({"net_G": mine}, tmp_path / "b.pt")
    both, one = (painted(load_checkpoint(tmp_path / name), landmarks) for name in ("a.pt", "b.pt"))
    assert torch.equal(both, one)


def test_what_is_missing_or_odd_is_named(tensors, write, tmp_path):
    name = "flow_network_ref.res_flow.0.conv_block_1.layers.norm.bias"
    with pytest.raises(AssetError, match=f"missing {name}"):
        load_checkpoint(write({key: value for key, value in tensors.items() if key != name}))
    with pytest.raises(AssetError, match=r"unexpected attention\.weight; its layout"):
        load_checkpoint(write({**tensors, "attention.weight": torch.zeros(1)}))
    with pytest.raises(AssetError, match=r"'conv_img\..*bias' has shape \(4,\), \(3,\) is"):
        load_checkpoint(write({**tensors, "conv_img.layers.conv.bias": torch.zeros(4)}))
    with pytest.raises(AssetError, match="has no 'weight_generator'"):
        load_checkpoint(write({"other": torch.zeros(1)}))
    torch.save({"net_D": {}}, tmp_path / "d.pt")
    with pytest.raises(AssetError, match="has no 'net_G'"):
        load_checkpoint(tmp_path / "d.pt")


def test_nothing_in_a_checkpoint_is_executed(tmp_path):
    marker = tmp_path / "executed"

    class Trap:
        def __reduce__(self):
            return Path.touch, (marker,)

    torch.save({"net_G": {"module.weight_generator.x": Trap()}}, tmp_path / "trap.pt")
    with pytest.raises(AssetError, match="no checkpoint that can be read without executing"):
        load_checkpoint(tmp_path / "trap.pt")
    assert not marker.exists()


def test_a_public_checkpoint_codes_a_clip(
    tensors, write, make_method: Callable[..., Method], make_testcard: Callable[..., Clip], whole
):
    method = make_method("fs_vid2vid", weights=str(write(tensors)), batch=3)
    clip = make_testcard(width=72, height=50, frames=6)
    stream = method.encode(clip)
    frames = whole(method.decode(stream))
    assert frames.shape == (6, 50, 72, 3)
    assert np.array_equal(whole(method.decode(stream)), frames)
    one = make_method("fs_vid2vid", weights=str(write(tensors)), batch=1)
    assert np.abs(whole(one.decode(stream)).astype(int) - frames).max() <= 1


def test_weights_come_back_from_their_file(tmp_path, landmarks):
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = PaperTalkingHead(replace(THIN, spectral_norm=False)).eval()
    save_weights(model, tmp_path / "w.safetensors", {})
    loaded = load_weights(tmp_path / "w.safetensors")
    assert loaded.config == model.config
    torch.testing.assert_close(painted(loaded, landmarks), painted(model, landmarks), atol=1e-2, rtol=0)


def test_spectral_norms_of_training_are_folded_for_inference(landmarks):
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = PaperTalkingHead(THIN).eval()
    expected = painted(model, landmarks)
    torch.testing.assert_close(painted(for_inference(model), landmarks), expected, atol=1e-5, rtol=0)


def test_lines_are_drawn_between_landmarks(landmarks):
    drawn = line_map(landmarks, 64)
    assert drawn.shape == (4, 1, 64, 64)
    assert set(drawn.unique().tolist()) == {0.0, 1.0}
    cells = ((landmarks + 1) * 32).long()
    for begin, end in segments():
        for where in (
            cells[0, begin],
            cells[0, end],
            ((landmarks[0, begin] + landmarks[0, end] + 2) * 16).long(),
        ):
            assert drawn[0, 0, where[1], where[0]] == 1
    alone = landmarks.clone()
    alone[:, LANDMARKS.index(468)] += 0.3
    assert torch.equal(line_map(alone, 64), drawn)
    assert line_map(landmarks, 512).sum() > 16 * drawn.sum() / 2
