"""Runs against each other: recipes first, then numbers, on what they have in common."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from talkbench.cli import main
from talkbench.core.errors import StoreError, UsageError
from talkbench.core.store import read_json
from talkbench.reports.aggregate import load
from talkbench.reports.merged import labels, merge

MakeRun = Callable[..., Path]


@pytest.fixture
def runs(make_run: MakeRun, tmp_path: Path) -> tuple[Path, Path]:
    """Two runs: the second has a newer `ours`, another ffmpeg, and other pixels in the last clip."""
    first = make_run(methods=("h264", "ours"), pictures=("lpips",))
    second = tmp_path / "second"
    shutil.copytree(first, second)
    manifest = read_json(second / "manifest.json")
    manifest["versions"]["ffmpeg"] = "n10"
    manifest["dataset"]["clips"][2]["sha256"] = "other"
    for point in manifest["methods"]["ours"].values():
        point["describe"]["build"] = "new"
    (second / "manifest.json").write_text(json.dumps(manifest), "utf-8")
    rescore(second, lambda row: row["value"] * 0.9 if is_lpips_of_ours(row) else row["value"])
    return first, second


def is_lpips_of_ours(row: Any) -> bool:
    return bool(row["method"] == "ours" and row["metric"] == "lpips")


def rescore(run: Path, value: Callable[[Any], float]) -> None:
    table = pd.read_parquet(run / "scores.parquet")
    table["value"] = [value(row) for _, row in table.iterrows()]
    table.to_parquet(run / "scores.parquet")


def test_the_command_says_what_differs_before_the_numbers(
    runs: tuple[Path, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["report", *map(str, runs)]) == 0
    shown = capsys.readouterr().out.splitlines()
    name = runs[0].name
    assert f"differs: ffmpeg: n9.0.2 {name}, n10 second" in shown
    assert f"differs: ours (k10, k15, k20): build: ours/ffmpeg n9.0.2 <static> {name}, new second" in shown
    assert f"not compared: 1 clip of {name}, not in all runs with the same pixels" in shown
    report = Path(shown[-1].removeprefix("report: "))
    assert report == runs[0] / "compared" / "second" / "report" / "summary.md"
    text = report.read_text("utf-8")
    assert (
        text.index("What differs in how they were made")
        < text.index("ffmpeg: n9.0.2")
        < text.index("Means over")
    )
    assert "All on the 2 common clips" in text
    assert "<static>" not in text
    assert "ours \\[second\\]" in text
    for part in ("table.csv", "ratios.csv", "plots/rd_lpips_total.pdf", "paper/paper.tex"):
        assert (report.parent / part).is_file()
    assert not (runs[0] / "report").exists()  # of the runs themselves nothing changes


def test_what_is_the_same_stands_once_and_what_differs_apart(runs: tuple[Path, Path], tmp_path: Path) -> None:
    first, second = (load(run) for run in runs)
    merged = merge({"A": first, "B": second}, tmp_path)
    assert merged.results.methods == ("h264", "ours [A]", "ours [B]")
    assert merged.results.clips == first.clips[:2]
    point = ("ours [B]", "k20")
    assert merged.results.values["lpips"][point] == {
        clip: second.values["lpips"]["ours", "k20"][clip] for clip in first.clips[:2]
    }
    mean = sum(merged.results.values["lpips"][point].values()) / 2
    assert merged.results.aggregates["lpips"][point].mean == pytest.approx(mean)
    assert merged.pairs == tuple((("ours [A]", k), ("ours [B]", k)) for k in ("k10", "k15", "k20"))


def test_what_was_made_otherwise_and_came_out_equal_stands_once(
    runs: tuple[Path, Path], tmp_path: Path
) -> None:
    shutil.copyfile(runs[0] / "scores.parquet", runs[1] / "scores.parquet")
    merged = merge({"A": load(runs[0]), "B": load(runs[1])}, tmp_path)
    assert merged.results.methods == ("h264", "ours")
    assert merged.pairs == ()
    assert any(line.startswith("ours (k10, k15, k20): build:") for line in merged.recipe)


def test_metrics_of_other_signatures_are_not_compared_but_the_calls_length_is_of_amortised_alone(
    runs: tuple[Path, Path], tmp_path: Path
) -> None:
    manifest = read_json(runs[1] / "manifest.json")
    for name, about in manifest["metrics"].items():
        if name == "lpips":
            about["signature"] = "lpips|net:vgg"
        if about["metric"] == "bpp":
            about["signature"] += "|call_seconds:60"
    (runs[1] / "manifest.json").write_text(json.dumps(manifest), "utf-8")
    merged = merge({"A": load(runs[0]), "B": load(runs[1])}, tmp_path)
    assert "lpips" not in merged.results.values
    assert "bpp_total" in merged.results.values
    assert merged.left_out[:2] == ("lpips, whose signatures differ", "bpp_amortised, whose signatures differ")


def test_a_run_kept_as_text_can_be_compared(runs: tuple[Path, Path], tmp_path: Path) -> None:
    kept = tmp_path / "kept"
    kept.mkdir()
    pd.read_parquet(runs[0] / "scores.parquet").to_csv(kept / "scores.csv", index=False)
    shutil.copyfile(runs[0] / "manifest.json", kept / "manifest.json")
    merged = merge({"A": load(runs[0]), "kept": load(kept)}, tmp_path)
    assert merged.results.methods == ("h264", "ours")
    assert merged.pairs == ()
    assert merged.recipe == ()
    (kept / "scores.csv").write_text("method,value\nours,1\n", "utf-8")
    with pytest.raises(StoreError, match="columns of scores"):
        load(kept)


def test_runs_with_nothing_in_common_are_refused(runs: tuple[Path, Path], tmp_path: Path) -> None:
    manifest = read_json(runs[1] / "manifest.json")
    for clip in manifest["dataset"]["clips"]:
        clip["sha256"] = None
    (runs[1] / "manifest.json").write_text(json.dumps(manifest), "utf-8")
    with pytest.raises(StoreError, match="no clip has the same pixels in all runs"):
        merge({"A": load(runs[0]), "B": load(runs[1])}, tmp_path)


def test_names_of_runs_are_as_short_as_can_be(tmp_path: Path) -> None:
    assert labels([tmp_path / "a", tmp_path / "b"]) == ["a", "b"]
    assert labels([tmp_path / "x" / "a", tmp_path / "y" / "a"]) == ["x/a", "y/a"]
    with pytest.raises(UsageError, match="named twice"):
        labels([tmp_path / "a", tmp_path / "b" / ".." / "a"])
