"""Weights as shipped: half-precision safetensors that carry the networks' settings."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from .network_config import KEY, SCHEMA


def save_networks(model: nn.Module, config: Mapping[str, Any], path: Path, notes: Mapping[str, str]) -> str:
    """Write networks' weights in fp16, batch-norm statistics in fp32; returns the file's sha256.

    `notes` are stored beside the settings `config`, as strings. All of it is one entry of the metadata:
    several are written in any order, and equal weights would differ in their hash.
    """
    tensors: dict[str, Tensor] = {}
    for name, value in model.state_dict().items():
        if name.endswith("num_batches_tracked"):
            continue
        # A variance of a quiet channel may underflow in half precision.
        kind = torch.float32 if "running_" in name else torch.float16
        tensors[name] = value.detach().to("cpu", kind).contiguous()
    about = {**notes, "schema": SCHEMA, "config": dict(config)}
    save_file(tensors, str(path), {KEY: json.dumps(about, sort_keys=True)})
    return hashlib.sha256(path.read_bytes()).hexdigest()


def stored_tensors(path: Path) -> dict[str, Tensor]:
    """The tensors of a weights file, in single precision."""
    with safe_open(str(path), framework="pt") as file:
        return {name: file.get_tensor(name).float() for name in file.keys()}  # noqa: SIM118


def fill(model: nn.Module, tensors: Mapping[str, Tensor], name: str) -> None:
    """Put tensors into a model, ready to run; `name` is that of their file.

    Raises:
        ValueError: they are not the model's.
    """
    missing, unexpected = model.load_state_dict(tensors, strict=False)
    missing = [key for key in missing if not key.endswith("num_batches_tracked")]
    if missing or unexpected:
        raise ValueError(f"{name}: missing tensors {missing}, unexpected {unexpected}")
    model.eval().requires_grad_(False)
