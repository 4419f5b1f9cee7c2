"""What a run consists of: clips, operating points, metrics, and the units that they make."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from ..core.assets import Asset
from ..core.config import compose
from ..core.dataset import Dataset, whole
from ..core.errors import StoreError, TalkbenchError, UsageError
from ..core.method import Method
from ..core.metric import Metric, PictureMetric
from ..core.points import Point, points
from ..core.recorded import UNSEALED, Recorded
from ..core.registry import load
from ..core.selection import Selection
from ..core.shared_assets import FACE_LANDMARKER
from ..core.signature import code, digest
from ..core.version import __version__
from ..core.video import Clip
from . import background
from .recipe import Recipe

RECIPE_KEYS = ("metrics", "optional", "presets")
"""What stands in every recipe's YAML beside its settings."""


NO_POINT = "none"
"""The operating point of a method that cannot take part in a benchmark."""


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
        clips: of the units, in the data set's order or the recipe's; unreadable ones included.
        methods: description of each point by method and point.
        metrics: settings by metric name.
        units: in the order in which they are computed.
        unreadable: error message by clip name, for clips that cannot be part of a unit.
        left_out: reason by clip name, for clips that the settings exclude.
        coverage: how much of a published data set is here (core.dataset.Coverage), or None.
        hashes: sha256 by clip name, of the clips that can be read.
        about: what the recipe says of a clip, by clip name.
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
    coverage: Mapping[str, Any] | None = None
    hashes: Mapping[str, str] = field(default_factory=dict)
    about: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)


def build_metric(
    name: str, settings: Mapping[str, Any], count_first: bool, region: Mapping[str, Any] | None = None
) -> Metric:
    """A metric with its settings.

    Args:
        name, settings: of the metric.
        count_first: of a metric of pictures.
        region: of a metric of pictures that are not scored whole.

    Raises:
        UsageError: a setting is out of range.
    """
    cls = load("metrics", name)
    extra = {"count_first": count_first} if issubclass(cls, PictureMetric) else {}
    metric: Metric = cls(**settings, **extra)
    if region and isinstance(metric, PictureMetric):
        metric.region = region
    return metric


def build_dataset(name: str, settings: Mapping[str, Any]) -> Dataset:
    """A data set with its settings."""
    dataset: Dataset = load("datasets", name)(**settings)
    return dataset


def build_recipe(name: str, config: Mapping[str, Any]) -> Recipe:
    """A recipe with its settings.

    Raises:
        UsageError: a setting is out of range.
    """
    settings = {key: value for key, value in config["benchmark"].items() if key not in RECIPE_KEYS}
    recipe: Recipe = load("benchmarks", name)(**settings)
    return recipe


def build_metrics(config: Mapping[str, Any]) -> dict[str, Metric]:
    """The metrics of a configuration by name."""
    first = config["run"]["count_first"]
    region = background.settings() if background.blackened(config) else {}
    return {
        name: build_metric(name, settings or {}, first, region)
        for name, settings in config["metrics"].items()
    }


def absent_metrics(config: Mapping[str, Any], metrics: Mapping[str, Metric]) -> dict[str, str]:
    """Metrics that a recipe scores only where their files have been put, and why they are not scored here."""
    optional = [name for name in config["benchmark"].get("optional") or () if name in metrics]
    return {name: reason for name in optional if (reason := metrics[name].lacks())}


def needed_assets(config: Mapping[str, Any], dataset: str) -> list[Asset]:
    """Every asset that a configuration needs, each once."""
    assets = [*build_dataset(dataset, config["data"]).needs(), *Selection.of(config).needs()]
    for name, settings in config["methods"].items():
        for point in points(name, settings):
            assets += point.build().assets
    for metric in build_metrics(config).values():
        assets += metric.needs()
    if background.blackened(config):
        assets.append(FACE_LANDMARKER)
    return list(dict.fromkeys(assets))


def unit_key(clip: Clip, point: Point, method: Method, recipe: Recipe) -> str:
    """The key of a unit: the clip's content, the method's description, the code's version.

    Names are part of it, so that two clips of one content, or two points that a plugin describes alike,
    do not write into one file. So is a recipe that makes the frames.
    """
    names = [clip.name, point.method, point.name]
    maker = [] if recipe.coded else [recipe.name, code(type(recipe))]
    return digest([names, clip.sha256, dict(method.describe()), __version__, *maker])


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
    background.check(config, load("benchmarks", benchmark).coded)
    return config


