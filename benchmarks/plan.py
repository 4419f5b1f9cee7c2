"""What a run consists of: clips, operating points, metrics, and the units that they make."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ..core.assets import Asset
from ..core.config import compose
from ..core.dataset import Dataset, whole
from ..core.errors import StoreError, TalkbenchError, UsageError
from ..core.method import Method
from ..core.metric import Metric, PictureMetric
from ..core.points import Point, points
from ..core.registry import load
from ..core.signature import digest
from ..core.version import __version__
from ..core.video import Clip
from .recipe import Recipe


@dataclass(frozen=True)
class Unit:
    """One clip at one operating point.

    Attributes:
        key: sha256 of what determines the stream and the decoded frames.
        clip, point: what is coded, and how.
    """

    key: str
    clip: Clip
    point: Point


@dataclass(frozen=True)
class Plan:
    """All of a run, before anything is computed.

    Attributes:
        benchmark, dataset: names.
        fingerprint: of the clips, in order.
        config: the whole configuration, as composed.
        clips: in the data set's order; unreadable ones included.
        methods: description of each point by method and point.
        metrics: settings by metric name.
        units: in the order in which they are computed.
        unreadable: error message by clip name, for clips that cannot be part of a unit.
        left_out: reason by clip name, for clips that the settings exclude.
        hashes: sha256 by clip name, of the clips that can be read.
    """

    benchmark: str
    dataset: str
    fingerprint: str
    config: Mapping[str, Any]
    clips: Sequence[Clip]
    methods: Mapping[str, Mapping[str, Any]]
    metrics: Mapping[str, Mapping[str, Any]]
    units: Sequence[Unit]
    unreadable: Mapping[str, str] = field(default_factory=dict)
    left_out: Mapping[str, str] = field(default_factory=dict)
    hashes: Mapping[str, str] = field(default_factory=dict)


def build_metric(name: str, settings: Mapping[str, Any], count_first: bool) -> Metric:
    """A metric with its settings.

    Raises:
        UsageError: a setting is out of range.
    """
    cls = load("metrics", name)
    extra = {"count_first": count_first} if issubclass(cls, PictureMetric) else {}
    metric: Metric = cls(**settings, **extra)
    return metric


def build_dataset(name: str, settings: Mapping[str, Any]) -> Dataset:
    """A data set with its settings."""
    dataset: Dataset = load("datasets", name)(**settings)
    return dataset


def build_metrics(config: Mapping[str, Any]) -> dict[str, Metric]:
    """The metrics of a configuration by name."""
    first = config["run"]["count_first"]
    return {name: build_metric(name, settings or {}, first) for name, settings in config["metrics"].items()}


def needed_assets(config: Mapping[str, Any], dataset: str) -> list[Asset]:
    """Every asset that a configuration needs, each once."""
    assets = list(build_dataset(dataset, config["data"]).needs())
    for name, settings in config["methods"].items():
        for point in points(name, settings):
            assets += point.build().assets
    for metric in build_metrics(config).values():
        assets += metric.needs()
    return list(dict.fromkeys(assets))


def unit_key(clip: Clip, point: Point, method: Method) -> str:
    """The key of a unit: the clip's content, the method's description, the code's version.

    Names are part of it, so that two clips of one content, or two points that a plugin describes alike,
    do not write into one file.
    """
    names = [clip.name, point.method, point.name]
    return digest([names, clip.sha256, dict(method.describe()), __version__])


def compose_run(
    methods: Sequence[str],
    dataset: str,
    benchmark: str = "compression",
    metrics: Sequence[str] | None = None,
    overrides: Sequence[str] = (),
) -> dict[str, Any]:
    """A run's configuration, checked as far as that is possible without any file or clip.

    Raises:
        UsageError: a name, key or value is wrong.
    """
    if not methods:
        raise UsageError("no method given; name some, such as --methods h264,h265 (`bench list methods`)")
    if metrics is not None and not metrics:
        raise UsageError("no metric given; name some, such as --metrics lpips,bpp (`bench list metrics`)")
    config = compose(methods, dataset, benchmark, metrics, overrides)
    run = config["run"]
    for key in ("clips", "frames", "workers"):
        if run[key] is not None:
            whole(f"run.{key}", run[key], 1)
    whole("run.seed", run["seed"], 0)
    for key in ("count_first", "videos"):
        if not isinstance(run[key], bool):
            raise UsageError(f"run.{key}={run[key]} found; give true or false")
    return config


def build_plan(config: Mapping[str, Any], dataset: str, benchmark: str) -> Plan:
    """Lay out a run. The clips' files must be there (`needed_assets`).

    Raises:
        UsageError: settings out of range, missing encoders, no clips, two clips of one name.
    """
    run = config["run"]
    built = {
        (point.method, point.name): (point, point.build())
        for name, settings in config["methods"].items()
        for point in points(name, settings)
    }
    for _, method in built.values():
        method.check()
    source = build_dataset(dataset, config["data"])
    chosen = source.clips()[: run["clips"]]
    if not chosen:
        raise UsageError(
            f"data set '{dataset}' has no clips with these settings; see `bench data list {dataset}`"
        )
    clips = [clip.first(run["frames"]) for clip in chosen]
    hashes, unreadable = {}, {}
    for clip in clips:
        try:
            hashes[clip.name] = clip.sha256
        except TalkbenchError as error:
            unreadable[clip.name] = str(error)
    recipe: Recipe = load("benchmarks", benchmark)()
    readable = [clip for clip in clips if clip.name in hashes]
    pairs = recipe.pairs(readable, [point for point, _ in built.values()])
    units = [
        Unit(unit_key(clip, point, built[point.method, point.name][1]), clip, point) for clip, point in pairs
    ]
    methods: dict[str, dict[str, Any]] = {}
    for (name, at), (point, method) in built.items():
        described = {"describe": dict(method.describe()), "settings": dict(point.settings)}
        methods.setdefault(name, {})[at] = described
    fingerprint = digest([hashes.get(clip.name, "unreadable") for clip in clips])
    return Plan(
        benchmark=benchmark,
        dataset=dataset,
        fingerprint=fingerprint,
        config=config,
        clips=clips,
        methods=methods,
        metrics=config["metrics"],
        units=units,
        unreadable=unreadable,
        left_out=source.left_out(),
        hashes=hashes,
    )


def stored_plan(manifest: Mapping[str, Any], config: Mapping[str, Any]) -> Plan:
    """The plan of a finished run, with its stored keys: nothing in it is to be encoded again.

    Args:
        manifest: of the run.
        config: its configuration, with the metrics that are wanted now.

    Raises:
        StoreError: the clips are no longer the ones of the run.
    """
    dataset = manifest["dataset"]["name"]
    known = {entry["name"]: entry["sha256"] for entry in manifest["dataset"]["clips"]}
    frames = config["run"]["frames"]
    clips = [clip.first(frames) for clip in build_dataset(dataset, config["data"]).clips()]
    clips = [clip for clip in clips if clip.name in known]
    changed = [clip.name for clip in clips if known[clip.name] and clip.sha256 != known[clip.name]]
    missing = sorted(set(known) - {clip.name for clip in clips})
    if changed or missing:
        raise StoreError(
            f"the data set '{dataset}' has changed since the run: {', '.join(changed + missing)}; "
            "restore these clips, or run again into another folder"
        )
    unreadable = {name: "it was unreadable in the run" for name, sha256 in known.items() if not sha256}
    by_name = {clip.name: clip for clip in clips}
    units = [
        Unit(
            entry["key"],
            by_name[entry["clip"]],
            Point(
                entry["method"],
                entry["point"],
                manifest["methods"][entry["method"]][entry["point"]]["settings"],
            ),
        )
        for entry in manifest["units"]
    ]
    return Plan(
        benchmark=manifest["benchmark"],
        dataset=dataset,
        fingerprint=manifest["dataset"]["fingerprint"],
        config=config,
        clips=clips,
        methods=manifest["methods"],
        metrics=config["metrics"],
        units=units,
        unreadable=unreadable,
        left_out=manifest["dataset"]["left_out"],
        hashes={name: sha256 for name, sha256 in known.items() if sha256},
    )
