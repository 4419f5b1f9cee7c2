"""Weights of the residual autoencoder as shipped: safetensors, numbers in half precision."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file

from ...core.errors import AssetError
from .binary_code import BEFORE, CONTEXTS, Counts
from .network import CHANNELS, ResidualAutoencoder

SCHEMA = "1"
KEY = "residual"
"""The entry of the file's metadata that holds schema and notes, as JSON."""
COUNTS = "counts"
"""The tensor of the entropy coder's first counts: (32, CONTEXTS), those of the bit 1, out of BEFORE."""


def save_weights(model: ResidualAutoencoder, before: Counts, file: Path, notes: Mapping[str, str]) -> None:
    """Write the network's weights and the counts that its codes are coded with."""
    tensors = {name: value.detach().half().contiguous() for name, value in model.state_dict().items()}
    tensors[COUNTS] = torch.from_numpy(before[..., 1].astype(np.uint8))
    save_file(tensors, str(file), {KEY: json.dumps({**notes, "schema": SCHEMA}, sort_keys=True)})


def load_weights(file: Path) -> tuple[ResidualAutoencoder, Counts]:
    """The network in a weights file, in single precision and ready to run, and the first counts.

    Raises:
        AssetError: the file is missing, or holds something else.
    """
    try:
        with safe_open(str(file), framework="pt") as opened:
            about = json.loads((opened.metadata() or {}).get(KEY, "{}"))
            tensors = {name: opened.get_tensor(name) for name in opened.keys()}  # noqa: SIM118
        if about.get("schema") != SCHEMA:
            raise ValueError(f"schema {about.get('schema')!r} found, {SCHEMA!r} expected")
        ones = tensors.pop(COUNTS).numpy().astype(np.int64)
        if ones.shape != (CHANNELS, CONTEXTS) or not ((ones > 0) & (ones < BEFORE)).all():
            raise ValueError("its counts are none")
        model = ResidualAutoencoder()
        model.load_state_dict({name: value.float() for name, value in tensors.items()})
    except (OSError, ValueError, KeyError, TypeError, RuntimeError, AttributeError, SafetensorError) as error:
        reason = " ".join(str(error).split())[:300]
        raise AssetError(
            f"{file} holds no weights of the residual code: {reason}; name another file"
        ) from None
    model.to(memory_format=torch.channels_last)
    return model.eval().requires_grad_(False), np.stack([BEFORE - ones, ones], -1)
