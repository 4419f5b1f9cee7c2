"""A synthetic run's folder: plausible curves, hostile names, tiny videos whose frames carry their number."""

from __future__ import annotations

import math
import subprocess
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from talkbench.core.ffmpeg import binary
from talkbench.core.signature import digest
from talkbench.core.store import FAILURE_COLUMNS, SCORE_COLUMNS, video_path, write_json, write_rows
from talkbench.reports.aggregate import Results, load
from talkbench.reports.comparison import compare
from talkbench.reports.html import write_page

SIDE, FRAMES, FPS = 128, 48, 25
CLIPS = (
    "woman, vlog",
    "\"><script>document.title='owned'</script><img src=x onerror=alert(1)>",
    "naïve 'ßtaircase' </script> & 日本; #1?.mp4",
)
SWEEPS: dict[str, list[str]] = {
    "h264": [f"crf{crf}" for crf in (23, 30, 37, 44, 51)],
    "h265": [f"crf{crf}" for crf in (23, 30, 37, 44, 51)],
    "ours": ["k10", "k15", "k20"],
    "freeze": ["default"],
}
WITH_VIDEO = (("h264", "crf37"), ("ours", "k20"))
SIZES = {"header": 40, "source": 3000, "motion": 960, "residual": 0, "refresh": 0}
PICTURE = {
    "lpips": ("", "lower"),
    "psnr": ("dB", "higher"),
    "psnr_mse": ("dB", "higher"),
    "psnr_y": ("dB", "higher"),
    "ssim": ("", "higher"),
    "ms_ssim": ("", "higher"),
    "vmaf": ("0-100", "higher"),
    "l1": ("0-255", "lower"),
}
RATES = {"bpp": "bit/px", "kbps": "kbit/s", "frame_bytes": "B/frame"}
ACCOUNTINGS = ("motion", "total", "amortised")


