"""What is kept of a run in the repository, and whether another run reproduces it."""

from __future__ import annotations

import csv
import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from talkbench.core.errors import StoreError
from talkbench.reports import reference

MakeRun = Callable[..., Path]
COMMITTED = Path(__file__).parents[2] / "results" / "reference"


@pytest.fixture
def run(make_run: MakeRun) -> Path:
    """A run with scores as the runner writes them, and a report as far as it is kept."""
    import pandas as pd
    from talkbench.reports.aggregate import load, write_table
    from talkbench.reports.comparison import compare, write_comparison
    from talkbench.reports.summary import write_summary

    run = make_run(pictures=("lpips", "vmaf"), videos=False)
    pd.read_parquet(run / "scores.parquet").to_csv(run / "scores.csv", index=False)
    results = load(run)
    comparison = compare(results)
    write_table(results)
    write_comparison(results, comparison)
    write_summary(results, comparison)
    manifest = json.loads((run / "manifest.json").read_text("utf-8"))
    manifest["config"]["data"] = {"root": "/home/somebody/calls"}
    manifest["command"] += [
        "data.root=/home/somebody/calls",
        f"--out={run}",
        f"--more={Path.cwd()}/results/x",
    ]
    (run / "manifest.json").write_text(json.dumps(manifest), "utf-8")
    return run


def change(folder: Path, point: str, metric: str, factor: float) -> None:
    """Multiply a point's values, or with factor 0 take them out."""
    with (folder / "scores.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    kept = []
    for row in rows:
        if (row["point"], row["metric"]) == (point, metric):
            row["value"] = str(float(row["value"]) * factor)
            if not factor:
                continue
        kept.append(row)
    with (folder / "scores.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(kept)


def test_a_run_reproduces_itself_and_not_what_differs(run: Path, tmp_path: Path) -> None:
    folder = tmp_path / "kept"
    reference.keep(run, folder)
    same = reference.compare(run, folder)
    assert same.same
    assert (same.recipe, same.numbers, same.left_out) == ((), (), 0)
    assert same.compared == 14 * 3 * (2 + 9)  # not encode_ms and decode_ms
    change(run, "k20", "lpips", 1.015)
    assert reference.compare(run, folder).same
    change(run, "k20", "lpips", 1.02)
    change(run, "crf30", "encode_ms", 5)  # times are the machine's
    worse = reference.compare(run, folder)
    assert not worse.same
    (line,) = worse.numbers
    assert line.startswith("lpips: 3 of 42 values differ by more than the tolerance, most ours k20")
    change(run, "k15", "bpp_total", 0)
    assert any(
        "bpp_total: 3 of 42 values are missing" in line for line in reference.compare(run, folder).numbers
    )


def test_only_what_the_run_asked_for_is_compared_and_other_pixels_are_not(run: Path, tmp_path: Path) -> None:
    folder = tmp_path / "kept"
    reference.keep(run, folder)
    manifest = json.loads((run / "manifest.json").read_text("utf-8"))
    manifest["units"] = [unit for unit in manifest["units"] if unit["method"] == "ours"]
    manifest["dataset"]["clips"][0].update(sha256="other", frames=9)
    manifest["versions"]["ffmpeg"] = "n1"
    manifest["methods"]["ours"]["k20"]["describe"]["build"] = "new"
    manifest["metrics"]["lpips"]["signature"] = "lpips|net:vgg"
    (run / "manifest.json").write_text(json.dumps(manifest), "utf-8")
    found = reference.compare(run, folder)
    assert found.same
    assert found.compared == 3 * 2 * 11
    assert found.left_out == (14 * 3 - 3 * 2) * 11
    assert found.recipe == (
        "ffmpeg: n1 here, n9.0.2 kept",
        "clip woman, vlog: other pixels (9 frames here, 48 kept), not compared",
        "ours (k20): build: new here, ours/ffmpeg n9.0.2 <static> kept",
        "lpips: lpips|net:vgg here, lpips|space:rgb|frame0:out|version:0.1.0 kept",
    )
    for clip in manifest["dataset"]["clips"]:
        clip["sha256"] = "other"
    (run / "manifest.json").write_text(json.dumps(manifest), "utf-8")
    assert not reference.compare(run, folder).same  # nothing was compared


def test_no_path_of_the_machine_is_kept(run: Path, tmp_path: Path) -> None:
    folder = tmp_path / "kept"
    reference.keep(run, folder)
    names = {path.name for path in folder.iterdir()}
    assert names == {
        "manifest.json", "scores.csv", "failures.csv", "table.csv", "ratios.csv", "bd.csv", "summary.md",
        "matching.csv", "differences.csv",
    }  # fmt: skip
    text = "".join(path.read_text("utf-8") for path in folder.iterdir())
    assert "/home/somebody" not in text
    assert str(Path.cwd()) not in text
    assert "data.root=CLIPS" in text
    assert f"--out=results/{run.name}" in text
    assert "--more=results/x" in text
    assert str(run.parent) not in text
    with (folder / "ratios.csv").open(newline="", encoding="utf-8") as file:
        assert {row["metric"] for row in csv.DictReader(file)} == {"lpips"}


def test_the_command_says_what_it_found(
    run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "kept"
    assert reference.main(["keep", str(run), str(folder)]) == 0
    assert reference.main(["compare", str(run), str(folder)]) == 0
    assert "reproduces" in capsys.readouterr().out
    change(run, "k20", "lpips", 2)
    assert reference.main(["compare", str(run), str(folder)]) == 1
    shown = capsys.readouterr().out
    assert "differs: lpips" in shown
    assert "does not reproduce" in shown
    assert reference.main(["compare", str(tmp_path), str(folder)]) == 2
    assert "manifest.json is missing" in capsys.readouterr().err
    (run / "report" / "table.csv").unlink()
    with pytest.raises(StoreError, match=r"table\.csv is missing; finish the run"):
        reference.keep(run, folder)


@pytest.mark.parametrize("name", sorted(path.name for path in COMMITTED.iterdir() if path.is_dir()))
def test_what_is_committed_holds_no_pictures_and_no_private_paths(name: str, tmp_path: Path) -> None:
    folder = COMMITTED / name
    for path in folder.iterdir():
        assert path.suffix in (".json", ".csv", ".md", ".svg")
        text = path.read_text("utf-8")
        assert "<image" not in text
        assert not re.search(r"(/home/|/root/|/tmp/|/Users/|\b[A-Z]:\\)", text), path.name
        assert str(COMMITTED.parents[1]) not in text
    copy = tmp_path / name
    shutil.copytree(folder, copy)
    assert reference.compare(copy, folder).same


def test_the_tolerance_is_stated_where_the_results_lie() -> None:
    text = (COMMITTED / "README.md").read_text("utf-8")
    assert f"{reference.RELATIVE:.0%}".replace("%", " %") in text
    assert f"{reference.OF_SPAN:.1%}".replace("%", " %") in text
