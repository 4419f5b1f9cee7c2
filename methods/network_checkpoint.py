"""Public checkpoints: files that torch wrote, of state dictionaries; nothing in them is executed."""

from __future__ import annotations

import pickle
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path

import torch
from torch import Tensor

from ..core.errors import AssetError


def read_checkpoint(file: Path, parts: Sequence[str]) -> dict[str, Tensor]:
    """The tensors of the named state dictionaries, as `part.name`; all others are left where they are.

    Raises:
        AssetError: the file is no checkpoint of tensors alone, or a part is missing or odd.
    """
    try:
        state = torch.load(file, "cpu", weights_only=True, mmap=zipfile.is_zipfile(file))
    except (pickle.UnpicklingError, RuntimeError, ValueError, EOFError, KeyError, OSError) as error:
        reason = " ".join(str(error).split())[:160]
        raise AssetError(
            f"{file} is no checkpoint that can be read without executing what is in it ({reason}); "
            "name a .pth.tar as published, or a .safetensors file"
        ) from None
    tensors: dict[str, Tensor] = {}
    for part in parts:
        found = state.get(part) if isinstance(state, Mapping) else None
        if not isinstance(found, Mapping):
            raise AssetError(f"{file} has no '{part}'; a checkpoint with {', '.join(parts)} is expected")
        for name, tensor in found.items():
            if not isinstance(tensor, Tensor):
                raise AssetError(f"{file}: '{part}.{name}' is no tensor; name another checkpoint")
            tensors[f"{part}.{name}"] = tensor
    return tensors
