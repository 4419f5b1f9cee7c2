"""Composing a run's configuration with hydra."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from . import method_files
from .errors import TalkbenchError, UsageError, unknown
from .registry import PACKAGE, SHELVES, find, plugins


def _register_third_parties() -> None:
    """Put the YAMLs of installed plugins beside this package's own in hydra's tables."""
    from hydra.core.config_store import ConfigStore
    from omegaconf import OmegaConf

    for shelf in SHELVES:
        for name, plugin in plugins(shelf).items():
            if not plugin.module.startswith(f"{PACKAGE}."):
                ConfigStore.instance().store(group=shelf, name=name, node=OmegaConf.load(plugin.yaml))


def _keys(config: Any, prefix: str = "") -> list[str]:
    if not isinstance(config, dict):
        return [prefix]
    inner = [key for name, value in config.items() for key in _keys(value, f"{prefix}.{name}".strip("."))]
    return [prefix, *inner] if prefix else inner


def _composed(overrides: Sequence[str]) -> dict[str, Any]:
    from hydra import compose, initialize_config_module
    from omegaconf import OmegaConf

    with initialize_config_module(PACKAGE, version_base="1.3"):
        config = OmegaConf.to_container(compose("bench", list(overrides)), resolve=True)
    assert isinstance(config, dict)
    return {str(key): value for key, value in config.items()}


def compose(
    methods: Sequence[str],
    dataset: str,
    benchmark: str,
    metrics: Sequence[str] | None = None,
    overrides: Sequence[str] = (),
) -> dict[str, Any]:
    """A run's whole configuration.

    Args:
        methods, dataset, benchmark: names; among the methods, files (`method_files`).
        metrics: names, or None for those of the benchmark.
        overrides: ``KEY=VALUE`` in hydra's grammar, such as ``methods.h264.crf=[23,30]``.

    Returns:
        plain dictionaries with the keys ``methods``, ``metrics``, ``data``, ``benchmark``, ``run``.

    Raises:
        UsageError: an unknown name or key, or a value that cannot be read; nearest names are offered.
    """
    from hydra.core.config_store import ConfigStore
    from hydra.errors import HydraException
    from omegaconf.errors import OmegaConfBaseException

    methods, own = method_files.split(methods)
    plain_methods = [name for name in methods if name not in own]
    for shelf, names in (("methods", plain_methods), ("metrics", metrics or ()), ("datasets", (dataset,))):
        for name in names:
            find(shelf, name)
    find("benchmarks", benchmark)
    _register_third_parties()
    for name, settings in own.items():
        ConfigStore.instance().store(group="methods", name=name, node={name: settings})
    groups = [f"datasets@data={dataset}", f"benchmarks@benchmark={benchmark}"]
    if metrics is None:
        recipe = _composed([*groups, "methods=[]", "metrics=[]"])["benchmark"]
        metrics = [*recipe["metrics"], *(recipe.get("optional") or [])]
        for name in metrics:
            find("metrics", name)
    groups += [f"methods=[{','.join(methods)}]", f"metrics=[{','.join(metrics)}]"]
    plain = _composed(groups)
    for override in overrides:
        _refuse_unknown(override, plain)
    try:
        return _composed([*groups, *_presets(plain), *map(_in_grammar, overrides)])
    except TalkbenchError:
        raise
    except (HydraException, OmegaConfBaseException) as error:
        reason = " ".join(str(error).split())[:300]
        raise UsageError(f"the configuration cannot be made: {reason}") from None


def _presets(config: dict[str, Any]) -> list[str]:
    """The settings that a recipe changes, for the methods that take part; the command's own come after."""
    stated, methods = config["benchmark"].get("presets") or [], config.get("methods", {})
    return [one for one in stated if not one.startswith("methods.") or one.split(".")[1] in methods]


def _in_grammar(override: str) -> str:
    """An override as hydra reads it: a text that is none of its values, such as a path, is put in quotes.

    Raises:
        UsageError: several values without brackets.
    """
    from hydra.core.override_parser.overrides_parser import OverridesParser
    from hydra.errors import HydraException

    key, _, value = override.partition("=")
    try:
        several = OverridesParser.create().parse_override(override).is_sweep_override()
    except HydraException:
        quoted = re.sub(r"(\\*)'", r"\1\1\'", re.sub(r"(\\+)$", r"\1\1", value))
        return f"{key}='{quoted}'"
    if several:
        raise UsageError(f"{override}: several values found; write a list as {key}=[{value}], or one value")
    return override


def _refuse_unknown(override: str, config: dict[str, Any]) -> None:
    key, equals, _ = override.partition("=")
    if not equals or not re.fullmatch(r"[\w.]+", key):
        raise UsageError(
            f"'{override}' is no setting; write KEY=VALUE with a key such as methods.h264.crf or run.workers"
        )
    known = _keys(config)
    if key not in known:
        raise unknown("key", key, known)
    inner = [name for name in known if name.startswith(f"{key}.")]
    if inner or key.count(".") < (2 if key.startswith(("methods", "metrics")) else 1):
        settings = f"set one of them: {', '.join(inner)}" if inner else "it has none"
        raise UsageError(f"'{key}' is a group of settings, and no setting; {settings}")
    if key == "benchmark.presets":
        raise UsageError("benchmark.presets is what the recipe changes; give its settings by their own names")
    if key in ("benchmark.metrics", "benchmark.optional"):
        raise UsageError(f"{key} is what the recipe scores by default; give --metrics A,B instead")