def build_plan(config: Mapping[str, Any], dataset: str, benchmark: str) -> Plan:
    """Lay out a run. The clips' files must be there (`needed_assets`).

    Raises:
        UsageError: settings out of range, missing encoders, no clips, two clips of one name.
    """
    recipe = build_recipe(benchmark, config)
    built = {(point.method, point.name): (point, point.build()) for point in _points(recipe, config)}
    for _, method in built.values():
        if not recipe.lacks(method):
            method.check()
    source = build_dataset(dataset, config["data"])
    chosen, unfit = _chosen(source, config)
    if not chosen:
        first = next((f" ({name}: {reason})" for name, reason in unfit.items()), "")
        raise UsageError(
            f"data set '{dataset}' has no clips with these settings{first}; see `bench data list {dataset}`"
        )
    clips, hashes, unreadable = _laid_out(chosen, recipe, config)
    units = [
        Unit(unit_key(clip, point, method, recipe), clip, point)
        for clip in clips
        if clip.name in hashes
        for point, method in built.values()
    ]
    methods: dict[str, dict[str, Any]] = {}
    for (name, at), (point, method) in built.items():
        described = {
            "describe": dict(method.describe()),
            "settings": dict(point.settings),
            "mode": point.mode,
            "sealed": recipe.coded and not isinstance(method, Recorded),
        }
        methods.setdefault(name, {})[at] = described
    coverage = source.coverage()
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
        left_out={**source.left_out(), **unfit},
        coverage=coverage.record() if coverage else None,
        hashes=hashes,
        about={clip.name: recipe.about(clip) for clip in clips if clip.name in hashes},
    )


def _points(recipe: Recipe, config: Mapping[str, Any]) -> Iterator[Point]:
    """The operating points of a run; one for a method that cannot take part, to say so."""
    for name, settings in config["methods"].items():
        own = points(name, settings)
        if recipe.lacks(own[0].build()):
            yield replace(own[0], name=NO_POINT)
        elif isinstance(own[0].build(), Recorded):
            yield from (replace(point, name=_unsealed(point.name)) for point in recipe.points(own))
        else:
            yield from recipe.points(own)


def _unsealed(name: str) -> str:
    """The name of a point whose frames somebody else decoded."""
    return UNSEALED if name == "default" else f"{UNSEALED}-{name}"


def _chosen(dataset: Dataset, config: Mapping[str, Any]) -> tuple[list[Clip], dict[str, str]]:
    """The data set's clips that a run uses, and why others of those looked at are not selected."""
    run, selection = config["run"], Selection.of(config)
    clips = [clip.first(run["frames"]) for clip in dataset.clips()]
    chosen: list[Clip] = []
    unfit: dict[str, str] = {}
    for clip, reason in selection.choose(clips):
        if reason:
            unfit[clip.name] = reason
            continue
        chosen.append(clip)
        if len(chosen) == run["clips"]:
            break
    return chosen, unfit


def _laid_out(
    chosen: Sequence[Clip], recipe: Recipe, config: Mapping[str, Any]
) -> tuple[Sequence[Clip], dict[str, str], dict[str, str]]:
    """The clips of a run's units, their hashes, and why some of the data set's cannot be read."""
    hashes, unreadable = {}, {}
    for clip in chosen:
        try:
            hashes[clip.name] = clip.sha256
        except TalkbenchError as error:
            unreadable[clip.name] = str(error)
    readable = [clip for clip in chosen if clip.name in hashes]
    made = recipe.clips(readable, config["run"]["seed"])
    if made is readable:
        return chosen, hashes, unreadable
    lost = [clip for clip in chosen if clip.name in unreadable]
    return [*made, *lost], {clip.name: clip.sha256 for clip in made}, unreadable


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
    recipe = build_recipe(manifest["benchmark"], config)
    chosen, _ = _chosen(build_dataset(dataset, config["data"]), config)
    clips, _, _ = _laid_out(chosen, recipe, config)
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
                manifest["methods"][entry["method"]][entry["point"]].get("mode", ""),
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
        coverage=manifest["dataset"].get("coverage"),
        hashes={name: sha256 for name, sha256 in known.items() if sha256},
        about={clip.name: recipe.about(clip) for clip in clips if known[clip.name]},
    )
