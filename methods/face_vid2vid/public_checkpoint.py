"""Checkpoints of the public re-implementation of face-vid2vid: `generator`, `kp_detector`, `he_estimator`.

Tables name each tensor; one that they do not know, or that is not there, is named. Nothing in the file is
executed. Checkpoints with learnt Jacobians are refused, and so are those from before November 2021, whose
angles mean something else: they have no `kp_detector.down.weight`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path

import torch
from torch import Tensor

from ...core.errors import AssetError
from ..network_checkpoint import read_checkpoint
from .blocks import channels_last
from .config import PAPER, ModelConfig
from .public_layout import PublicTalkingHead

PARTS = ("generator", "kp_detector", "he_estimator")
MOTION = "generator.dense_motion_network"
KEYPOINTS = "kp_detector.predictor"
TRUNK = "he_estimator"
STAGES = 4
BOTTLENECK = {
    "reduce.conv": "conv1", "reduce.norm": "norm1", "spatial.conv": "conv2", "spatial.norm": "norm2",
    "expand": "conv3", "norm": "norm3", "skip.0": "skip", "skip.1": "norm4",
}  # fmt: skip
SPADE = {"shared": ("mlp_shared.0",), "scale_and_shift": ("mlp_gamma", "mlp_beta")}
Layer = tuple[str, tuple[str, ...]]
"""A layer's name here, and there; of several there, the outputs are one after another here."""


def load_public(file: Path) -> PublicTalkingHead:
    """The model in a checkpoint, in single precision, ready to run.

    Raises:
        AssetError: a tensor is missing, odd, or of an unexpected shape; or the file is no such checkpoint.
    """
    tensors = _read(file)
    spade = "generator.decoder.fc.weight" in tensors
    config = _config(file, tensors)
    with torch.device("meta"):
        model = PublicTalkingHead(config, spade=spade)
    table = dict(_table(config, spade=spade))
    values: dict[str, Tensor] = {}
    missing: list[str] = []
    for name, expected in model.state_dict().items():
        layer, _, rest = name.rpartition(".")
        if rest == "num_batches_tracked":
            values[name] = torch.zeros((), dtype=torch.long)
            continue
        keys = [f"{part}.{rest}" for part in table[layer]]
        missing += [key for key in keys if key not in tensors]
        if not missing:
            value = torch.cat([tensors.pop(key).float() for key in keys])
            if value.shape != expected.shape:
                raise AssetError(
                    f"{file}: {' and '.join(keys)} have shape {tuple(value.shape)}, {tuple(expected.shape)} "
                    "is expected; name another checkpoint"
                )
            values[name] = value
    for what, found in (("missing", missing), ("unexpected", [] if missing else sorted(tensors))):
        if found:
            more = f" and {len(found) - 3} more" if len(found) > 3 else ""
            raise AssetError(
                f"{file}: {what} {', '.join(found[:3])}{more}; its layout is not that of vox-256"
            )
    model.load_state_dict(values, assign=True)
    channels_last(model)
    return model.eval().requires_grad_(False)


def public_keypoints(file: Path) -> int:
    """K of the model in a checkpoint.

    Raises:
        AssetError: the file is no such checkpoint.
    """
    return _config(file, _read(file)).keypoints


def _read(file: Path) -> dict[str, Tensor]:
    """The tensors of the three networks, spectral norms divided out."""
    tensors = read_checkpoint(file, PARTS)
    tensors = {name: tensor for name, tensor in tensors.items() if not name.endswith("num_batches_tracked")}
    for layer in [name.removesuffix("_orig") for name in tensors if name.endswith("weight_orig")]:
        if f"{layer}_u" in tensors and f"{layer}_v" in tensors:
            weight, u, v = (tensors.pop(f"{layer}_{part}").float() for part in ("orig", "u", "v"))
            tensors[layer] = weight / (u @ weight.flatten(1) @ v)
    return tensors


