"""Public checkpoints are read by their names, give what the public code gives, and execute nothing."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from talkbench.core.errors import AssetError
from talkbench.methods.face_vid2vid.inference import for_inference
from talkbench.methods.face_vid2vid.public_checkpoint import load_public, public_keypoints
from torch import Tensor

K, CHANNELS, DEPTH, THIN = 15, 8, 4, 2
WIDTHS = (8, 16, 32)
Shapes = dict[str, tuple[int, ...]]


def conv(inputs: int, outputs: int, *kernel: int, bias: bool = True) -> Shapes:
    return {"weight": (outputs, inputs, *kernel)} | ({"bias": (outputs,)} if bias else {})


def norm(width: int) -> Shapes:
    return dict.fromkeys(("weight", "bias", "running_mean", "running_var"), (width,)) | {
        "num_batches_tracked": ()
    }


def block(inputs: int, outputs: int, *kernel: int) -> Shapes:
    return named(conv=conv(inputs, outputs, *kernel), norm=norm(outputs))


def named(**layers: Shapes) -> Shapes:
    return {f"{layer}.{name}": shape for layer, shapes in layers.items() for name, shape in shapes.items()}


def numbered(prefix: str, blocks: list[Shapes]) -> Shapes:
    return named(**{f"{prefix}{number}": shapes for number, shapes in enumerate(blocks)})


def residual(width: int, *kernel: int) -> Shapes:
    return named(
        norm1=norm(width),
        conv1=conv(width, width, *kernel),
        norm2=norm(width),
        conv2=conv(width, width, *kernel),
    )


def bottleneck(width: int, *, halved: bool) -> Shapes:
    thin = width // 4
    return named(
        conv1=conv(width, thin, 1, 1), norm1=norm(thin), conv2=conv(thin, thin, 3, 3), norm2=norm(thin),
        conv3=conv(thin, width, 1, 1), norm3=norm(width),
        **({"skip": conv(width, width, 1, 1), "norm4": norm(width)} if halved else {}),
    )  # fmt: skip


def spade(width: int, labels: int) -> Shapes:
    return {
        f"{name}.{part}": shape
        for name, shapes in {
            "mlp_shared.0": conv(labels, 128, 3, 3),
            "mlp_gamma": conv(128, width, 3, 3),
            "mlp_beta": conv(128, width, 3, 3),
        }.items()
        for part, shape in shapes.items()
    }


def spectral(inputs: int, outputs: int, kernel: int, *, bias: bool = True) -> Shapes:
    return {
        "weight_orig": (outputs, inputs, kernel, kernel),
        "weight_u": (outputs,),
        "weight_v": (inputs * kernel**2,),
    } | ({"bias": (outputs,)} if bias else {})


def spade_block(inputs: int, outputs: int, labels: int) -> Shapes:
    middle = min(inputs, outputs)
    layers = {
        "conv_0": spectral(inputs, middle, 3), "conv_1": spectral(middle, outputs, 3),
        "norm_0": spade(inputs, labels), "norm_1": spade(middle, labels),
    }  # fmt: skip
    if inputs != outputs:
        layers |= {"conv_s": spectral(inputs, outputs, 1, bias=False), "norm_s": spade(inputs, labels)}
    return named(**layers)


def generator(*, with_spade: bool) -> Shapes:
    evidence, mixed = (K + 1) * (THIN + 1), 4 + (K + 1) * (THIN + 1)
    motion = named(
        **{
            "hourglass.encoder": numbered(
                "down_blocks.", [block(evidence, 8, 3, 3, 3), block(8, 16, 3, 3, 3)]
            ),
            "hourglass.decoder": numbered("up_blocks.", [block(16, 8, 3, 3, 3), block(16, 4, 3, 3, 3)])
            | block(mixed, mixed, 3, 3, 3),
        },
        mask=conv(mixed, K + 1, 7, 7, 7), compress=conv(CHANNELS, THIN, 1, 1, 1), norm=norm(THIN),
        occlusion=conv(mixed * DEPTH, 1, 7, 7),
    )  # fmt: skip
    first, _, width = WIDTHS
    side = 3 if with_spade else 7
    pairs = list(itertools.pairwise(WIDTHS))
    shapes = (
        named(dense_motion_network=motion, first=block(3, first, side, side))
        | numbered("down_blocks.", [block(a, b, 3, 3) for a, b in pairs])
        | named(second=conv(width, CHANNELS * DEPTH, 1, 1))
        | numbered("resblocks_3d.3dr", [residual(CHANNELS, 3, 3, 3)] * 2)
        | named(third=block(CHANNELS * DEPTH, width, 3, 3), fourth=conv(width, width, 1, 1))
    )
    if with_spade:
        double = 2 * width
        layers = {f"G_middle_{i}": spade_block(double, double, width) for i in range(6)}
        layers |= {"up_0": spade_block(double, width, width), "up_1": spade_block(width, first, width)}
        layers |= {"fc": conv(width, double, 3, 3), "conv_img": conv(first, 3, 3, 3)}
        return shapes | named(decoder=named(**layers))
    return (
        shapes
        | numbered("resblocks_2d.2dr", [residual(width, 3, 3)] * 2)
        | numbered("up_blocks.", [block(b, a, 3, 3) for a, b in pairs[::-1]])
        | named(final=conv(first, 3, 7, 7))
    )


def kp_detector() -> Shapes:
    return (
        named(
            predictor=numbered("down_blocks.down", [block(3, 16, 3, 3), block(16, 32, 3, 3)])
            | named(conv=conv(32, 32 * DEPTH, 1, 1))
            | numbered("up_blocks.up", [block(32, 16, 3, 3, 3), block(16, 8, 3, 3, 3)])
        )
        | named(kp=conv(8, K, 3, 3, 3))
        | {"down.weight": (3, 1, 13, 13)}
    )


def he_estimator() -> Shapes:
    wide = 256
    stages = {f"conv{i}": conv(8 if i == 2 else wide, wide, 1, 1) for i in range(2, 6)}
    stages |= {f"norm{i}": norm(wide) for i in range(2, 6)}
    stages |= {f"block{i}": bottleneck(wide, halved=True) for i in (2, 4, 6)}
    stages |= {f"block{i}.b{i}_0": bottleneck(wide, halved=False) for i in (1, 3, 7)}
    heads = {f"fc_{angle}": conv(wide, 66) for angle in ("roll", "pitch", "yaw")}
    heads |= {"fc_t": conv(wide, 3), "fc_exp": conv(wide, 3 * K)}
    return named(conv1=conv(3, 8, 7, 7), norm1=norm(8), **stages, **heads)


SCALE = {"kp.weight": 0.4, "fc_exp.weight": 0.5, "fc_t.weight": 0.5} | {
    f"fc_{angle}.weight": 20 for angle in ("roll", "pitch", "yaw")
}
"""So that keypoints and angles differ, and stay within the picture."""


def checkpoint(*, with_spade: bool) -> dict[str, dict[str, Tensor]]:
    """A checkpoint of the public layout, with random numbers."""
    dice = np.random.default_rng(1)

    def draw(name: str, shape: tuple[int, ...]) -> Tensor:
        if name.endswith("num_batches_tracked"):
            return torch.tensor(7)
        if name.endswith("running_var") or (name.endswith("weight") and len(shape) == 1):
            return torch.from_numpy(dice.uniform(0.5, 1.5, shape)).float()
        if name == "down.weight":
            bell = np.exp(-((np.arange(13) - 6) ** 2) / 4.5)
            return torch.from_numpy(np.outer(bell, bell) / bell.sum() ** 2).float().expand(shape).clone()
        spread = 0.2 if len(shape) == 1 else 1 / np.sqrt(np.prod(shape[1:]))
        if name.endswith(("weight_u", "weight_v")):
            spread = 1 / np.sqrt(shape[0])
        if name == "conv1.weight":
            spread *= 5
        factor = next((by for end, by in SCALE.items() if name.endswith(end)), 1)
        return torch.from_numpy(dice.normal(0, factor * spread, shape)).float()

    networks = {
        "generator": generator(with_spade=with_spade),
        "kp_detector": kp_detector(),
        "he_estimator": he_estimator(),
    }
    parts = {
        part: {name: draw(name, shape) for name, shape in shapes.items()} for part, shapes in networks.items()
    }
    decoder = parts["generator"]
    for name in [name for name in decoder if name.endswith("weight_orig")]:
        layer = name.removesuffix("_orig")
        weight, u, v = decoder[name].flatten(1), decoder[f"{layer}_u"], decoder[f"{layer}_v"]
        for _ in range(8):  # as training leaves them: near the largest singular value
            v.copy_(torch.nn.functional.normalize(weight.T @ u, dim=0))
            u.copy_(torch.nn.functional.normalize(weight @ v, dim=0))
    return parts


def pictures() -> Tensor:
    """Source and driving picture (2, 3, 256, 256): waves, nothing random."""
    y, x = np.mgrid[:256, :256] / 256
    waves = [
        0.5 + 0.5 * np.sin(2 * np.pi * ((2 + c + 3 * n) * x + (3 - c + n) * y + 0.2 * c) + n)
        for n, c in itertools.product(range(2), range(3))
    ]
    return torch.from_numpy(np.stack(waves).reshape(2, 3, 256, 256)).float()


@pytest.fixture
def write(tmp_path: Path) -> Callable[..., Path]:
    """Writes a checkpoint as the public code does; `change` may spoil it first."""

    def write(*, with_spade: bool = False, change: Callable[[dict], object] = lambda parts: None) -> Path:
        parts: dict = {**checkpoint(with_spade=with_spade), "epoch": 189}
        change(parts)
        torch.save(parts, tmp_path / "00000189-checkpoint.pth.tar")
        return tmp_path / "00000189-checkpoint.pth.tar"

    return write


PLAIN = (
    [[0.79636, -0.35348, 0.20855], [1.17233, -0.31795, 0.917], [1.93979, -0.8799, 0.63811]],
    [0.67379, 0.66497, 0.66604, 0.6598, 0.16218, 0.16282, 0.17059, 0.17737, 0.6921, 0.69271, 0.69098, 0.6879],
)
SPADE = (
    [[-0.69605, -0.19742, -1.0068], [-0.53058, 1.15574, -0.15355], [-0.22121, 1.21123, 0.962]],
    [
        0.86892,
        0.79657,
        0.80136,
        0.81621,
        0.89261,
        0.90618,
        0.80091,
        0.7306,
        0.10648,
        0.14647,
        0.72211,
        0.5669,
    ],
)
"""Every fifth driving keypoint, and pixels of the driving picture: what the public code (commit 9511d25,
torch 2.15) gave for this checkpoint and these pictures."""


@pytest.mark.parametrize("fast", [False, True], ids=["as read", "for inference"])
@pytest.mark.parametrize(("with_spade", "frozen"), [(False, PLAIN), (True, SPADE)], ids=["plain", "spade"])
def test_the_public_code_gives_the_same(with_spade, frozen, fast, write):
    model = load_public(write(with_spade=with_spade))
    model = for_inference(model) if fast else model
    with torch.inference_mode():
        first, second = pictures().split(1)
        source, motion = model.read_source(first), model.estimate(second)
        found = model.keypoints(source.canonical, motion)[0, ::5]
        picture = model.render(source, motion).picture
    keypoints, pixels = (torch.tensor(numbers) for numbers in frozen)
    torch.testing.assert_close(found, keypoints, rtol=0, atol=1e-4)
    torch.testing.assert_close(picture[0, :, 60::120, 60::120].flatten(), pixels, rtol=0, atol=1e-4)


def test_the_public_method_codes_clips(write, make_method, make_testcard, whole):
    file = str(write())
    clip = make_testcard(size=64, frames=2)
    for point, numbers in (("k15", 51), ("k10", 36), ("adaptive", 51), ("predictive", 51)):
        method = make_method("ours", weights=file, point=point)
        method.check()
        assert 2 * numbers == 6 * method.keypoints + 12
        assert method.describe()["keypoints"] == str(K if point != "k10" else 10)
        decoded = whole(method.decode(method.encode(clip)))
        assert decoded.shape == (2, 64, 64, 3)
        assert np.abs(decoded[0].astype(int) - decoded[1]).max() > 1
    with pytest.raises(AssetError, match="has 15 keypoints, k20 sends 20"):
        make_method("ours", weights=file, point="k20").encode(clip)


def test_fewer_keypoints_than_there_are_have_no_share(write):
    model = load_public(write())
    with torch.inference_mode():
        first, second = pictures().split(1)
        source, motion = model.read_source(first), model.estimate(second)
        field = model.motion_field(source, motion, torch.tensor([10]))
        every = model.motion_field(source, motion, torch.tensor([15]))
        assert torch.equal(every.flow, model.motion_field(source, motion).flow)
    assert not field.masks[:, 11:].any()
    torch.testing.assert_close(field.masks.sum(1), torch.ones_like(field.masks[:, 0]))


def without(part: str, name: str) -> Callable[[dict], object]:
    return lambda parts: parts[part].pop(name)


def put(part: str, name: str, value: object) -> Callable[[dict], object]:
    return lambda parts: parts[part].update({name: value})


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (without("generator", "third.norm.running_mean"), "missing generator.third.norm.running_mean;"),
        (without("he_estimator", "fc_exp.weight"), "'he_estimator.fc_exp.weight' is missing or odd"),
        (without("he_estimator", "fc_yaw.bias"), "missing he_estimator.fc_yaw.bias;"),
        (without("kp_detector", "down.weight"), "'kp_detector.down.weight' is missing or odd"),
        (
            put("kp_detector", "jacobian.weight", torch.zeros(135, 8, 3, 3, 3)),
            "unexpected kp_detector.jacobian.weight;",
        ),
        (
            put("generator", "final.weight", torch.zeros(3, 8, 5, 5)),
            r"generator.final.weight have shape \(3, 8, 5, 5\), \(3, 8, 7, 7\) is expected",
        ),
        (put("generator", "first.conv.weight", "text"), "'generator.first.conv.weight' is no tensor"),
        (lambda parts: parts.pop("he_estimator"), "has no 'he_estimator'; a checkpoint with generator, "),
        (lambda parts: parts.update(kp_detector=[1, 2]), "has no 'kp_detector'"),
    ],
)
def test_what_is_missing_or_odd_is_named(change, message, write):
    with pytest.raises(AssetError, match=message):
        load_public(write(change=change))


class Trap:
    """Writes a file when it is unpickled."""

    def __init__(self, file: Path) -> None:
        self.file = file

    def __reduce__(self) -> tuple[object, tuple[object, ...]]:
        return Path.touch, (self.file,)


def test_nothing_in_a_checkpoint_is_executed(write, tmp_path, make_method, testcard):
    file = write(change=lambda parts: parts.update(epoch=Trap(tmp_path / "sprung")))
    for use in (
        load_public,
        public_keypoints,
        lambda one: make_method("ours", weights=str(one), point="k15").model,
    ):
        with pytest.raises(AssetError, match="can be read without executing"):
            use(file)
    assert not (tmp_path / "sprung").exists()


def cut(data: bytes) -> Iterator[bytes]:
    yield b""
    yield data[: len(data) // 2]
    yield b"\x80\x02}q\x00." + data[:100]
    yield b"no checkpoint at all"


def test_damaged_files_are_refused(write):
    file = write()
    for damaged in cut(file.read_bytes()):
        file.write_bytes(damaged)
        with pytest.raises(AssetError, match="00000189-checkpoint"):
            load_public(file)
