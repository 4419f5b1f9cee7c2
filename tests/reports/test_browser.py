"""The page in a real browser: it opens from disk without a complaint, and everybody can use it."""

from __future__ import annotations

import base64
import io
import os
from collections.abc import Callable
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from talkbench.reports.aggregate import Results, load
from talkbench.reports.comparison import Comparison, compare
from talkbench.reports.equal_quality import PAIRINGS
from talkbench.reports.html import write_page

MakeRun = Callable[..., Path]

pytestmark = pytest.mark.slow


def page(run: Path) -> str:
    """Address of a run's page, without plots."""
    results = load(run)
    return write_page(results, compare(results), []).as_uri()


SEEN = """(() => {
  const parts = document.querySelectorAll('main > *');
  window.seen = ((window.seen ?? -1) + 1) % parts.length;
  parts[window.seen].scrollIntoView({behavior: 'instant'});
  return ['#matrix td', '#bits-plot .trace', '#rd-plot .trace'].every(part => document.querySelector(part));
})()
"""
"""Scroll through the page, until the parts that are drawn when they are seen are there."""


def test_page_opens_without_complaint_and_draws(browser: Any, whole: str) -> None:
    browser.get(whole)
    browser.until("document.querySelectorAll('#rd-plot .scatterlayer .trace').length === 4")
    hover = "Plotly.Fx.hover('rd-plot', [{curveNumber: arguments[0], pointNumber: 0}])"
    for curve, words in ((0, "crf: 51"), (0, "3 of 3 clips"), (3, "freeze/ffmpeg n9.0.2 <static>")):
        browser.execute_script(hover, curve)
        browser.until(f"document.querySelector('#rd-plot .hoverlayer').textContent.includes('{words}')")
    assert browser.title == "compression on folder: h264, h265, ours, freeze"
    browser.set("rd-rate", "bpp_motion")  # freeze sends no motion: a line across
    browser.until("document.querySelectorAll('#rd-plot .shapelayer path').length === 1")
    assert "rate 0" in browser.find_element("id", "rd-notes").text
    browser.set("rd-axis", "linear")
    browser.until("document.querySelectorAll('#rd-plot .scatterlayer .trace').length === 4")
    browser.set("rd-clips", "1")
    assert 'clip "><script>' in browser.find_element("id", "rd-caption").text
    browser.execute_script(hover, 0)
    browser.until("document.querySelector('#rd-plot .hoverlayer').textContent.includes('1 of 1 clip')")
    browser.set("clip", "1")
    assert len(browser.find_elements("css selector", "#per-clip tbody tr")) == 14
    browser.until(SEEN)
    assert not browser.find_elements("css selector", "img, main b, [onerror]")  # of names and messages
    assert browser.title == "compression on folder: h264, h265, ours, freeze"
    assert browser.get_log("browser") == []


def test_ratios_follow_what_is_chosen(browser: Any, make_run: MakeRun) -> None:
    run = make_run(failures=True)
    browser.get(page(run))
    results = load(run)
    by_case = compare(results).by_case
    browser.until("document.querySelectorAll('#ratios tbody tr').length === 4")
    for metric, anchor in (("lpips", "h264"), ("psnr", "h265")):
        browser.set("equal-metric", metric)
        browser.set("equal-anchor", anchor)
        cells = browser.find_elements("css selector", "#ratios tbody tr:first-child td")
        for pairing, cell in zip(PAIRINGS, cells, strict=True):
            found = by_case[metric, "all", ("ours", "k10"), anchor, pairing].ratio
            assert float(cell.text.split("×")[0]) == pytest.approx(found.mean, rel=0.03)
    browser.set("equal-metric", "vmaf")
    assert "1 clip: h265 has 0 points with vmaf" in browser.find_element("id", "equal-notes").text
    browser.set("delta-rate", "motion")
    assert browser.find_element("id", "delta-caption").text.startswith("Against h264, by vmaf")
    assert "of 4 that it takes" in browser.find_element("id", "deltas").text
    assert browser.get_log("browser") == []


