"""Weights of few-shot vid2vid's networks in a file."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from ..face_vid2vid.blocks import channels_last
from ..network_config import stored_config
from ..network_weights import fill, save_networks, stored_tensors
from .config import FewShotConfig
from .model import FewShotTalkingHead
from .paper import PaperTalkingHead
from .paper_config import PaperConfig

Networks = FewShotTalkingHead | PaperTalkingHead


def build(config: FewShotConfig | PaperConfig) -> Networks:
    """Untrained networks."""
    return PaperTalkingHead(config) if isinstance(config, PaperConfig) else FewShotTalkingHead(config)


def save_weights(model: Networks, path: Path, notes: Mapping[str, str]) -> str:
    """Write a model's weights and settings, with notes; returns the file's sha256."""
    return save_networks(model, model.config.to_dict(), path, notes)


def load_weights(path: Path) -> Networks:
    """The model in a weights file, in single precision, ready to run.

    Raises:
        ValueError: the file is of another schema, or its tensors are not those of its settings.
    """
    config = stored_config(path)
    kind = PaperConfig if config.get("layout") == PaperConfig.layout else FewShotConfig
    model = build(kind.from_dict(config))
    fill(model, stored_tensors(path), path.name)
    channels_last(model)
    return model
