"""The manifest: what a run was, so that it can be repeated, and the tables made of its units."""

from __future__ import annotations

import platform
import sys
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from ..core import ffmpeg
from ..core.errors import StoreError
from ..core.feature_store import SetScore, write_sets
from ..core.metric import Metric, PictureMetric, RateMetric
from ..core.registry import plugins
from ..core.set_metric import SetMetric
from ..core.store import (
    FAILURE_COLUMNS,
    SCHEMA,
    SCORE_COLUMNS,
    read_manifest,
    read_units,
    write_json,
    write_rows,
    write_table,
    writing,
)
from ..core.version import __version__
from .plan import Plan, build_metrics, build_recipe
from .sets import set_scores
from .tasks import Failure, as_row

_PACKAGES = (
    "numpy", "torch", "torchvision", "lpips", "dlib-bin", "insightface", "onnxruntime", "mediapipe",
    "scipy", "pandas", "hydra-core", "imageio-ffmpeg",
)  # fmt: skip


def now() -> str:
    """The time, to the second, in UTC."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def _cpu() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor()
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()


def versions() -> dict[str, str]:
    """Versions of what makes the numbers; nothing is imported for it."""
    found = {"talkbench": __version__, "python": platform.python_version(), "ffmpeg": ffmpeg.build()}
    for package in _PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found


def _kind(metric: Metric, column: str) -> str:
    if metric.column(column).counts:
        return "count"
    if isinstance(metric, SetMetric):
        return "set"
    if isinstance(metric, PictureMetric):
        return "picture"
    return "rate" if isinstance(metric, RateMetric) else "model"


def describe_metrics(metrics: Mapping[str, Metric]) -> dict[str, dict[str, str]]:
    """What the report says of each column of the scores."""
    return {
        column: {
            "metric": name,
            "unit": metric.column(column).unit,
            "direction": metric.column(column).direction,
            "signature": metric.signature,
            "definition": " ".join((type(metric).__doc__ or "").split()),
            "source": metric.source,
            "kind": _kind(metric, column),
        }
        for name, metric in metrics.items()
        for column in metric.columns
    }


def earlier_manifest(run: Path, plan: Plan) -> dict[str, Any] | None:
    """The manifest that the folder already has, if this plan can go on with it.

    Raises:
        StoreError: the folder holds a run of other clips or of another benchmark.
    """
    if not (run / "manifest.json").is_file():
        return None
    old = read_manifest(run)
    here = (old["benchmark"], old["dataset"]["name"], old["dataset"]["fingerprint"])
    if here != (plan.benchmark, plan.dataset, plan.fingerprint):
        raise StoreError(
            f"{run} holds '{here[0]}' on {len(old['dataset']['clips'])} clips of '{here[1]}', not the clips "
            "(or not in the size or length) asked for now; choose another --out"
        )
    return old


def make_manifest(plan: Plan, command: Sequence[str], old: Mapping[str, Any] | None) -> dict[str, Any]:
    """A plan's manifest; what the folder's earlier one holds beyond it is kept.

    Args:
        plan: of this run.
        command: the command line.
        old: from `earlier_manifest`.
    """
    units = {
        (unit.point.method, unit.point.name, unit.clip.name): {
            "key": unit.key,
            "method": unit.point.method,
            "point": unit.point.name,
            "clip": unit.clip.name,
        }
        for unit in plan.units
    }
    config, methods = dict(plan.config), dict(plan.methods)
    metrics = describe_metrics(build_metrics(plan.config))
    if old is not None:
        before = {(unit["method"], unit["point"], unit["clip"]): unit for unit in old["units"]}
        units = before | units
        methods = {
            name: old["methods"].get(name, {}) | methods.get(name, {})
            for name in [*old["methods"], *(name for name in methods if name not in old["methods"])]
        }
        config = config | {group: old["config"][group] | config[group] for group in ("methods", "metrics")}
        metrics = old["metrics"] | metrics
    clips = [
        {
            "name": clip.name,
            "identity": clip.identity,
            "width": clip.width,
            "height": clip.height,
            "fps": str(clip.fps),
            "frames": None,
            "sha256": plan.hashes.get(clip.name),
            **plan.about.get(clip.name, {}),
        }
        for clip in plan.clips
    ]
    return {
        "schema": SCHEMA,
        "version": __version__,
        "created": old["created"] if old else now(),
        "finished": None,
        "command": list(command),
        "benchmark": plan.benchmark,
        "coded": build_recipe(plan.benchmark, plan.config).coded,
        "dataset": {
            "name": plan.dataset,
            "fingerprint": plan.fingerprint,
            "clips": clips,
            "left_out": dict(plan.left_out),
            "coverage": plan.coverage,
        },
        "config": config,
        "methods": methods,
        "metrics": metrics,
        "machine": {"system": platform.platform(), "cpu": _cpu(), "python": sys.version.split()[0]},
        "versions": versions(),
        "seed": plan.config["run"]["seed"],
        "units": list(units.values()),
    }


def _set_metrics(manifest: Mapping[str, Any]) -> dict[str, SetMetric]:
    """The set metrics that a run has ever been asked for and that are still installed."""
    config = manifest["config"]
    known = {name: settings for name, settings in config["metrics"].items() if name in plugins("metrics")}
    metrics = build_metrics({**config, "metrics": known})
    return {name: metric for name, metric in metrics.items() if isinstance(metric, SetMetric)}


def _set_row(manifest: Mapping[str, Any], score: SetScore) -> dict[str, Any]:
    """A set's value as a row of the scores: it is of no single clip."""
    return {
        "benchmark": manifest["benchmark"],
        "dataset": manifest["dataset"]["name"],
        "clip": "",
        **{
            key: getattr(score, key)
            for key in ("method", "point", "metric", "value", "unit", "direction", "signature")
        },
    }