def test_table_sorts_by_a_click(browser: Any, whole: str) -> None:
    browser.get(whole)
    headings = browser.find_elements("css selector", "#means thead th")
    at = next(k for k, heading in enumerate(headings) if heading.text.startswith("lpips"))
    values = f"[...document.querySelectorAll('#means tbody tr')].map(row => +row.cells[{at}].dataset.value)"
    button = headings[at].find_element("css selector", "button")
    for expected in (sorted, lambda given: sorted(given, reverse=True)):
        browser.execute_script("arguments[0].click()", button)
        found = browser.execute_script(f"return {values}")
        assert found == expected(found)
        assert len(set(found)) > 5
    assert headings[at].get_attribute("aria-sort") == "descending"


SHOWN = """
return [...document.querySelectorAll('#means tbody tr')].filter(row => !row.hidden)
  .map(row => row.cells[0].textContent.trim() + ' ' + row.cells[1].textContent.trim());
"""


def test_filter_keeps_the_rows_asked_for(browser: Any, whole: str, whole_run: Path) -> None:
    browser.get(whole)
    means = load(whole_run).aggregates["lpips"]
    points = [f"{method} {point}" for method, point in means]
    below = [f"{method} {point}" for (method, point), found in means.items() if found.mean < 0.1]
    assert 0 < len(below) < len(points)
    for words, expected in (
        ("", points),
        ("OURS", [name for name in points if "ours" in name]),
        ("h26 crf51", ["h264 crf51", "h265 crf51"]),
        ("lpips<0.1", below),
        ("lpips>=0.1 h264", [name for name in points if name not in below and "h264" in name]),
        ("nothing of the sort", []),
    ):
        browser.set("filter", words, "input")
        assert sorted(browser.execute_script(SHOWN)) == sorted(expected), words
        count = browser.find_element("id", "filter-count").text
        assert count == (f"{len(expected)} of 14 points" if words else "")


def test_a_definition_is_one_click_away(browser: Any, whole: str) -> None:
    browser.get(whole)
    for mark, metric in (("#means thead a.def", "lpips"), ("a[data-of='matrix-metric']", "lpips")):
        browser.execute_script("document.getElementById(arguments[0]).open = false", f"def-{metric}")
        browser.execute_script("document.querySelector(arguments[0]).click()", mark)
        browser.until(f"document.getElementById('def-{metric}').open")
    browser.set("matrix-metric", "bpp_total")
    browser.execute_script("document.querySelector(\"a[data-of='matrix-metric']\").click()")
    browser.until("document.getElementById('def-bpp').open")


def test_a_cell_of_the_matrix_opens_its_clip(browser: Any, whole: str) -> None:
    from selenium.webdriver.common.keys import Keys

    browser.get(whole)
    browser.until(SEEN)
    rows = browser.find_elements("css selector", "#matrix tbody tr")
    assert len(rows) == 3
    assert "failed" in rows[1].text
    colours = "return [...document.querySelectorAll('#matrix td')].map(td => td.style.background)"
    assert len(set(browser.execute_script(colours))) > 20
    browser.execute_script("document.querySelector('#matrix tbody tr:nth-child(3) td:nth-child(3)').click()")
    chosen = (
        "return [document.getElementById('view-clip').value, document.querySelector('.view-point').value]"
    )
    assert browser.execute_script(chosen) == ["2", "1"]
    browser.execute_script("document.querySelector('#matrix td[tabindex=\"0\"]').focus()")
    browser.press(Keys.ARROW_DOWN, Keys.ARROW_RIGHT, Keys.ARROW_RIGHT, Keys.ARROW_LEFT, Keys.ENTER)
    assert browser.execute_script(chosen) == ["1", "1"]
    browser.set("matrix-order", "mean")
    order = (
        "return [...document.querySelectorAll('#matrix tbody td:nth-child(2)')].map(td => td.dataset.clip)"
    )
    assert sorted(browser.execute_script(order)) == ["0", "1", "2"]
    assert browser.get_log("browser") == []


