"""Weights as shipped: half-precision safetensors that carry the model's settings."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path

import torch
from safetensors import safe_open
from safetensors.torch import save_file
from torch import Tensor

from .blocks import channels_last
from .config import ModelConfig
from .model import TalkingHead

SCHEMA = "1"
KEY = "talking_head"
"""The entry of the file's metadata that holds settings and notes, as JSON."""


def save_weights(model: TalkingHead, path: Path, notes: Mapping[str, str]) -> str:
    """Write a model's weights in fp16, batch-norm statistics in fp32; returns the file's sha256.

    `notes` are stored beside the settings, as strings. All of it is one entry of the metadata: several are
    written in any order, and equal weights would differ in their hash.
    """
    tensors: dict[str, Tensor] = {}
    for name, value in model.state_dict().items():
        if name.endswith("num_batches_tracked"):
            continue
        # A variance of a quiet channel may underflow in half precision.
        kind = torch.float32 if "running_" in name else torch.float16
        tensors[name] = value.detach().to("cpu", kind).contiguous()
    about = {**notes, "schema": SCHEMA, "config": model.config.to_dict()}
    save_file(tensors, str(path), {KEY: json.dumps(about, sort_keys=True)})
    return hashlib.sha256(path.read_bytes()).hexdigest()


def load_weights(path: Path) -> TalkingHead:
    """The model in a weights file, in single precision, ready to run.

    Raises:
        ValueError: the file is of another schema, or its tensors are not those of its settings.
    """
    with safe_open(str(path), framework="pt") as file:
        about = json.loads((file.metadata() or {}).get(KEY, "{}"))
        if about.get("schema") != SCHEMA:
            raise ValueError(
                f"{path.name}: weights schema {about.get('schema')!r}, expected "
                f"{SCHEMA!r}: use a version of the program that fits the file"
            )
        tensors = {name: file.get_tensor(name).float() for name in file.keys()}  # noqa: SIM118
    model = TalkingHead(ModelConfig.from_dict(about["config"]))
    missing, unexpected = model.load_state_dict(tensors, strict=False)
    missing = [name for name in missing if not name.endswith("num_batches_tracked")]
    if missing or unexpected:
        raise ValueError(f"{path.name}: missing tensors {missing}, unexpected {unexpected}")
    channels_last(model)
    return model.eval().requires_grad_(False)
