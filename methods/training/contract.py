"""What a model brings to be trained; data, loop, logs and export are the same for all models."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar, Generic, Protocol, TypeVar

import torch
from torch import Tensor, nn

from .batch import Batch
from .clips import TrainingClip
from .perceptual import Perceptual
from .settings import Emphasis, TrainSettings

M = TypeVar("M", bound=nn.Module)
S = TypeVar("S", bound=TrainSettings)


class Config(Protocol):
    """Definition of a model's networks: a frozen dataclass."""

    def to_dict(self) -> dict[str, Any]:
        """Plain values."""
        ...


@dataclass(frozen=True)
class Step:
    """One forward pass.

    Attributes:
        terms: the loss terms, scalars before weighting; each name is a field of the settings' `weights`.
        picture: (B, 3, S, S) in [0, 1], the driving pictures as the model paints them; an adversary sees it.
        measures: other numbers for the log.
    """

    terms: dict[str, Tensor]
    picture: Tensor
    measures: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Look:
    """Held-out pictures as the model paints them.

    Attributes:
        picture: (B, 3, S, S) in [0, 1].
        beside: pictures (B, 1 or 3, S, S) in [0, 1] that show how it came about: masks, warped sources.
        measures: numbers for the table of held-out figures.
    """

    picture: Tensor
    beside: Sequence[Tensor] = ()
    measures: Mapping[str, float] = field(default_factory=dict)


class Objective(ABC, Generic[M]):
    """All loss terms of a model but the adversary's.

    Attributes:
        beside: what is trained with the model and kept in checkpoints, but no part of the weights (a probe).
    """

    def __init__(self) -> None:
        self.beside: nn.Module = nn.Module()

    @abstractmethod
    def __call__(self, model: M, batch: Batch, generator: torch.Generator) -> Step:
        """Run the model on a batch, under autocasting.

        Args:
            model: in training mode.
            batch: on the model's device.
            generator: on the CPU, seeded for this step; all chance comes from it.
        """

    def share(self, term: str, step: int) -> float:
        """What a term's weight is multiplied by at a step: for weights that grow or fall."""
        return 1.0


class Training(ABC, Generic[M, S]):
    """How one model is trained."""

    method: ClassVar[str]
    """The codec that these weights are for: its name in `bench train`."""
    summary: ClassVar[str]
    """First sentence of the model card: what the model does, after which paper."""
    recipes: ClassVar[Path]
    """Folder of the recipes (`NAME.yaml`: settings; `small.yaml` is the default)."""
    sizes: ClassVar[Mapping[str, Any]]
    """Definitions of the networks (`Config`), by the name that the setting `model` takes."""
    settings: type[S]
    """Its settings: `TrainSettings`, or a subclass with more."""
    shown: ClassVar[Sequence[str]] = ("perceptual", "regions")
    """Terms and measures that the progress line shows."""

    def check(self, settings: S) -> None:
        """Refuse settings that are out of range, of those that only this model has.

        Raises:
            UsageError: what was found, what was expected.
        """

    @abstractmethod
    def build(self, config: Any) -> M:
        """Untrained networks; `.config` of the model is what it was built from."""

    @abstractmethod
    def load(self, file: Path) -> M:
        """The networks in a weights file, as `build` makes them, for going on from there.

        Raises:
            ValueError, KeyError, TypeError, RuntimeError: the file holds something else.
        """

    @abstractmethod
    def save(self, model: M, file: Path, notes: Mapping[str, str]) -> str:
        """Write weights in half precision as the codec reads them; returns the file's sha256."""

    @abstractmethod
    def objective(
        self, settings: S, model: M, perceptual: Perceptual, clips: Sequence[TrainingClip]
    ) -> Objective[M]:
        """The model's objective.

        Args:
            settings: of this training.
            model: on the device that it is trained on.
            perceptual: a distance of pictures, there too.
            clips: those that are trained on, for what a probe must know of the labels.
        """

    @abstractmethod
    def look(self, model: M, batch: Batch) -> Look:
        """Paint held-out pictures as the codec would; no gradients are kept."""

    @abstractmethod
    def departures(self, model: M, settings: S) -> list[str]:
        """For the card: where model and training depart from the paper, a sentence each."""

    def emphasis(self, settings: S) -> Emphasis:
        """How the sender is to emphasise expressions; models that paint them in full do not ask for it."""
        return Emphasis()

    def groups(self, model: M, settings: S) -> Iterable[tuple[Iterable[nn.Parameter], float]]:
        """Parameters of the model and, of each group, the share of the learning rate that it gets.

        What is `beside` in the objective is put into the last group.
        """
        return [(model.parameters(), 1.0)]

    def pretrain(
        self,
        model: M,
        objective: Objective[M],
        settings: S,
        training: Sequence[TrainingClip],
        held_out: Sequence[TrainingClip],
        file: Path,
        stopping: Callable[[], bool],
        say: Callable[[str], None],
    ) -> bool:
        """Teach parts of the model before the whole, in place; it runs in one worker alone.

        Args:
            file: where to note how far it is, and to go on from after a stop.
            stopping: asked between steps.
            say: told of progress.

        Returns:
            whether it is done; false if it stopped.
        """
        return True