def test_a_large_run_stays_usable(browser: Any, large: Results, monkeypatch: pytest.MonkeyPatch) -> None:
    table = pd.DataFrame({"frame": range(48), "lpips": np.linspace(0.1, 0.2, 48)})
    monkeypatch.setattr("talkbench.reports.frame_packs.read_frames", lambda run, key: table)
    monkeypatch.setattr("talkbench.reports.frame_packs.INSIDE", 0)
    path = write_page(large, Comparison(**{part.name: () for part in fields(Comparison)}), [])
    assert len(list((path.parent / "data").iterdir())) == 222
    browser.get(path.as_uri())
    browser.until("document.querySelectorAll('#rd-plot .scatterlayer .trace').length === 4")
    browser.until(SEEN)
    assert len(browser.find_elements("css selector", "#matrix td")) == 222 * 40
    browser.execute_script(
        "document.querySelector('#matrix tbody tr:nth-child(200) td:nth-child(31)').click()"
    )
    assert browser.execute_script("return document.getElementById('view-clip').value") == "199"
    browser.until("document.querySelectorAll('#curve .scatterlayer .trace').length > 0")
    browser.set("filter", "h265", "input")
    assert browser.find_element("id", "filter-count").text == "10 of 40 points"
    assert browser.get_log("browser") == []


AXE = """
const done = arguments[0];
const told = ({id, nodes}) => [id, ...nodes.slice(0, 3).map(node => node.html.slice(0, 200))];
axe.run().then(({violations, passes}) => done([violations.map(told), passes.length]));
"""
SCREENS = {"desktop": (1280, 900, False), "phone": (390, 844, True)}


def pictured(driver: Any, element: str) -> bytes:
    """A PNG of an element, named by a selector, whole even where it is larger than the screen."""
    where = (
        "const {left, top, width, height} = document.querySelector(arguments[0]).getBoundingClientRect();"
        "return {x: left + scrollX, y: top + scrollY, width, height, scale: 1}"
    )
    asked = {"captureBeyondViewport": True, "clip": driver.execute_script(where, element)}
    return base64.b64decode(driver.execute_cdp_cmd("Page.captureScreenshot", asked)["data"])


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", list(SCREENS))
def test_readable_by_all_on_each_screen(
    browser: Any, whole: str, size: str, scheme: str, tmp_path: Path
) -> None:
    """No rule of axe-core is broken, nothing is wider than the screen; and pictures for people to look at."""
    width, height, mobile = SCREENS[size]
    metrics = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": mobile}
    feature = {"name": "prefers-color-scheme", "value": scheme}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [feature]})
    browser.get(whole)
    browser.until(SEEN)
    browser.until("[...document.querySelectorAll('video')].every(video => video.readyState >= 2)")
    assert browser.execute_script("return document.documentElement.scrollWidth") <= width
    axe = pytest.importorskip("axe_core_python")
    browser.execute_script((Path(axe.__file__).parent / "axe.min.js").read_text("utf-8"))
    violations, passes = browser.execute_async_script(AXE)
    assert violations == []
    assert passes > 20
    folder = Path(os.environ.get("TALKBENCH_SCREENSHOTS") or tmp_path)
    folder.mkdir(parents=True, exist_ok=True)
    picture = pictured(browser, "html")
    (folder / f"{size}-{scheme}.png").write_bytes(picture)
    corner = Image.open(io.BytesIO(picture)).convert("L").getpixel((0, 0))
    assert (corner > 128) == (scheme == "light")
    for mode in ("wipe", "difference"):
        browser.set("view-mode", mode)
        (folder / f"{size}-{scheme}-{mode}.png").write_bytes(pictured(browser, "#viewer"))