def frame(number: int) -> np.ndarray:
    """A moving disc over a dim ground; the top quarter shows the number in eight black or white bars."""
    y, x = np.mgrid[:SIDE, :SIDE]
    picture = np.full((SIDE, SIDE, 3), (40, 60, 90), np.uint8)
    centre = SIDE / 2 + 24 * math.sin(number / 7)
    picture[(x - centre) ** 2 + (y - 80) ** 2 < 30**2] = (224, 180, 150)
    bits = np.array([number >> (7 - k) & 1 for k in range(8)], np.uint8) * 255
    picture[: SIDE // 4] = np.repeat(bits, SIDE // 8)[None, :, None]
    return picture


def write_video(path: Path, crf: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    size = f"{SIDE}x{SIDE}"
    source = ["-f", "rawvideo", "-pix_fmt", "rgb24", "-s", size, "-r", str(FPS), "-i", "-"]
    coder = ["-c:v", "libx264", "-crf", str(crf), "-pix_fmt", "yuv420p", str(path)]
    pixels = b"".join(frame(number).tobytes() for number in range(FRAMES))
    subprocess.run([binary(), "-v", "error", *source, *coder], input=pixels, check=True)


def rate_and_quality(method: str, step: int, clip: int) -> tuple[float, float, float]:
    """Bytes of source, bytes a frame after it, and a quality in 0…1."""
    hard = (0.7, 1.0, 1.9)[clip]
    if method == "freeze":
        return 2400 * hard, 0.0, 0.45 - 0.12 * clip
    if method == "ours":
        return 6000 * hard, (42.0, 63.0, 84.4)[step], 0.72 + 0.03 * step - 0.05 * clip
    gain = 1.0 if method == "h264" else 0.72
    return 4000 * hard * 0.7**step, gain * hard * 900 * 0.42**step, 0.97 - 0.12 * step - 0.03 * clip


def clip_values(source: float, moving: float, quality: float) -> dict[str, float]:
    pixels, seconds = SIDE * SIDE, FRAMES / FPS
    frame_bytes = {
        "motion": moving,
        "total": moving + (source + 40) / FRAMES,
        "amortised": moving + (source + 40) / (10 * FPS),
    }
    values = {
        "lpips": 0.55 * (1 - quality) ** 1.3,
        "psnr": 20 + 22 * quality,
        "psnr_mse": 19.6 + 22 * quality,
        "psnr_y": 21.1 + 22 * quality,
        "ssim": 0.5 + 0.48 * quality,
        "ms_ssim": 0.6 + 0.39 * quality,
        "vmaf": 100 * quality**1.5,
        "l1": 30 * (1 - quality),
    }
    for accounting, size in frame_bytes.items():
        values[f"bpp_{accounting}"] = size * 8 / pixels
        values[f"kbps_{accounting}"] = size * 8 * FRAMES / seconds / 1000
        values[f"frame_bytes_{accounting}"] = size
    return values | {"encode_ms": 3 + 20 * quality, "decode_ms": 2.0}


def metric_table() -> dict[str, dict[str, str]]:
    columns = {name: (name, unit, direction, "picture") for name, (unit, direction) in PICTURE.items()}
    for rate, unit in RATES.items():
        columns |= {f"{rate}_{accounting}": (rate, unit, "lower", "rate") for accounting in ACCOUNTINGS}
    columns |= {f"{what}_ms": (f"{what}_ms", "ms/frame", "lower", "rate") for what in ("encode", "decode")}
    return {
        column: {
            "metric": metric,
            "unit": unit,
            "direction": direction,
            "kind": kind,
            "signature": f"{metric}|space:rgb|frame0:out|version:0.1.0",
            "definition": f"What {metric} is, & where it <b>ends</b>.\n\nA second paragraph.",
            "source": "Wang et al., 2004",
        }
        for column, (metric, unit, direction, kind) in columns.items()
    }


def describe(method: str, point: str) -> dict[str, str]:
    settings = {"build": f"{method}/ffmpeg n9.0.2 <static>", "threads": "1"}
    if point.startswith("crf"):
        settings |= {"encoder": f"-c:v {method}", "preset": "medium", "structure": "low delay"}
    swept = {"crf": point[3:]} if point.startswith("crf") else {"keypoints": point[1:]}
    return settings | (swept if point != "default" else {})


def write_run(
    run: Path,
    clips: tuple[str, ...] = CLIPS,
    videos: bool = False,
    failures: bool = False,
    pictures: tuple[str, ...] = tuple(PICTURE),
    methods: tuple[str, ...] = tuple(SWEEPS),
) -> Path:
    """Write a run's folder as the runner does.

    Args:
        run: the folder.
        clips: names; one to three.
        videos: make playable copies for the points WITH_VIDEO.
        failures: leave out one unit and list it as failed.
        pictures: the picture metrics to score.
        methods: which of SWEEPS to run.
    """
    unwanted = set(PICTURE) - set(pictures)
    table = {name: about for name, about in metric_table().items() if name not in unwanted}
    units: list[dict[str, Any]] = []
    scores: list[dict[str, Any]] = []
    failed: list[dict[str, str]] = []
    for method, points in ((name, SWEEPS[name]) for name in methods):
        for step, point in enumerate(points):
            for number, clip in enumerate(clips):
                key = digest([method, point, clip])
                units.append({"key": key, "method": method, "point": point, "clip": clip})
                if failures and (method, step, number) == ("h265", 4, 1):
                    said = "ffmpeg ended with code 1: <img src=x onerror=alert(1)>"
                    row = (method, point, clip, "encode", "CodecError", said)
                    failed.append(dict(zip(FAILURE_COLUMNS, row, strict=True)))
                    continue
                source, moving, quality = rate_and_quality(method, step, number)
                values = {
                    name: value
                    for name, value in clip_values(source, moving, quality).items()
                    if name in table
                }
                if number == 2 and "vmaf" in values:
                    values["vmaf"] = math.nan  # does not apply to this clip
                video = video_path(method, point, clip)
                stored = videos and (method, point) in WITH_VIDEO
                if stored:
                    write_video(run / video, 18 if method == "ours" else 32)
                write_unit(run, units[-1], values, table, str(video) if stored else None)
                common = {"benchmark": "compression", "dataset": "folder", "method": method, "point": point}
                scores += [
                    {**common, "clip": clip, "metric": name, "value": value}
                    | {key: table[name][key] for key in ("unit", "direction", "signature")}
                    for name, value in values.items()
                ]
    for clip in clips if videos else ():
        write_video(run / video_path("reference", "", clip), 14)
    (run / "units").mkdir(parents=True, exist_ok=True)
    pd.DataFrame(scores, columns=list(SCORE_COLUMNS)).to_parquet(run / "scores.parquet")
    write_rows(run / "failures.csv", FAILURE_COLUMNS, failed)
    write_json(run / "manifest.json", manifest(clips, units, table, methods))
    return run


def write_unit(
    run: Path, unit: dict[str, Any], values: dict[str, float], table: dict[str, Any], video: str | None
) -> None:
    document = {
        "schema": 1,
        **unit,
        "benchmark": "compression",
        "dataset": "folder",
        "describe": describe(unit["method"], unit["point"]),
        "frames": FRAMES,
        "width": SIDE,
        "height": SIDE,
        "fps": f"{FPS}/1",
        "stream": {"path": "streams/x.tkb", "sha256": unit["key"], "bytes": 4000, "sizes": SIZES},
        "decoded_sha256": unit["key"],
        "timing": {"encode_seconds": 1.0, "decode_seconds": 0.5},
        "values": {
            name: {"value": None, "reason": "it is too small <b>"} if math.isnan(v) else {"value": v}
            for name, v in values.items()
        },
        "video": video,
    }
    write_json(run / "units" / f"{unit['key']}.json", document)
    wave = np.sin(np.arange(FRAMES) / 5) * 0.05
    frames = {
        name: values[name] * (1 + wave) for name in PICTURE if not math.isnan(values.get(name, math.nan))
    }
    pd.DataFrame({"frame": np.arange(FRAMES), **frames}).to_parquet(run / "units" / f"{unit['key']}.parquet")


def manifest(
    clips: tuple[str, ...], units: list[dict[str, Any]], table: dict[str, Any], methods: tuple[str, ...]
) -> dict[str, Any]:
    shape = {"width": SIDE, "height": SIDE, "fps": f"{FPS}/1", "frames": FRAMES}
    return {
        "schema": 1,
        "version": "0.1.0",
        "created": "2026-11-20T07:00:00+00:00",
        "finished": "2026-11-20T07:09:31+00:00",
        "command": ["bench", "run", "--methods", "h264,h265,ours,freeze", "--out", "results/a <b>"],
        "benchmark": "compression",
        "dataset": {
            "name": "folder",
            "fingerprint": digest(clips),
            "left_out": {"tiny": "its face is too small"},
            "clips": [{"name": clip, "identity": "", "sha256": digest(clip), **shape} for clip in clips],
        },
        "config": {
            "methods": {name: {"sweep": "crf"} if name.startswith("h26") else {} for name in methods},
            "metrics": {"bpp": {"call_seconds": 10}},
            "run": {"count_first": False},
        },
        "methods": {
            method: {
                point: {
                    "describe": describe(method, point),
                    "settings": {"crf": int(point[3:])} if point.startswith("crf") else {},
                }
                for point in SWEEPS[method]
            }
            for method in methods
        },
        "metrics": table,
        "machine": {"cpu": "a <fast> one", "cores": 2, "memory_gb": 24},
        "versions": {"python": "3.11.2", "ffmpeg": "n9.0.2", "torch": "2.4"},
        "seed": 0,
        "units": units,
    }


@pytest.fixture
def make_run(tmp_path: Path) -> Callable[..., Path]:
    """Writes a synthetic run into a folder with a name that wants care; takes `write_run`'s arguments."""

    def make(**choices: Any) -> Path:
        return write_run(tmp_path / "a run's #1 <folder>", **choices)

    return make


@pytest.fixture(scope="session")
def whole_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A synthetic run with videos and a failure, not to be changed: writing and comparing take a while."""
    run = tmp_path_factory.mktemp("whole") / "a run's #1 <folder>"
    return write_run(run, videos=True, failures=True, pictures=("lpips", "psnr", "vmaf"))


@pytest.fixture
def made() -> Callable[..., Results]:
    """Makes results of sweeps, each by point: scores, motion bytes and total bytes, each of them one a clip.

    Takes `methods`, sweeps by method, of which those called h26x are block codecs; `direction` and `metric`,
    whose values are the scores, negated where lower is better; and `frames`, of each clip.
    """

    def make(
        methods: Mapping[str, Mapping[str, Sequence[Sequence[float]]]],
        direction: str = "higher",
        metric: str = "psnr",
        frames: Sequence[int | None] = (),
    ) -> Results:
        first = next(iter(next(iter(methods.values())).values()))
        clips = tuple(f"clip {k}" for k in range(len(first[0])))
        sign = 1 if direction == "higher" else -1
        names = (metric, "bpp_motion", "bpp_total", "bpp_amortised")
        values: dict[str, dict[tuple[str, str], dict[str, float]]] = {name: {} for name in names}
        for method, sweep in methods.items():
            for point, (scores, motion, total) in sweep.items():
                columns = (np.multiply(scores, sign), motion, total, np.multiply(motion, 1.5))
                for name, column in zip(values, columns, strict=True):
                    values[name][method, point] = dict(zip(clips, map(float, column), strict=True))
        about = {name: {"kind": "rate", "direction": "lower", "unit": ""} for name in values}
        about[metric] = {"kind": "picture", "direction": direction, "unit": ""}
        described = {
            method: {
                point: {
                    "describe": {"encoder": "x"} if method.startswith("h26") else {},
                    "settings": {"crf": float(point[3:])} if point.startswith("crf") else {},
                }
                for point in sweep
            }
            for method, sweep in methods.items()
        }
        shapes = zip(clips, frames or [100] * len(clips), strict=True)
        manifest = {
            "benchmark": "compression",
            "metrics": about,
            "methods": described,
            "config": {"methods": {name: {"sweep": "crf"} for name in methods if name.startswith("h26")}},
            "seed": 0,
            "dataset": {"name": "made", "clips": [{"name": name, "frames": count} for name, count in shapes]},
        }
        points = tuple((method, point) for method, sweep in methods.items() for point in sweep)
        return Results(Path("none"), manifest, points, clips, {}, values, {}, ())

    return make


@pytest.fixture(scope="session")
def whole(whole_run: Path) -> str:
    """Address of the page of the whole run."""
    results = load(whole_run)
    return write_page(results, compare(results), []).as_uri()


LARGE = (222, 40)
"""Clips and points of a large run: the papers' test set by a sweep of four methods."""


@pytest.fixture(scope="session")
def large(tmp_path_factory: pytest.TempPathFactory) -> Results:
    """Results of a large synthetic run; its units are in memory only, and carry no values by frame."""
    return large_results(tmp_path_factory.mktemp("large"), *LARGE)


def large_results(run: Path, clip_count: int, point_count: int) -> Results:
    """Results of `point_count` points, a quarter for each method of SWEEPS, on `clip_count` clips."""
    table = {
        name: about
        for name, about in metric_table().items()
        if name in ("lpips", "psnr") or name.startswith(("bpp", "kbps"))
    }
    clips = tuple(f"person {k:03}" for k in range(clip_count))
    sweeps = {method: [f"step{k:02}" for k in range(point_count // len(SWEEPS))] for method in SWEEPS}
    rng = np.random.default_rng(0)
    hard = rng.lognormal(0, 0.4, clip_count)
    planned, units, scores = [], {}, []
    for method, points in sweeps.items():
        for step, point in enumerate(points):
            for number, clip in enumerate(clips):
                planned.append(
                    {"key": f"{method}{step}-{number}", "method": method, "point": point, "clip": clip}
                )
                moving = hard[number] * (900 if method == "h264" else 600) * 0.7**step
                quality = float(np.clip(0.97 - 0.06 * step - 0.1 * (hard[number] - 1), 0.05, 0.99))
                values = clip_values(4000.0, moving, quality)
                common = {"benchmark": "compression", "dataset": "folder", "method": method, "point": point}
                scores += [
                    {**common, "clip": clip, "metric": name, "value": values[name]}
                    | {key: about[key] for key in ("unit", "direction", "signature")}
                    for name, about in table.items()
                ]
                units[(method, point), clip] = {
                    **planned[-1],
                    "frames": FRAMES,
                    "width": SIDE,
                    "height": SIDE,
                    "fps": f"{FPS}/1",
                    "stream": {"sizes": SIZES},
                    "timing": {"encode_seconds": 1.0, "decode_seconds": 0.5},
                    "values": {},
                    "video": None,
                }
    pd.DataFrame(scores, columns=list(SCORE_COLUMNS)).to_parquet(run / "scores.parquet")
    document = manifest(clips, planned, table, ())
    document["methods"] = {
        method: {point: {"describe": describe(method, point)} for point in points}
        for method, points in sweeps.items()
    }
    write_json(run / "manifest.json", document)
    return replace(load(run), units=units)