def _config(file: Path, tensors: Mapping[str, Tensor]) -> ModelConfig:
    """Sizes of the networks, read off the tensors' shapes."""

    def shape(layer: str) -> tuple[int, ...]:
        tensor = tensors.get(f"{layer}.weight")
        if tensor is None or tensor.dim() < 2:
            raise AssetError(f"{file}: '{layer}.weight' is missing or odd; its layout is not that of vox-256")
        return tuple(tensor.shape)

    def numbered(prefix: str) -> list[tuple[int, ...]]:
        """Shapes of the layers `prefix`0, 1, 2, …, each block of which has a `conv` or a `conv1`."""
        found: list[tuple[int, ...]] = []
        while inner := [n for n in ("conv", "conv1") if f"{prefix}{len(found)}.{n}.weight" in tensors]:
            found.append(shape(f"{prefix}{len(found)}.{inner[0]}"))
        return found

    volume = shape("generator.resblocks_3d.3dr0.conv1")[0]
    ups = [one[0] for one in numbered("generator.up_blocks.")]
    if "generator.decoder.fc.weight" in tensors:
        ups = [shape("generator.decoder.up_0.conv_1")[0], shape("generator.decoder.conv_img")[1]]
    blocks = [len(numbered(f"{TRUNK}.block{2 * stage + 1}.b{2 * stage + 1}_")) for stage in range(STAGES)]
    return replace(
        PAPER,
        spectral_norm=False,
        keypoints=shape(f"{TRUNK}.fc_exp")[0] // 3,
        appearance_widths=(
            shape("generator.first.conv")[0],
            *(one[0] for one in numbered("generator.down_blocks.")),
        ),
        volume_channels=volume,
        volume_depth=shape("generator.second")[0] // volume,
        volume_blocks=len(numbered("generator.resblocks_3d.3dr")),
        canonical_scale=4 / (shape("kp_detector.down")[-1] + 3),
        canonical_widths=tuple(one[0] for one in numbered(f"{KEYPOINTS}.down_blocks.down")),
        canonical_bottleneck=shape(f"{KEYPOINTS}.up_blocks.up0.conv")[1],
        canonical_levels=len(numbered(f"{KEYPOINTS}.up_blocks.up")),
        trunk_stem=shape(f"{TRUNK}.conv1")[0],
        trunk_widths=tuple(shape(f"{TRUNK}.conv{2 + stage}")[0] for stage in range(STAGES)),
        trunk_blocks=(blocks[0], *(1 + count for count in blocks[1:])),
        motion_compress=shape(f"{MOTION}.compress")[0],
        motion_widths=tuple(one[0] for one in numbered(f"{MOTION}.hourglass.encoder.down_blocks.")),
        generator_width=shape("generator.fourth")[0],
        generator_blocks=len(numbered("generator.resblocks_2d.2dr")),
        generator_widths=tuple(ups),
    )


def _table(config: ModelConfig, *, spade: bool) -> Iterator[Layer]:
    """Every layer of the model, and what the checkpoint calls it."""
    kinds = (_blocks, ("conv", "norm")), (_residual, ("conv1", "norm1", "conv2", "norm2"))
    for blocks, layers in kinds:
        for here, there in blocks(config, spade=spade):
            for layer in layers:
                yield f"{here}.{layer}", (f"{there}.{layer}",)
    yield "appearance.lift", ("generator.second",)
    yield "canonical.blur", ("kp_detector.down",)
    yield "canonical.lift", (f"{KEYPOINTS}.conv",)
    yield "canonical.heat", ("kp_detector.kp",)
    yield "field.compress.conv", (f"{MOTION}.compress",)
    yield "field.compress.norm", (f"{MOTION}.norm",)
    yield "field.masks", (f"{MOTION}.mask",)
    yield "field.occlusion", (f"{MOTION}.occlusion",)
    yield "generator.mix", ("generator.fourth",)
    if spade:
        yield from _spade_decoder()
    else:
        last = config.generator_blocks + len(config.generator_widths)
        yield f"generator.decoder.{last}", ("generator.final",)
    yield from _estimator(config)


