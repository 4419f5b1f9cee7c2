"""Public checkpoints of few-shot vid2vid: files of imaginaire's layout (`.pt` with a `net_G`).

Sizes are read off the tensors. Where a file holds the running average of the weights, that is taken, as the
public code does when it tests.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor

from ...core.errors import AssetError
from ..face_vid2vid.blocks import channels_last
from ..network_checkpoint import read_checkpoint
from ..network_weights import fill
from .paper import PaperTalkingHead
from .paper_config import PaperConfig

PREFIXES = ("module.averaged_model.", "averaged_model.", "module.module.", "module.", "")
"""What stands before a generator's names, by how it was wrapped; the first that is there counts."""
NOISY_EPS = 0.1
"""Of the norms behind the source's labels in weights that are no running average."""

Table = dict[str, str]


def names(config: PaperConfig) -> Table:
    """The table of names: of each layer in a public checkpoint, what it is called here."""
    table: Table = {}

    def block(theirs: str, here: str, *, norm: bool = False) -> None:
        table[f"{theirs}.layers.conv"] = f"{here}.conv"
        if norm:
            table[f"{theirs}.layers.norm"] = f"{here}.norm"

    def embedder(theirs: str, here: str, given: int = 0) -> None:
        block(f"{theirs}.conv_first", f"{here}.first")
        for level in range(config.halvings):
            block(f"{theirs}.down_{level}", f"{here}.down.{level}")
            if level >= given:
                block(f"{theirs}.up_{level}", f"{here}.up.{level}")

    def flow(theirs: str, here: str) -> None:
        block(f"{theirs}.down_flow.0", f"{here}.first", norm=True)
        for level in range(config.flow_halvings):
            block(f"{theirs}.down_flow.{level + 1}", f"{here}.down.{level}", norm=True)
            up = 2 * (config.flow_halvings - level) - 1
            block(f"{theirs}.up_flow.{up}", f"{here}.up.{level}", norm=True)
        for number in range(config.flow_blocks):
            for part in range(2):
                inner = f"{theirs}.res_flow.{number}.conv_block_{part}.layers"
                table[f"{inner}.conv"] = f"{here}.blocks.{number}.convs.{part}"
                table[f"{inner}.norm"] = f"{here}.blocks.{number}.norms.{part}"
        table[f"{theirs}.conv_flow.0.layers.conv"] = f"{here}.flow"
        table[f"{theirs}.conv_mask.0.layers.conv"] = f"{here}.mask"

    _weight_generator(config, table)
    embedder("weight_generator.label_embedding", "embedding", config.adaptive_layers)
    flow("flow_network_ref", "source_flow")
    embedder("ref_image_embedding", "source_embedding")
    if config.temporal:
        embedder("prev_image_embedding", "before_embedding")
        if config.own_flow:
            flow("flow_network_temp", "before_flow")
    widths = config.widths(config.halvings + 2)
    for level in range(config.halvings + 1):
        around = widths[level] != widths[level + 1]
        adaptive = level < config.adaptive_layers
        conditions = 2 + config.temporal if level < config.warped_layers else 1
        for number, part in enumerate("01s" if around else "01"):
            inner = f"up_{level}.conv_block_{part}.layers"
            table[f"{inner}.conv"] = f"blocks.{level}.convs.{number}"
            for condition in range(adaptive, conditions):
                here = f"blocks.{level}.spades.{number}.scales.{condition - adaptive}"
                table[f"{inner}.norm.mlps.{condition}.0.layers.conv"] = here
    table["conv_img.layers.conv"] = "last"
    return table


def _weight_generator(config: PaperConfig, table: Table) -> None:
    for kind, part in (("img", "picture"), ("label", "labels")):
        steps = [(f"ref_{kind}_first", "first")]
        for level in range(config.halvings):
            steps += [(f"ref_{kind}_{way}_{level}", f"{way}.{level}") for way in ("down", "up")]
        for theirs, here in steps:
            for layer in ("conv", "norm"):
                table[f"weight_generator.{theirs}.layers.{layer}"] = f"weight_generator.{part}.{here}.{layer}"
    heads = {"e": "embedding", "0": "spade_0", "1": "spade_1", "s": "spade_s"}
    for level in range(config.adaptive_layers):
        for theirs, here in heads.items():
            for number in range(config.linear_layers + 1):
                inner = f"weight_generator.fc_spade_{theirs}_{level}.{number}.layers.conv"
                table[inner] = f"weight_generator.heads.{level}.{here}.{2 * number}"


