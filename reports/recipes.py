"""What differs in how runs were made, from their manifests: one line each."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

Manifests = Mapping[str, Mapping[str, Any]]
"""By what each run is called in the lines, such as ``here`` and ``kept``."""


def differing(runs: Manifests) -> Iterator[str]:
    """Versions, clips of one name with other pixels, settings of points, and signatures of metrics.

    Points, clips and metrics that only one of the runs has are no difference: `unshared` names them.
    """
    for key, owners in _by_name(runs, lambda run: run["versions"]).items():
        versions = {name: str(owners.get(name, "none")) for name in runs}
        if len(set(versions.values())) > 1:
            yield f"{key}: {_values(versions)}"
    for clip, found in _by_name(runs, _clips).items():
        if len({one["sha256"] for one in found.values()}) > 1:
            frames = ", ".join(
                f"{one['frames']}{' frames' if k == 0 else ''} {name}"
                for k, (name, one) in enumerate(found.items())
            )
            yield f"clip {clip}: other pixels ({frames}), not compared"
    yield from _settings(runs)
    for column, found in _by_name(runs, _metrics).items():
        signatures = {name: about["signature"] for name, about in found.items()}
        if len(set(signatures.values())) > 1:
            yield f"{column}: {_values(signatures)}"


def unshared(runs: Manifests) -> Iterator[str]:
    """What the runs are of, where it differs, and the points, clips and metrics that not all of them have."""
    facts = {name: _facts(run) for name, run in runs.items()}
    for what in next(iter(facts.values())):
        values = {name: about[what] for name, about in facts.items()}
        if len(set(values.values())) > 1:
            yield f"{what}: {_values(values)}"
    for what, of in (("clip", _clips), ("point", _points), ("metric", _metrics)):
        for names, owners in _apart(runs, of):
            yield f"{what}{'' if len(names) == 1 else 's'} only {' and '.join(owners)}: {', '.join(names)}"


def _apart(
    runs: Manifests, of: Callable[[Mapping[str, Any]], Mapping[str, Any]]
) -> Iterator[tuple[list[str], tuple[str, ...]]]:
    """Names that not all runs have, together with those that the same runs have."""
    found: dict[tuple[str, ...], list[str]] = {}
    for name, having in _by_name(runs, of).items():
        if len(having) < len(runs):
            found.setdefault(tuple(having), []).append(name)
    for owners, names in found.items():
        yield names, owners


def _facts(run: Mapping[str, Any]) -> dict[str, str]:
    """What a run is of, and the machine that its times are of."""
    return {
        "benchmark": run["benchmark"],
        "data set": run["dataset"]["name"],
        "seed": str(run.get("seed")),
        "frame 0 counts": str(run["config"].get("run", {}).get("count_first")),
        "background": str(run["config"].get("run", {}).get("background", "kept")),
        "machine": str(run.get("machine", {}).get("cpu")),
    }


def _points(run: Mapping[str, Any]) -> dict[str, Any]:
    return {f"{unit['method']} {unit['point']}": unit for unit in run["units"]}


def _metrics(run: Mapping[str, Any]) -> dict[str, Any]:
    return dict(run["metrics"])


def _clips(run: Mapping[str, Any]) -> dict[str, Any]:
    return {clip["name"]: clip for clip in run["dataset"]["clips"]}


def _by_name(
    runs: Manifests, of: Callable[[Mapping[str, Any]], Mapping[str, Any]]
) -> dict[str, dict[str, Any]]:
    """By name, what each of the runs that have it says of it."""
    found: dict[str, dict[str, Any]] = {}
    for run, manifest in runs.items():
        for name, about in of(manifest).items():
            found.setdefault(name, {})[run] = about
    return found


def _settings(runs: Manifests) -> Iterator[str]:
    """Settings of the points that several runs have; what is the same of several points is said once."""
    for method, owners in _by_name(runs, lambda run: run["methods"]).items():
        alike: dict[str, list[str]] = {}
        described = {
            run: {name: point["describe"] for name, point in own.items()} for run, own in owners.items()
        }
        for point in dict.fromkeys(name for own in described.values() for name in own):
            shared = {run: own[point] for run, own in described.items() if point in own}
            for key in sorted({key for own in shared.values() for key in own}):
                values = {run: str(own.get(key, "none")) for run, own in shared.items()}
                if len(set(values.values())) > 1:
                    alike.setdefault(f"{key}: {_values(values)}", []).append(point)
        for what, points in alike.items():
            yield f"{method} ({', '.join(points)}): {what}"


def _values(found: Mapping[str, str]) -> str:
    """'n1 here, n9 kept'; runs of one value together."""
    runs: dict[str, list[str]] = {}
    for name, text in found.items():
        runs.setdefault(text, []).append(name)
    return ", ".join(f"{text} {' and '.join(names)}" for text, names in runs.items())
