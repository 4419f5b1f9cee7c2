"""Operating points: what a method's configuration expands to."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from .errors import UsageError, unknown
from .method import Method
from .method_files import PLUGIN
from .registry import load


@dataclass(frozen=True)
class Point:
    """One method at one setting.

    Attributes:
        method: its name.
        name: of the point, such as ``crf23``; unique within the method.
        settings: keyword arguments of the method's class; `method_files.PLUGIN` beside them names the plugin
            where the method is one of a user's own, which is told its `name` if it takes one.
        mode: what a recipe makes at this point, where it makes several things, such as ``relative``.
    """

    method: str
    name: str
    settings: Mapping[str, Any]
    mode: str = ""

    def build(self) -> Method:
        """The method at this point.

        Raises:
            UsageError: a setting is unknown to the method, or missing.
        """
        settings = dict(self.settings)
        plugin = settings.pop(PLUGIN, self.method)
        cls = load("methods", plugin)
        takes = inspect.signature(cls)
        if plugin != self.method and "name" in takes.parameters:
            settings["name"] = self.method
        try:
            takes.bind(**settings)
        except TypeError as error:
            known = ", ".join(takes.parameters)
            raise UsageError(f"methods.{self.method}: {error}; it takes {known}") from None
        method: Method = cls(**settings)
        return method


def points(method: str, config: Mapping[str, Any]) -> list[Point]:
    """Expand a method's configuration.

    The key ``sweep`` names the setting that is swept; each of its values is a point, named by key and
    number (``crf23``) or by the value itself where it is a word (``k20``). Without it, or where that
    setting is null, there is one point, called ``default``.

    Raises:
        UsageError: the swept setting is unknown or empty, or has a value twice.
    """
    settings = {key: value for key, value in config.items() if key != "sweep"}
    key = config.get("sweep")
    if key is not None and str(key) not in settings:
        raise unknown(f"value of methods.{method}.sweep", str(key), settings)
    if key is None or settings[key] is None:
        return [Point(method, "default", settings)]
    values = settings[key]
    values = list(values) if isinstance(values, (list, tuple)) else [values]
    names = [value if isinstance(value, str) else f"{key}{value}" for value in values]
    if (
        not values
        or len(set(names)) != len(names)
        or not all(isinstance(v, (str, int, float)) for v in values)
    ):
        raise UsageError(
            f"methods.{method}.{key}={values} is no sweep; give distinct values in brackets, such as [1,2]"
        )
    return [Point(method, name, {**settings, key: value}) for name, value in zip(names, values, strict=True)]