def load_checkpoint(file: Path) -> PaperTalkingHead:
    """The model in a public checkpoint, in single precision, ready to run; nothing in the file is executed.

    Raises:
        AssetError: a tensor is missing, odd, or of an unexpected shape; or the file is no checkpoint.
    """
    tensors, averaged = _generator(file)
    config = _config(file, tensors, averaged)
    model = PaperTalkingHead(config)
    expected = model.state_dict()
    values: dict[str, Tensor] = {}
    missing: list[str] = []
    for theirs, here in names(config).items():
        for part in ("weight", "bias"):
            value = tensors.pop(f"{theirs}.{part}", None)
            if value is None:
                missing.append(f"{theirs}.{part}")
            elif value.shape != expected[f"{here}.{part}"].shape:
                wanted = tuple(expected[f"{here}.{part}"].shape)
                raise AssetError(
                    f"{file}: '{theirs}.{part}' has shape {tuple(value.shape)}, {wanted} is expected"
                )
            else:
                values[f"{here}.{part}"] = value
    doubled = () if config.own_flow else ("flow_network_temp.",)
    unused = () if config.temporal else (".norm.mlps.2.",)  # for frames before, which it was not trained on
    odd = [name for name in tensors if not name.startswith(doubled) and not any(n in name for n in unused)]
    for what, found in (("missing", missing), ("unexpected", odd)):
        if found:
            more = f" and {len(found) - 3} more" if len(found) > 3 else ""
            raise AssetError(
                f"{file}: {what} {', '.join(found[:3])}{more}; its layout is not that of imaginaire's faces"
            )
    fill(model, values, file.name)
    channels_last(model)
    return model


def _generator(file: Path) -> tuple[dict[str, Tensor], bool]:
    """The generator's tensors without prefixes and spectral norms, and whether they are a running average."""
    stored = read_checkpoint(file, ["net_G"])
    for prefix in PREFIXES:
        begin = f"net_G.{prefix}"
        found = {
            name.removeprefix(begin): value.float()
            for name, value in stored.items()
            if name.startswith(begin)
        }
        if any(name.startswith("weight_generator.") for name in found):
            return _plain(file, found), "averaged" in prefix
    raise AssetError(
        f"{file}: 'net_G' has no 'weight_generator'; a checkpoint of imaginaire's fs_vid2vid is expected"
    )


def _plain(file: Path, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Weights divided by their spectral norms, where they are stored with them."""
    plain: dict[str, Tensor] = {}
    for name, value in tensors.items():
        layer, _, part = name.rpartition(".")
        if part == "weight_orig":
            u, v = (tensors.get(f"{layer}.weight_{one}") for one in "uv")
            matrix = value.flatten(1)
            if u is None or v is None or u.shape != matrix.shape[:1] or v.shape != matrix.shape[1:]:
                raise AssetError(f"{file}: '{layer}.weight_orig' has no spectral norm that fits it")
            plain[f"{layer}.weight"] = value / torch.dot(u, matrix @ v)
        elif part not in ("weight_u", "weight_v"):
            plain[name] = value
    return plain


def _config(file: Path, tensors: Mapping[str, Tensor], averaged: bool) -> PaperConfig:
    """The sizes of the networks, read off shapes."""

    def shape(layer: str) -> tuple[int, ...]:
        tensor = tensors.get(f"{layer}.layers.conv.weight")
        if tensor is None or tensor.dim() not in (2, 4):
            raise AssetError(
                f"{file}: '{layer}.layers.conv.weight' is missing or odd; name another checkpoint"
            )
        return tuple(tensor.shape)

    def count(pattern: str) -> int:
        number = 0
        while f"{pattern.format(number)}.layers.conv.weight" in tensors:
            number += 1
        return number

    halvings = count("weight_generator.ref_img_down_{}")
    temporal = any(name.startswith("prev_image_embedding.") for name in tensors)
    shared = all(
        torch.equal(value, tensors.get(name.replace("_temp.", "_ref.", 1), torch.empty(0)))
        for name, value in tensors.items()
        if name.startswith("flow_network_temp.")
    )
    return PaperConfig(
        width=shape("weight_generator.ref_img_first")[0],
        most=shape(f"weight_generator.ref_img_down_{halvings - 1}")[0],
        halvings=halvings,
        adaptive_layers=count("weight_generator.fc_spade_0_{}.0"),
        linear_layers=count("weight_generator.fc_spade_0_0.{}") - 1,
        reference_kernel=shape("weight_generator.ref_img_first")[-1],
        warped_layers=count("up_{}.conv_block_0.layers.norm.mlps.1.0"),
        flow_halvings=count("flow_network_ref.down_flow.{}") - 1,
        flow_blocks=count("flow_network_ref.res_flow.{}.conv_block_0"),
        temporal=temporal,
        own_flow=temporal and not shared,
        label_eps=PaperConfig.label_eps if averaged else NOISY_EPS,
        spectral_norm=False,
    )
