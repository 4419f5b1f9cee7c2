"""A method of one's own in one YAML: a name and settings for a method that there is.

The file is named in place of a method, as in ``--methods h264,svt_av1.yaml``. Its one key is the name that
streams, tables and plots carry; under it stand ``method``, the plugin that does the work, and those of the
plugin's settings that differ from its own YAML::

    svt_av1:
      method: external
      encode: SvtAv1EncApp -i {input} -b {stream} --crf {quality}
      decode: SvtAv1DecApp -i {stream} -o {output}
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from .errors import UsageError, unknown
from .registry import find, plugins

PLUGIN = "method"
"""The key, of such a file and of an operating point's settings, that names the plugin."""


def split(names: Sequence[str]) -> tuple[list[str], dict[str, dict[str, Any]]]:
    """The names of methods, and the settings of those that are given as files, by name.

    Args:
        names: of methods, and paths that end in .yaml or .yml.

    Raises:
        UsageError: a file cannot be read, names no plugin, has a name that is taken, or a setting that the
            plugin does not have.
    """
    plain: list[str] = []
    own: dict[str, dict[str, Any]] = {}
    for name in names:
        if name.endswith((".yaml", ".yml")):
            name, settings = _read(Path(name).expanduser())
            if name in own:
                raise UsageError(f"two files name their method '{name}'; rename one")
            own[name] = settings
        plain.append(name)
    return plain, own


def _read(path: Path) -> tuple[str, dict[str, Any]]:
    """The name and the settings of one file; a relative `root` is meant from the file's own folder."""
    from omegaconf import OmegaConf
    from yaml import YAMLError

    try:
        content = OmegaConf.to_container(OmegaConf.load(path), resolve=False)
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is no UTF-8"
        raise UsageError(f"{path} cannot be read ({reason}); give a YAML of a method") from None
    except (YAMLError, ValueError) as error:
        raise UsageError(f"{path} is no YAML ({' '.join(str(error).split())[:200]}); correct it") from None
    settings = next(iter(content.values())) if isinstance(content, dict) and len(content) == 1 else None
    if not isinstance(content, dict) or not isinstance(settings, dict) or PLUGIN not in settings:
        raise UsageError(
            f"{path}: one key expected, the method's name, and under it {PLUGIN}: PLUGIN and settings; see "
            "methods/examples"
        )
    name = str(next(iter(content)))
    if not re.fullmatch(r"[A-Za-z]\w*", name, re.ASCII) or name in plugins("methods"):
        raise UsageError(
            f"{path}: the name '{name}' is taken or no word of letters, digits and _; choose another"
        )
    defaults = _defaults(str(settings[PLUGIN]))
    for key in settings:
        if key not in defaults and key != PLUGIN:
            raise unknown(f"key of {name} in {path}", str(key), defaults)
    merged = {**defaults, **{str(key): value for key, value in settings.items()}}
    if "root" in merged:
        merged["root"] = str((path.parent / Path(str(merged["root"] or ".")).expanduser()).resolve())
    return name, merged


def _defaults(plugin: str) -> dict[str, Any]:
    from omegaconf import OmegaConf

    settings = OmegaConf.to_container(OmegaConf.load(find("methods", plugin).yaml), resolve=False)
    assert isinstance(settings, dict)
    return {str(key): value for key, value in settings[plugin].items()}
