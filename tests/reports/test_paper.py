"""What goes into a paper: tables of what was measured, names that print as themselves, sizes of figures."""

from __future__ import annotations

import re
import shutil
import subprocess
import xml.etree.ElementTree as ET
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from talkbench import reports
from talkbench.reports import latex, markdown, tables
from talkbench.reports.aggregate import Results, load
from talkbench.reports.comparison import compare
from talkbench.reports.paper import write_paper
from talkbench.reports.plots import COLUMN
from talkbench.reports.tables import Cell, Table

MakeRun = Callable[..., Path]
HOSTILE = r"\input{/etc/passwd} $x_1^2$ & 50% #1 ~ {a} <b> |c| `d` \"e\" --, '' 日本 é [x](y) *z*"
PDFLATEX = shutil.which("pdflatex")


def plain(text: str) -> str:
    """LaTeX without its commands of one sign each: what may still act."""
    known = sorted(set(latex.SIGNS.values()), key=len, reverse=True)
    for code in known:
        text = text.replace(code, "")
    return text


@pytest.fixture
def results(make_run: MakeRun) -> Results:
    return load(make_run(pictures=("lpips", "psnr")))


def test_nothing_in_a_name_acts() -> None:
    left = plain(latex.escaped(HOSTILE))
    assert not re.search(r"[\\$&%#_^~<>|\"`]", left)
    assert left.count("{") == left.count("}")
    assert "é" in left
    assert "U+65E5" in left
    assert latex.escaped("a\n\n b") == "a b"
    assert latex.escaped("--- ,, ''") == "-{}-{}- ,{}, '{}'"
    assert latex.escaped("a-b, c") == "a-b, c"
    assert latex.escaped("3 × 10° ≤ ∞ ↓") == r"3 $\times$ 10$^\circ$ $\le$ $\infty$ $\downarrow$"


def test_markdown_takes_a_name_for_nothing_else() -> None:
    text = markdown.escaped("[x](javascript:y) *z* `d` | <b> a_b_c \\ ~~")
    assert text == r"\[x\](javascript:y) \*z\* \`d\` \| &lt;b&gt; a\_b\_c \\ \~\~"


def test_a_table_in_latex_and_markdown() -> None:
    rows = ((Cell("*a_b"), Cell("0.5", " [0.4, 0.6]", best=True, more=" (2 of 3)")), (Cell("c"), Cell("n/a")))
    shown = Table("some table", "Means & more.", ("method", "lpips ↓"), 1, rows, {0: "First", 1: "Second"})
    text = latex.table(shown)
    assert r"\caption{Means \& more.}" in text
    assert r"\label{tab:some-table}" in text
    assert r"{}*a\_b & \textbf{0.5}\talkbenchinterval{[0.4, 0.6]} (2 of 3) \\" in text
    assert r"\begin{tabular}{@{}lr@{}}" in text
    assert text.index("First") < text.index("textbf") < text.index("Second") < text.index("n/a")
    assert balanced(text)
    lines = list(markdown.table(shown))
    assert r"| \*a\_b | **0.5** \[0.4, 0.6\] (2 of 3) |" in lines
    assert lines.count("| --- | ---: |") == 2


def balanced(text: str) -> bool:
    bare = re.sub(r"\\[\\{}]", "", text)
    begun, ended = (re.findall(rf"\\{what}{{([\w*]+)}}", bare) for what in ("begin", "end"))
    return bare.count("{") == bare.count("}") and sorted(begun) == sorted(ended)


def test_the_best_of_a_column_is_among_those_of_as_many_clips(results: Results) -> None:
    points = (("h264", "crf37"), ("ours", "k20"), ("freeze", "default"))
    table = tables.means(results, points, ("lpips", "psnr", "vmaf_none")[:2], "means")
    lpips = [results.aggregates["lpips"][point].mean for point in points]
    assert [row[2].best for row in table.rows] == [mean == min(lpips) for mean in lpips]
    found = results.aggregates["lpips"][points[1]]
    assert table.rows[1][2].text == f"{found.mean:.3g}"
    assert table.rows[1][2].interval == f" [{found.low:.3g}, {found.high:.3g}]"
    best = next(k for k, row in enumerate(table.rows) if row[2].best)
    few = {**results.aggregates["lpips"], points[best]: replace(found, mean=0.0, clips=2)}
    fewer = replace(results, aggregates={**results.aggregates, "lpips": few})
    again = tables.means(fewer, points, ("lpips",), "means")
    assert not again.rows[best][2].best
    assert again.rows[best][2].more == " (2 of 3)"


