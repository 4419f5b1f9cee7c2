"""Aggregates from the store's tables, and the table beside the page."""

import csv
import json
import math
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest
from talkbench.core.errors import StoreError
from talkbench.core.statistics import mean_interval
from talkbench.core.store import read_json, write_json
from talkbench.reports.aggregate import COLUMNS, load, write_table

MakeRun = Callable[..., Path]


def test_aggregates_are_means_over_clips_with_intervals(make_run: MakeRun) -> None:
    run = make_run()
    scores = pd.read_parquet(run / "scores.parquet")
    chosen = scores[(scores.method == "ours") & (scores.point == "k15") & (scores.metric == "lpips")]
    found = load(run).aggregates["lpips"]["ours", "k15"]
    assert found == mean_interval(chosen.value)
    assert found.mean == pytest.approx(chosen.value.mean())
    assert found.clips == 3


def test_order_is_the_plans_and_pictures_come_first(make_run: MakeRun) -> None:
    results = load(make_run())
    assert results.methods == ("h264", "h265", "ours", "freeze")
    assert [point for method, point in results.points if method == "ours"] == ["k10", "k15", "k20"]
    assert results.pictures[0] == "lpips"
    assert results.rates[:3] == ("bpp_motion", "bpp_total", "bpp_amortised")
    assert list(results.metrics)[-2:] == ["encode_ms", "decode_ms"]


def test_misses_are_counted_by_their_reason(make_run: MakeRun) -> None:
    results = load(make_run(failures=True))
    rows = list(csv.DictReader(write_table(results).read_text("utf-8").splitlines()))
    assert tuple(rows[0]) == COLUMNS
    by_key = {(row["method"], row["point"], row["metric"]): row for row in rows}
    failed = by_key["h265", "crf51", "psnr"]
    assert (failed["clips"], failed["left_out"], failed["missing"]) == ("2", "0", "1")
    not_applying = by_key["h264", "crf23", "vmaf"]
    assert (not_applying["clips"], not_applying["left_out"], not_applying["missing"]) == ("2", "1", "0")
    assert math.isfinite(float(not_applying["mean"]))
    assert len(rows) == len(results.points) * len(results.metrics)


def test_one_clip_has_no_interval_in_the_table(make_run: MakeRun) -> None:
    results = load(make_run(clips=("only",)))
    rows = list(csv.DictReader(write_table(results).read_text("utf-8").splitlines()))
    assert {(row["low"], row["high"]) for row in rows} == {("", "")}


def test_pooled_rate_is_all_bits_by_all_pixels(make_run: MakeRun) -> None:
    run = make_run()
    longer = next(unit for unit in load(run).units.values() if unit["point"] == "crf23")
    write_json(run / "units" / f"{longer['key']}.json", {**longer, "frames": 480})
    results = load(run)
    values = results.values["bpp_total"]["h264", "crf23"]
    sizes = {clip: results.units[("h264", "crf23"), clip] for clip in values}
    pixels = {clip: unit["frames"] * unit["width"] * unit["height"] for clip, unit in sizes.items()}
    bits = sum(values[clip] * pixels[clip] for clip in values)
    assert results.pooled("bpp_total", ("h264", "crf23")) == pytest.approx(bits / sum(pixels.values()))
    assert results.pooled("bpp_total", ("h264", "crf23")) != pytest.approx(sum(values.values()) / 3)
    assert results.pooled("psnr", ("h264", "crf23")) is None


def test_no_run_is_said_in_one_line(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match=r"manifest\.json is missing; expected a folder made by `bench run`"):
        load(tmp_path)


def test_scores_beyond_the_manifest_are_not_shown(make_run: MakeRun) -> None:
    run = make_run()
    manifest = read_json(run / "manifest.json")
    manifest["metrics"] = {name: about for name, about in manifest["metrics"].items() if name != "psnr"}
    manifest["units"] = [unit for unit in manifest["units"] if unit["method"] != "freeze"]
    (run / "manifest.json").write_text(json.dumps(manifest), "utf-8")
    results = load(run)
    assert "psnr" not in results.values
    assert "freeze" not in results.methods
    assert ("freeze", "default") not in results.aggregates["lpips"]
