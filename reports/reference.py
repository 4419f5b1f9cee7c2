"""Committed runs: what is kept of a run, and whether another run gives the same numbers.

python -m talkbench.reports.reference keep RUN FOLDER
python -m talkbench.reports.reference compare RUN FOLDER
"""

from __future__ import annotations

import argparse
import csv
import json
import math
import shutil
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..core.errors import StoreError, TalkbenchError
from ..core.store import read_manifest, write_json, writing
from .recipes import differing

RELATIVE = 0.02
"""Two values are the same where they differ by no more than this share of the kept one…"""
OF_SPAN = 0.005
"""…or by no more than this share of what the metric spans in the kept run."""
TIMES = "ms/frame"
"""Unit of what depends on the machine, and is not compared."""
KEPT = (
    "scores.csv", "failures.csv",
    "report/table.csv", "report/ratios.csv", "report/matching.csv", "report/differences.csv", "report/bd.csv",
    "report/summary.md",
    "report/plots/rd_lpips_motion.svg", "report/plots/rd_lpips_total.svg",
)  # fmt: skip
"""Numbers, tables and plots: neither streams nor videos, and no picture of anybody."""
OF_SOME_METRICS = ("ratios.csv", "matching.csv", "differences.csv", "bd.csv")
METRICS = ("lpips", "psnr", "ms_ssim")
"""Metrics of which those tables are kept; the others' follow from the scores."""

Key = tuple[str, str, str, str]
"""Method, point, clip (empty where the value is of the set), metric."""


@dataclass(frozen=True)
class Outcome:
    """How a run compares with a kept one.

    Attributes:
        recipe: what differs in how they were made, a line each.
        numbers: what differs by more than the tolerance, a line for each metric, and what is missing.
        compared: how many values were compared.
        left_out: how many kept values were not, since the run did not ask for them.
    """

    recipe: tuple[str, ...]
    numbers: tuple[str, ...]
    compared: int
    left_out: int

    @property
    def same(self) -> bool:
        """Whether all that was compared agrees, and something was."""
        return self.compared > 0 and not self.numbers


def keep(run: Path, folder: Path) -> None:
    """Copy a finished run's manifest, tables and plots, without the paths of the machine that made it.

    Args:
        run: a run's folder with its report.
        folder: where to; what it holds of an earlier run is overwritten.

    Raises:
        StoreError: `run` is not a run's folder, or has no report.
    """
    manifest = read_manifest(run)
    hidden = _private(manifest, run)
    write_json(
        folder / "manifest.json", json.loads(_without(json.dumps(manifest, ensure_ascii=False), hidden))
    )
    for name in KEPT:
        path = run / name
        if not path.is_file():
            if path.suffix == ".svg":  # a run without LPIPS has no such plot
                continue
            raise StoreError(f"{path} is missing; finish the run by repeating its command")
        with writing(folder / path.name) as temporary:
            if path.name in OF_SOME_METRICS:
                _some_rows(path, temporary)
            elif path.suffix == ".svg":
                shutil.copyfile(path, temporary)
            else:
                temporary.write_text(_without(path.read_text("utf-8"), hidden), "utf-8")


def _private(manifest: Mapping[str, Any], run: Path) -> dict[str, str]:
    """Paths of this machine that a manifest may hold, the longest first, and what to write instead."""
    root = manifest["config"].get("data", {}).get("root")
    given = {str(root): "CLIPS", str(Path(str(root)).resolve()): "CLIPS"} if root else {}
    out = {str(run.resolve()): f"results/{run.name}"}
    found = out | {f"{Path.cwd()}/": ""} | given | {f"{Path.home()}/": "~/"}
    return dict(sorted(found.items(), key=lambda item: -len(item[0])))


def _without(text: str, hidden: Mapping[str, str]) -> str:
    for path, instead in hidden.items():
        text = text.replace(path, instead)
    return text


def _some_rows(path: Path, to: Path) -> None:
    with path.open(newline="", encoding="utf-8") as file, to.open("w", newline="", encoding="utf-8") as kept:
        reader = csv.DictReader(file)
        writer = csv.DictWriter(kept, reader.fieldnames or [])
        writer.writeheader()
        writer.writerows(row for row in reader if row["metric"] in METRICS)


