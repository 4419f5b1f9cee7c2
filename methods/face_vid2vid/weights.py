"""Weights of face-vid2vid's networks in a file."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from ..network_config import stored_config
from ..network_weights import fill, save_networks, stored_tensors
from .blocks import channels_last
from .config import ModelConfig
from .model import TalkingHead


def save_weights(model: TalkingHead, path: Path, notes: Mapping[str, str]) -> str:
    """Write a model's weights and settings, with notes; returns the file's sha256."""
    return save_networks(model, model.config.to_dict(), path, notes)


def load_weights(path: Path) -> TalkingHead:
    """The model in a weights file, in single precision, ready to run.

    Raises:
        ValueError: the file is of another schema, or its tensors are not those of its settings.
    """
    model = TalkingHead(ModelConfig.from_dict(stored_config(path)))
    fill(model, stored_tensors(path), path.name)
    channels_last(model)
    return model