def _lost(manifest: Mapping[str, Any], score: SetScore) -> Failure:
    stage = f"score {manifest['metrics'][score.metric]['metric']}"
    return Failure(score.method, score.point, "", stage, "MetricError", score.reason)


def write_tables(run: Path, manifest: dict[str, Any], failures: Sequence[Failure]) -> list[Failure]:
    """Write scores, failures and the manifest's last fields from the units that are there.

    Returns:
        what failed only now: values of sets, which are made of all units of a point.
    """
    import pandas as pd

    rows, units = [], read_units(run)
    frames: dict[str, int | None] = {}
    sets = set_scores(run, _set_metrics(manifest), units)
    for unit in units:
        frames[unit["clip"]] = unit["frames"] or frames.get(unit["clip"])
        for column, entry in unit["values"].items():
            if manifest["metrics"].get(column, {}).get("kind", "set") != "set":
                rows.append({
                    **{key: unit[key] for key in ("benchmark", "dataset", "method", "point", "clip")},
                    "metric": column,
                    **{key: entry[key] for key in ("value", "unit", "direction", "signature")},
                })  # fmt: skip
    rows += [_set_row(manifest, score) for score in sets]
    for clip in manifest["dataset"]["clips"]:
        clip["frames"] = frames.get(clip["name"])
    table = pd.DataFrame(rows, columns=list(SCORE_COLUMNS)).astype({"value": float})
    with writing(run / "scores.csv") as temporary:
        table.to_csv(temporary, index=False)
    write_table(run / "scores.parquet", table)
    lost = list(dict.fromkeys(_lost(manifest, score) for score in sets if score.reason and score.clips))
    write_rows(run / "failures.csv", FAILURE_COLUMNS, [as_row(failure) for failure in (*failures, *lost)])
    if sets or (run / "sets.json").is_file():
        write_sets(run, sets)
    manifest["finished"] = now()
    write_json(run / "manifest.json", manifest)
    return lost