def test_tables_say_what_was_computed(results: Results) -> None:
    comparison = compare(results)
    made = {table.name: table for table in tables.comparisons(results, comparison, "lpips")}
    assert list(made) == ["ratios_lpips", "matching_lpips", "bd_lpips", "differences_lpips"]
    ratio = comparison.by_case["lpips", "all", ("ours", "k20"), "h264", "motion"].ratio
    row = next(
        row for row in made["ratios_lpips"].rows if row[0].text == "ours (k20)" and row[1].text == "h264"
    )
    assert row[2] == Cell(f"{ratio.mean:.1f}×", f" [{ratio.low:.2f}, {ratio.high:.1f}]")
    at = comparison.matching_by_case["lpips", "all", ("ours", "k20"), "h264"].at
    row = next(
        row for row in made["matching_lpips"].rows if row[0].text == "ours (k20)" and row[1].text == "h264"
    )
    assert row[2].text == f"crf {at.mean:.1f} [{at.low:.1f}, {at.high:.1f}]"
    assert [row[0].text for row in made["bd_lpips"].rows] == ["h265"]  # ours has three points of four
    assert len(made["differences_lpips"].rows) == len(comparison.families["lpips"])
    assert "no difference can be significant" in made["differences_lpips"].caption  # three clips


def test_files_of_a_paper_are_whole_and_hostile_names_harmless(results: Results) -> None:
    names = {"ours": HOSTILE}
    named = replace(
        results,
        points=tuple((names.get(method, method), point) for method, point in results.points),
        **{
            field: {
                metric: {(names.get(p[0], p[0]), p[1]): found for p, found in by_point.items()}
                for metric, by_point in getattr(results, field).items()
            }
            for field in ("values", "aggregates")
        },
        manifest={
            **results.manifest,
            "methods": {names.get(k, k): v for k, v in results.manifest["methods"].items()},
        },
    )
    written = write_paper(named, compare(named), [])
    assert {path.parent for path in written} == {named.run / "report" / "paper"}
    tex = [path for path in written if path.suffix == ".tex"]
    assert {"means.tex", "ratios_psnr.tex", "matching_lpips.tex", "paper.tex"} <= {path.name for path in tex}
    for path in tex:
        text = path.read_text("utf-8")
        assert balanced(text), path.name
        assert r"\input{/etc" not in text
    assert r"\input{ratios_lpips}" in (named.run / "report" / "paper" / "paper.tex").read_text("utf-8")
    assert "](y)" not in (named.run / "report" / "paper" / "tables.md").read_text("utf-8").replace(r"\]", "")


@pytest.mark.skipif(PDFLATEX is None, reason="there is no pdflatex on this machine")
def test_a_tex_takes_it(make_run: MakeRun) -> None:
    run = make_run(pictures=("lpips",))
    reports.build(run)
    assert PDFLATEX is not None
    folder = run / "report" / "paper"
    means = folder / "means.tex"
    means.write_text(means.read_text("utf-8").replace("ours", latex.escaped(HOSTILE)), "utf-8")
    done = subprocess.run(
        [PDFLATEX, "-interaction=nonstopmode", "-halt-on-error", "paper.tex"], cwd=folder, capture_output=True
    )
    assert done.returncode == 0, done.stdout[-2000:].decode("utf-8", "replace")
    assert (folder / "paper.pdf").read_bytes().startswith(b"%PDF")


def test_figures_are_a_column_wide(make_run: MakeRun) -> None:
    run = make_run(pictures=("lpips",), failures=True)
    reports.build(run)
    figures = sorted((run / "report" / "plots").glob("*.svg"))
    assert [path.stem for path in figures] == [
        "matching_lpips",
        "ratios_lpips",
        "rd_lpips_motion",
        "rd_lpips_total",
    ]
    for path in figures:
        root = ET.parse(path).getroot()
        width, height = (float(root.attrib[side].removesuffix("pt")) / 72 for side in ("width", "height"))
        assert width == pytest.approx(COLUMN, abs=0.01)
        assert 1 < height < 9
        assert not root.findall(".//{*}image")
        assert path.with_suffix(".pdf").read_bytes().startswith(b"%PDF")
