"""Published values: files hold what they declare, numbers agree among themselves, the page shows them."""

from collections.abc import Callable
from pathlib import Path

import pytest
from talkbench.core.errors import StoreError
from talkbench.core.registry import plugins
from talkbench.core.statistics import Interval
from talkbench.reports.comparison import compare
from talkbench.reports.html import write_page
from talkbench.reports.published_values import (
    FOLDER,
    Column,
    PublishedTable,
    measured_cell,
    published_tables,
    read_table,
)

FILES = sorted(FOLDER.glob("*.yaml"))
COMING = {"study"}
"""Benchmarks of the published tables that are no plugin."""


def table(name: str) -> PublishedTable:
    return read_table(FOLDER / f"{name}.yaml")


def value(name: str, method: str, column: str) -> float | None:
    (cell,) = [c for c in table(name).cells if (c.method, c.column) == (method, column)]
    return cell.value


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_table_says_where_it_stands_and_why_ours_differs(path: Path) -> None:
    found = read_table(path)
    assert found.document
    assert found.table
    assert found.differs
    assert found.cells
    assert set(found.benchmarks) <= set(plugins("benchmarks")) | COMING
    assert found.benchmarks


def test_rates_follow_from_the_printed_bytes() -> None:
    for method in ("fs-vid2vid", "FOMM", "Ours (20 keypoints)", "Ours (adaptive)"):
        size = value("appendix_table3", method, "Bytes, mean")
        rate = value("appendix_table3", method, "BPP")
        assert size is not None
        assert rate == pytest.approx(size * 8 / 512**2, abs=6e-7)
    for method, size in (("FOMM", 240), ("Face-vid2vid", 132), ("Keypoints only", 80)):
        assert value("thesis_table3_1", method, "BPP as printed") == pytest.approx(
            size * 8 / 256**2, rel=0.02
        )
        assert value("thesis_table3_1", method, "BPP at 512x512") == pytest.approx(
            size * 8 / 512**2, rel=0.02
        )


def test_what_is_missing_is_named_and_what_is_inferred_is_said_so() -> None:
    for name in ("paper_table1", "paper_table2", "paper_table3"):
        assert {cell.origin for cell in table(name).cells} == {"unavailable"}
    origins = {cell.method: cell.origin for cell in table("appendix_table1").cells}
    assert origins == {"fs-vid2vid": "printed", "FOMM": "inferred", "Ours": "inferred"}


def test_tables_are_found_by_benchmark() -> None:
    assert {found.table for found in published_tables("recognition")} == {"section B.6"}
    assert published_tables("no such benchmark") == []


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("origin: printed", "origin: guessed"),
        ("value: 0.013", "value: null"),
        ('column: "Accuracy", value: 0.013', 'column: "Speed", value: 0.013'),
        ("differs:", "differ:"),
        ("cells:", "cells: ["),
    ],
)
def test_a_spoilt_file_is_refused_in_one_line(old: str, new: str, tmp_path: Path) -> None:
    text = (FOLDER / "appendix_b6.yaml").read_text("utf-8")
    assert old in text
    spoilt = tmp_path / "spoilt.yaml"
    spoilt.write_text(text.replace(old, new), "utf-8")
    with pytest.raises(StoreError, match=r"spoilt\.yaml") as caught:
        read_table(spoilt)
    assert "\n" not in str(caught.value)


def test_our_value_is_shown_in_the_published_unit() -> None:
    column = Column("L1", "l1", "0-1", 1 / 255)
    assert measured_cell(column, Interval(25.5, None, None, 1)) == pytest.approx(0.1)
    assert measured_cell(column, Interval(float("nan"), None, None, 0)) is None
    assert measured_cell(column, None) is None


def test_the_page_shows_them_beside_ours(make_run: Callable[..., Path]) -> None:
    from talkbench.reports.aggregate import load

    results = load(make_run())
    text = write_page(results, compare(results), []).read_text("utf-8")
    section = text.partition('<section id="published">')[2].partition("</section>")[0]
    assert "Table 3.1" in section
    assert "231.42" in section
    assert "recomputed" in section
    assert "Not the same experiment" in section
    mean = results.aggregates["bpp_motion"]["ours", "k20"].mean
    assert f"{mean:.4g}" in section