def compare(run: Path, folder: Path) -> Outcome:
    """Hold a run against a kept one: first how they were made, then the numbers.

    Only clips of the same content are compared, and of the kept points only those that the run asked for.

    Raises:
        StoreError: one of them is not there.
    """
    new, old = read_manifest(run), read_manifest(folder)
    recipe = tuple(differing({"here": new, "kept": old}))
    found, kept = _scores(run), _scores(folder)
    hashes = [{clip["name"]: clip["sha256"] for clip in one["dataset"]["clips"]} for one in (new, old)]
    clips = {clip for clip, sha256 in hashes[1].items() if sha256 and hashes[0].get(clip) == sha256}
    if hashes[0] == hashes[1]:
        clips.add("")  # values of the whole set
    points = {(unit["method"], unit["point"]) for unit in new["units"]}
    columns = {name for name, about in new["metrics"].items() if about["unit"] != TIMES}
    asked = [key for key in kept if key[:2] in points and key[2] in clips and key[3] in columns]
    timed = sum(old["metrics"].get(key[3], {}).get("unit") == TIMES for key in kept)
    numbers = tuple(_numbers(found, kept, asked))
    return Outcome(recipe, numbers, len(asked), len(kept) - len(asked) - timed)


def _scores(folder: Path) -> dict[Key, float]:
    path = folder / "scores.csv"
    try:
        with path.open(newline="", encoding="utf-8") as file:
            return {
                (row["method"], row["point"], row["clip"], row["metric"]): float(row["value"] or "nan")
                for row in csv.DictReader(file)
            }
    except (OSError, KeyError, ValueError) as error:
        raise StoreError(f"{path} cannot be read ({error}); expected a finished run, or a kept one") from None


def _numbers(found: Mapping[Key, float], kept: Mapping[Key, float], asked: Sequence[Key]) -> Iterator[str]:
    for metric in dict.fromkeys(key[3] for key in asked):
        keys = [key for key in asked if key[3] == metric]
        all_kept = [value for key, value in kept.items() if key[3] == metric and math.isfinite(value)]
        span = max(all_kept) - min(all_kept) if all_kept else 0.0
        missing = [key for key in keys if key not in found]
        if missing:
            first = " ".join(missing[0][:3])
            yield f"{metric}: {len(missing)} of {len(keys)} values are missing, first {first}"
        excess = {key: _excess(found[key], kept[key], span) for key in keys if key in found}
        over = [key for key, times in excess.items() if times > 1]
        if over:
            worst = max(over, key=lambda key: excess[key])
            yield (
                f"{metric}: {len(over)} of {len(keys)} values differ by more than the tolerance, most "
                f"{' '.join(worst[:3])}: {found[worst]:.6g} here, {kept[worst]:.6g} kept"
            )


def _excess(value: float, kept: float, span: float) -> float:
    """By how many times the tolerance a value is off."""
    if math.isnan(value) and math.isnan(kept):
        return 0.0
    if not (math.isfinite(value) and math.isfinite(kept)):
        return 0.0 if value == kept else math.inf
    off, allowed = abs(value - kept), max(RELATIVE * abs(kept), OF_SPAN * span)
    return off / allowed if allowed else 0.0 if off == 0 else math.inf


def main(arguments: Sequence[str] | None = None) -> int:
    """Keep or compare; returns 0 where all is well, 1 where numbers differ, 2 for wrong use."""
    parser = argparse.ArgumentParser(prog="python -m talkbench.reports.reference", description=__doc__)
    parser.add_argument("action", choices=["keep", "compare"])
    parser.add_argument("run", type=Path, help="a run's folder")
    parser.add_argument("folder", type=Path, help="the committed one, such as results/reference/sample")
    args = parser.parse_args(arguments)
    try:
        if args.action == "keep":
            keep(args.run, args.folder)
            return 0
        outcome = compare(args.run, args.folder)
    except TalkbenchError as error:
        print(f"reference: {error}", file=sys.stderr)
        return 2
    for line in outcome.recipe:
        print(f"recipe: {line}")
    for line in outcome.numbers:
        print(f"differs: {line}")
    rest = f"; {outcome.left_out} kept values were not asked for" if outcome.left_out else ""
    verdict = "reproduces" if outcome.same else "does not reproduce"
    print(f"{args.run} {verdict} {args.folder}: {outcome.compared} values compared{rest}")
    return 0 if outcome.same else 1


if __name__ == "__main__":
    sys.exit(main())