def _blocks(config: ModelConfig, *, spade: bool) -> Iterator[tuple[str, str]]:
    """Blocks of a convolution and its norm."""
    yield "appearance.stem", "generator.first"
    for i in range(len(config.appearance_widths) - 1):
        yield f"appearance.down.{i}.body", f"generator.down_blocks.{i}"
    for i in range(len(config.canonical_widths)):
        yield f"canonical.encoder.{i}.body", f"{KEYPOINTS}.down_blocks.down{i}"
    for i in range(config.canonical_levels):
        yield f"canonical.decoder.{i}.body", f"{KEYPOINTS}.up_blocks.up{i}"
    for i in range(len(config.motion_widths)):
        yield f"field.unet.down.{i}.body", f"{MOTION}.hourglass.encoder.down_blocks.{i}"
        yield f"field.unet.up.{i}.body", f"{MOTION}.hourglass.decoder.up_blocks.{i}"
    yield "field.mix", f"{MOTION}.hourglass.decoder"
    yield "generator.flatten", "generator.third"
    for i in range(0 if spade else len(config.generator_widths)):
        yield f"generator.decoder.{config.generator_blocks + i}.body", f"generator.up_blocks.{i}"


def _residual(config: ModelConfig, *, spade: bool) -> Iterator[tuple[str, str]]:
    """Residual blocks."""
    for i in range(config.volume_blocks):
        yield f"appearance.blocks.{i}", f"generator.resblocks_3d.3dr{i}"
    for i in range(0 if spade else config.generator_blocks):
        yield f"generator.decoder.{i}", f"generator.resblocks_2d.2dr{i}"


def _spade_decoder() -> Iterator[Layer]:
    there = "generator.decoder"
    yield f"{there}.first", (f"{there}.fc",)
    yield f"{there}.paint", (f"{there}.conv_img",)
    blocks = [(f"middle.{i}", f"G_middle_{i}") for i in range(6)] + [(f"up.{i}", f"up_{i}") for i in range(2)]
    for block, its in blocks:
        for number, suffix in enumerate(("_0", "_1", "_s")):
            yield f"{there}.{block}.conv{number}", (f"{there}.{its}.conv{suffix}",)
            for layer, parts in SPADE.items():
                norm = f"{there}.{its}.norm{suffix}"
                yield f"{there}.{block}.norm{number}.{layer}", tuple(f"{norm}.{part}" for part in parts)


def _estimator(config: ModelConfig) -> Iterator[Layer]:
    yield "estimator.stem.conv", (f"{TRUNK}.conv1",)
    yield "estimator.stem.norm", (f"{TRUNK}.norm1",)
    # What is called roll there is used as yaw, and yaw as roll.
    yield "estimator.angles", tuple(f"{TRUNK}.fc_{angle}" for angle in ("roll", "pitch", "yaw"))
    yield "estimator.translation", (f"{TRUNK}.fc_t",)
    yield "estimator.deformation", (f"{TRUNK}.fc_exp",)
    at = 0
    for stage, count in enumerate(config.trunk_blocks):
        yield f"estimator.stages.{at}.conv", (f"{TRUNK}.conv{2 + stage}",)
        yield f"estimator.stages.{at}.norm", (f"{TRUNK}.norm{2 + stage}",)
        last = 2 * stage + 1
        names = [f"block{last}.b{last}_{i}" for i in range(count)]
        if stage:
            names = [f"block{last - 1}", *names[:-1]]
        for block, name in enumerate(names, at + 1):
            for here, there in BOTTLENECK.items():
                yield f"estimator.stages.{block}.{here}", (f"{TRUNK}.{name}.{there}",)
        at += 1 + count
