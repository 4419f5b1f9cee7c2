"""Settings of a training run: a recipe in YAML, and what the command line changes in it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from ...core.errors import UsageError, unknown

if TYPE_CHECKING:
    from .contract import Training

S = TypeVar("S", bound="TrainSettings")


@dataclass(frozen=True)
class Augmentation:
    """Ranges of the changes that both pictures of a pair undergo together."""

    zoom: float = 0.72
    """Least side of the window that is cut out, relative to the stored picture."""
    zoom_out: float = 1.0
    """Its greatest side, up to 3; beyond 1, the picture's mirror image surrounds it."""
    lens: float = 0.0
    """Deviation of the displacements by which both pictures are bent alike, in half pictures: other faces of
    the same motion. Beyond some .06 the picture folds."""
    rotation: float = 10.0
    """Degrees, to either side."""
    mirror: bool = True
    brightness: float = 0.15
    contrast: float = 0.2
    colour: float = 0.08
    """Gain of a single channel."""


@dataclass(frozen=True)
class Phase:
    """A stretch of training: up to step `until`, pairs of `batch` pictures at `size`²."""

    until: int
    size: int
    batch: int
    rate: float
    """Learning rate at the start of the phase."""
    final_rate: float | None = None
    """Learning rate at its end, reached along a cosine; None keeps it constant."""


@dataclass(frozen=True)
class Weights:
    """Weights of the loss terms that all models have (see `picture_terms`); a model's own add to them."""

    perceptual: float = 10.0
    pixel: float = 10.0
    regions: float = 10.0
    region_pixel: float = 10.0
    adversarial: float = 0.0
    """Hinge loss of a patch discriminator, which is trained only where this is above zero."""
    features: float = 0.0
    """Feature matching with it."""


@dataclass(frozen=True)
class Emphasis:
    """How many times as far lids and lips are sent to move as was read off a frame (see `emphasis`).

    Trained on few people, a generator errs towards the mean: it paints others with less expression than
    they have.
    """

    eyes: float = 1.0
    mouth: float = 1.0

    def __bool__(self) -> bool:
        return (self.eyes, self.mouth) != (1.0, 1.0)


@dataclass(frozen=True)
class TrainSettings:
    """Everything that determines a training, but for the data and the machine; a model's own add to it."""

    model: str = "small"
    """Size of the networks, by its name."""
    networks: dict[str, Any] = field(default_factory=dict)
    """Changes to that size's definition, such as `networks.keypoints=15`."""
    seed: int = 1
    frames: int = 400
    """Frames that are kept of a clip, evenly spaced."""
    stored_size: int = 256
    """Side of the crops that are kept; no phase may ask for more."""
    held_out: list[str] = field(default_factory=list)
    """Identities that are not trained on; chosen (a tenth of them) where none is named."""
    phases: list[Phase] = field(default_factory=lambda: [Phase(100_000, 128, 8, 4e-4)])
    weights: Weights = field(default_factory=Weights)
    betas: list[float] = field(default_factory=lambda: [0.5, 0.999])
    """Of Adam."""
    warm_up: int = 200
    """Steps over which the learning rate grows to its height."""
    ema: float = 0.999
    """Decay of the running average of the weights, which is what is exported."""
    grad_norm: float = 100.0
    """Longer gradients are shortened to this."""
    autocast: bool = True
    """Run the networks in bfloat16 where that is exact enough. Slow on CPUs without units for it."""
    augmentation: Augmentation = field(default_factory=Augmentation)
    report_every: int = 50
    """Steps between two progress lines."""
    look_every: float = 10.0
    """Minutes between two checkpoints with a sheet of held-out pictures; a kill loses no more."""

    def to_dict(self) -> dict[str, Any]:
        """Plain values for a checkpoint or a card."""
        return asdict(self)


