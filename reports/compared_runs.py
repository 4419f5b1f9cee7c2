"""`bench report A B …`: what differs in how runs were made, and then how their numbers compare."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from ..core.store import file_stem, writing
from . import markdown, tables
from .aggregate import load, write_table
from .comparison import Comparison, compare, write_comparison
from .headline import spoken_metric
from .merged import Merged, labels, merge
from .paired import differences
from .paper import write_paper
from .plots import write_plots
from .summary import body


@dataclass(frozen=True)
class ComparedRuns:
    """What `compare_runs` found.

    Attributes:
        recipe: what differs in how the runs were made, a line each.
        left_out: what is not compared, and why, a line each.
        report: path of the summary.
    """

    recipe: tuple[str, ...]
    left_out: tuple[str, ...]
    report: Path


def compare_runs(folders: Sequence[Path]) -> ComparedRuns:
    """Compare runs on their common clips and write tables, plots and a summary, in the first run's folder.

    They go to ``compared/OTHERS/report``; of the runs themselves nothing changes. Points of the same name
    that differ between runs are held against each other clip by clip, and all against all block codecs.

    Raises:
        UsageError: a run is named twice.
        StoreError: one is not a run's folder, or they have nothing in common.
    """
    names = labels(list(folders))
    stem = "+".join(file_stem(name.replace("/", "-")) for name in names[1:])
    folder = folders[0] / "compared" / stem
    merged = merge({name: load(run) for name, run in zip(names, folders, strict=True)}, folder)
    results = merged.results
    comparison = compare(results)
    same = tuple(differences(results, merged.pairs))
    write_table(results)
    write_comparison(results, comparison)
    write_paper(results, comparison, write_plots(results, comparison))
    path = folder / "report" / "summary.md"
    with writing(path) as temporary:
        text = "\n".join(_lines(names, merged, comparison, replace(comparison, differences=same)))
        temporary.write_text(text + "\n", "utf-8", "backslashreplace")
    return ComparedRuns(merged.recipe, merged.left_out, path)


def _lines(names: Sequence[str], merged: Merged, comparison: Comparison, same: Comparison) -> Iterator[str]:
    results = merged.results
    yield f"# {markdown.escaped(' against '.join(names))}"
    yield from ("", "## What differs in how they were made", "")
    yield from (f"- {markdown.escaped(line)}" for line in merged.recipe)
    if not merged.recipe:
        yield "Nothing that the manifests record."
    if merged.left_out:
        yield from ("", "Not compared:", "")
        yield from (f"- {markdown.escaped(line)}" for line in merged.left_out)
    if merged.pairs:
        yield from ("", f"## The same points in {markdown.escaped(' and '.join(names))}", "")
        spoken = spoken_metric(results)
        metrics = dict.fromkeys([*(name for name in same.families if name == spoken), *same.families])
        for metric in metrics:
            yield from (f"### {markdown.escaped(metric)}", "")
            yield from markdown.table(tables.differences(results, same, metric))
    elif len(names) > 1:
        yield from ("", "Points that several runs have are equal in all values but times.")
    yield from ("", f"## All on the {len(results.clips)} common clips")
    yield from body(results, comparison)
