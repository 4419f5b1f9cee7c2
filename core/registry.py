"""Names to plugins, one lazy table for every shelf.

A plugin of this package is a module and a YAML of one stem in its shelf's folder. A third party's is
an entry point of the group ``talkbench.<shelf>``, such as ``toy = "toy_codec:Toy"``, with a YAML named
after it beside its module. Nothing is imported before it is asked for.
"""

from __future__ import annotations

import functools
import importlib
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import EntryPoint, entry_points
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from .errors import UsageError, unknown

PACKAGE = __name__.rsplit(".", 2)[0]
SHELVES = ("methods", "metrics", "datasets", "benchmarks")


@dataclass(frozen=True)
class Plugin:
    """Where a name leads.

    Attributes:
        module: importable name of its module.
        attribute: of the class in it; '' for the module's one class of that name.
        yaml: its configuration.
    """

    module: str
    attribute: str
    yaml: Path


def _beside(entry: EntryPoint) -> Path:
    spec = find_spec(entry.module)
    if spec is None or spec.origin is None:
        raise UsageError(
            f"plugin '{entry.name}' names the module {entry.module}, which cannot be found; reinstall it"
        )
    return Path(spec.origin).with_name(f"{entry.name}.yaml")


@functools.cache
def plugins(shelf: str) -> Mapping[str, Plugin]:
    """All plugins of a shelf by name.

    Raises:
        UsageError: two plugins have one name, or a third party's has no YAML.
    """
    folder = Path(__file__).parent.parent / shelf
    found = {
        path.stem: Plugin(f"{PACKAGE}.{shelf}.{path.stem}", "", path)
        for path in sorted(folder.glob("*.yaml"))
    }
    for entry in entry_points(group=f"talkbench.{shelf}"):
        if entry.name in found:
            raise UsageError(
                f"two {shelf} are called '{entry.name}': {found[entry.name].module} and {entry.module}; "
                "uninstall one"
            )
        yaml = _beside(entry)
        if not yaml.is_file():
            raise UsageError(f"plugin '{entry.name}' has no {yaml}; add one with its settings")
        found[entry.name] = Plugin(entry.module, entry.attr, yaml)
    return found


def find(shelf: str, name: str) -> Plugin:
    """The plugin of that name.

    Raises:
        UsageError: there is none; the message holds the nearest names.
    """
    table = plugins(shelf)
    if name not in table:
        raise unknown(shelf.removesuffix("s"), name, table)
    return table[name]


def load(shelf: str, name: str) -> Any:
    """Import a plugin and return its class.

    Raises:
        UsageError: unknown name, or its module holds no class with that `name`.
    """
    plugin = find(shelf, name)
    module = importlib.import_module(plugin.module)
    if plugin.attribute:
        return getattr(module, plugin.attribute)
    for value in vars(module).values():
        if isinstance(value, type) and value.__dict__.get("name") == name:
            return value
    raise UsageError(f"{plugin.module} holds no class with name = '{name}'; add one")


def trainable(name: str) -> Any:
    """The class of a method that can be trained (core.method.Trainable).

    Raises:
        UsageError: an unknown name, or nothing in that method is learnt.
    """
    from .method import Trainable

    method = load("methods", name)
    if not issubclass(method, Trainable):
        others = [other for other in plugins("methods") if issubclass(load("methods", other), Trainable)]
        raise UsageError(f"{name} has nothing to train; methods that have: {', '.join(others)}")
    return method
