"""Public checkpoints of the first-order motion model: `vox-256.pth.tar`, `vox-adv-256.pth.tar`, others alike.

A file holds state dictionaries, of which `kp_detector` and `generator` matter here. Sizes are read off the
tensors, so that others of the same layout fit too.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path

import torch
from torch import Tensor

from ...core.errors import AssetError
from ..face_vid2vid.blocks import channels_last
from ..network_checkpoint import read_checkpoint
from ..network_weights import fill
from .config import PAPER, ModelConfig
from .geometry import gaussian_kernel
from .model import FirstOrderMotion

PARTS = ("kp_detector", "generator")
CONV = ("weight", "bias")
NORM = ("weight", "bias", "running_mean", "running_var")
IGNORED = "num_batches_tracked"
BLURS = ("kp_detector.down.weight", "generator.dense_motion_network.down.weight")
"""Not learnt: the Gaussian that pictures are made smaller with. Its size tells by how much."""

HOURGLASSES = {
    "kp_detector.predictor": "detector.hourglass",
    "generator.dense_motion_network.hourglass": "dense_motion.hourglass",
}
HEADS = {
    "kp_detector.kp": "detector.heat",
    "kp_detector.jacobian": "detector.jacobian",
    "generator.dense_motion_network.mask": "dense_motion.masks",
    "generator.dense_motion_network.occlusion": "dense_motion.occlusion",
    "generator.final": "generator.paint",
}


def names(config: ModelConfig) -> dict[str, str]:
    """The table of names: of each tensor in a public checkpoint, what it is called here."""
    layers: dict[str, str] = {}
    norms: dict[str, str] = {}

    def block(theirs: str, here: str) -> None:
        layers[f"{theirs}.conv"] = f"{here}.conv"
        norms[f"{theirs}.norm"] = f"{here}.norm"

    depths = len(config.detector_widths) - 1, len(config.motion_widths) - 1
    for (theirs, here), depth in zip(HOURGLASSES.items(), depths, strict=True):
        for level in range(depth):
            block(f"{theirs}.encoder.down_blocks.{level}", f"{here}.down.{level}.body")
            block(f"{theirs}.decoder.up_blocks.{level}", f"{here}.up.{level}.body")
    block("generator.first", "generator.stem")
    for level in range(len(config.generator_widths) - 1):
        block(f"generator.down_blocks.{level}", f"generator.down.{level}.body")
        block(f"generator.up_blocks.{level}", f"generator.up.{level}.body")
    for index in range(config.generator_blocks):
        for part in ("1", "2"):
            there, here = f"generator.bottleneck.r{index}", f"generator.blocks.{index}"
            layers[f"{there}.conv{part}"] = f"{here}.conv{part}"
            norms[f"{there}.norm{part}"] = f"{here}.norm{part}"
    layers |= HEADS
    return {
        f"{theirs}.{part}": f"{here}.{part}"
        for table, parts in ((layers, CONV), (norms, NORM))
        for theirs, here in table.items()
        for part in parts
    }


def load_checkpoint(file: Path, *, align_corners: bool = False) -> FirstOrderMotion:
    """The model in a public checkpoint, in single precision, ready to run; nothing in the file is executed.

    Args:
        align_corners: how features are sampled: false as the public code does under today's torch; true
            as it did under the torch of its time, in which the published weights were trained.

    Raises:
        AssetError: a tensor is missing, odd, or of an unexpected shape; or the file is no checkpoint.
    """
    tensors = read_checkpoint(file, PARTS)
    model = FirstOrderMotion(replace(_config(file, tensors), align_corners=align_corners))
    table, expected = names(model.config), model.state_dict()
    _check(file, tensors, table, expected)
    fill(model, {here: tensors[theirs].float() for theirs, here in table.items()}, file.name)
    channels_last(model)
    return model


def checkpoint_keypoints(file: Path) -> int:
    """K of a public checkpoint.

    Raises:
        AssetError: the file is no checkpoint.
    """
    return _config(file, read_checkpoint(file, PARTS)).keypoints


def _config(file: Path, tensors: Mapping[str, Tensor]) -> ModelConfig:
    """The sizes of the networks, read off shapes."""

    def outputs(name: str) -> int:
        tensor = tensors.get(f"{name}.weight")
        if tensor is None or tensor.dim() != 4:
            raise AssetError(f"{file}: '{name}.weight' is missing or no convolution; name another checkpoint")
        return len(tensor)

    def count(prefix: str, last: str) -> Iterator[str]:
        index = 0
        while f"{prefix}{index}{last}.weight" in tensors:
            yield f"{prefix}{index}{last}"
            index += 1

    def widths(hourglass: str) -> tuple[int, ...]:
        down = list(count(f"{hourglass}.encoder.down_blocks.", ".conv"))
        top = outputs(f"{hourglass}.decoder.up_blocks.{max(len(down) - 1, 0)}.conv")
        return (top, *map(outputs, down))

    detector, motion = (widths(name) for name in HOURGLASSES)
    return replace(
        PAPER,
        keypoints=outputs("kp_detector.kp"),
        motion_size=_motion_size(file, tensors),
        detector_widths=detector,
        motion_widths=motion,
        generator_widths=(
            outputs("generator.first.conv"),
            *map(outputs, count("generator.down_blocks.", ".conv")),
        ),
        generator_blocks=len(list(count("generator.bottleneck.r", ".conv1"))),
    )


PUBLIC_SIZE = 256
"""Side of the pictures that public checkpoints are for."""


def _motion_size(file: Path, tensors: Mapping[str, Tensor]) -> int:
    """Side of the pictures that detector and dense motion see."""
    sizes = set()
    for name in BLURS:
        blur = tensors.get(name)
        if blur is None:
            raise AssetError(f"{file}: '{name}' is missing; name a checkpoint that reduces its pictures")
        factor = (blur.shape[-1] + 3) // 4
        wanted = gaussian_kernel(factor) if factor > 1 else torch.ones(1, 1)
        if blur.shape != (3, 1, *wanted.shape) or not torch.allclose(blur[0, 0].float(), wanted, atol=1e-4):
            raise AssetError(
                f"{file}: '{name}' of shape {tuple(blur.shape)} is no Gaussian of the public layout"
            )
        sizes.add(PUBLIC_SIZE // factor)
    if len(sizes) > 1:
        raise AssetError(f"{file}: detector and dense motion see pictures of different sizes {sorted(sizes)}")
    return sizes.pop()


def _check(
    file: Path, tensors: Mapping[str, Tensor], table: Mapping[str, str], expected: Mapping[str, Tensor]
) -> None:
    odd = [name for name in tensors if name not in table and name not in BLURS and IGNORED not in name]
    for what, found in (("missing", [name for name in table if name not in tensors]), ("unexpected", odd)):
        if found:
            more = f" and {len(found) - 3} more" if len(found) > 3 else ""
            raise AssetError(
                f"{file}: {what} {', '.join(found[:3])}{more}; its layout is not that of vox-256.pth.tar"
            )
    for theirs, here in table.items():
        shape, wanted = tuple(tensors[theirs].shape), tuple(expected[here].shape)
        if shape != wanted:
            raise AssetError(f"{file}: '{theirs}' has shape {shape}, {wanted} is expected")