def read_settings(training: Training[Any, S], overrides: Sequence[str]) -> S:
    """A recipe of a model and changes to it.

    Args:
        training: of the model.
        overrides: ``KEY=VALUE``, VALUE in YAML: ``recipe=NAME`` (of a shipped one, or a file; default
            small), ``weights.pixel=5``, ``phases=[{until: 9, size: 64, batch: 2, rate: 1e-3}]``.

    Raises:
        UsageError: an unknown recipe, key or value.
    """
    from omegaconf import OmegaConf
    from omegaconf.errors import OmegaConfBaseException

    for override in overrides:
        if "=" not in override:
            raise UsageError(
                f"'{override}' is no setting; write KEY=VALUE, such as recipe=small or weights.pixel=5"
            )
    chosen = [override.partition("=")[2] for override in overrides if override.startswith("recipe=")]
    recipe = _recipe(training.recipes, chosen[-1] if chosen else "small")
    rest = [override for override in overrides if not override.startswith("recipe=")]
    try:
        values = OmegaConf.to_container(OmegaConf.merge(OmegaConf.load(recipe), OmegaConf.from_dotlist(rest)))
        assert isinstance(values, dict)
        known = training.settings().to_dict()
        _refuse_unknown({str(name): value for name, value in values.items()}, known)
        plain = OmegaConf.structured(training.settings)
        _unlock(plain)
        settings = OmegaConf.to_object(OmegaConf.merge(plain, values))
    except (OmegaConfBaseException, OSError, ValueError) as error:
        raise UsageError(f"training settings cannot be read: {' '.join(str(error).split())[:300]}") from None
    assert isinstance(settings, training.settings)
    _check(settings)
    configured(training, settings)
    training.check(settings)
    return settings


def configured(training: Training[Any, S], settings: S) -> Any:
    """The definition of the networks that settings ask for.

    Raises:
        UsageError: an unknown size or key, or a value of another type.
    """
    if settings.model not in training.sizes:
        raise unknown("model", settings.model, training.sizes)
    size = training.sizes[settings.model]
    known = size.to_dict()
    for name, value in settings.networks.items():
        if name not in known:
            raise unknown("key", f"networks.{name}", (f"networks.{key}" for key in known))
        if type(value) is not type(known[name]):
            raise UsageError(f"networks.{name}={value} has the wrong type; give something like {known[name]}")
    changes = {name: tuple(v) if isinstance(v, list) else v for name, v in settings.networks.items()}
    try:
        return replace(size, **changes)
    except ValueError as error:
        raise UsageError(f"networks: {error}") from None


def _recipe(folder: Path, name: str) -> Path:
    file = Path(name) if name.endswith((".yaml", ".yml")) else folder / f"{name}.yaml"
    if not file.is_file():
        raise unknown("recipe", name, (path.stem for path in folder.glob("*.yaml")))
    return file


def _unlock(config: Any) -> None:
    """Frozen dataclasses make read-only nodes, which nothing could be merged into."""
    from omegaconf import DictConfig, OmegaConf

    OmegaConf.set_readonly(config, False)
    for value in config.values():
        if isinstance(value, DictConfig):
            _unlock(value)


def _refuse_unknown(values: Mapping[str, Any], known: Mapping[str, Any], prefix: str = "") -> None:
    for name, value in values.items():
        if name not in known:
            raise unknown("key", f"{prefix}{name}", (f"{prefix}{key}" for key in known))
        if isinstance(value, dict) and name != "networks":
            inner = known[name]
            if isinstance(inner, dict):
                _refuse_unknown(value, inner, f"{prefix}{name}.")


def _check(settings: TrainSettings) -> None:
    if len(settings.betas) != 2:
        raise UsageError(f"betas={settings.betas} are not two; give such as [0.5,0.999]")
    if not settings.phases:
        raise UsageError("phases=[] trains nothing; give a list of {until, size, batch, rate}")
    for phase in settings.phases:
        if min(phase.until, phase.batch, phase.size // 64, phase.rate) <= 0:
            raise UsageError(f"{phase} is out of range; sizes are 64 or more, the rest above zero")
        if phase.size > settings.stored_size:
            raise UsageError(
                f"a phase asks for pictures of {phase.size}, crops are kept at {settings.stored_size}; "
                f"set stored_size={phase.size}"
            )
    _check_augmentation(settings.augmentation)
    for key in ("frames", "stored_size", "warm_up", "report_every"):
        if getattr(settings, key) < 1:
            raise UsageError(f"{key}={getattr(settings, key)} is out of range; give 1 or more")


def _check_augmentation(changes: Augmentation) -> None:
    ranges = {
        "zoom": (0.05, 1),
        "zoom_out": (changes.zoom, 3),  # one mirror image reaches as far
        "lens": (0, 0.06),  # beyond, the picture folds
        "rotation": (0, 180),
        **dict.fromkeys(("brightness", "contrast", "colour"), (0, 1)),
    }
    for key, (least, most) in ranges.items():
        value = getattr(changes, key)
        if not least <= value <= most:
            raise UsageError(
                f"augmentation.{key}={value} is out of range; give a number from {least:g} to {most:g}"
            )
