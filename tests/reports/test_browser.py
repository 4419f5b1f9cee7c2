"""The page in a real browser: it opens from disk without a complaint, and the videos stay in step."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from talkbench.reports.aggregate import load
from talkbench.reports.comparison import compare
from talkbench.reports.equal_quality import PAIRINGS
from talkbench.reports.html import write_page

MakeRun = Callable[..., Path]

pytestmark = pytest.mark.slow


def page(run: Path) -> str:
    """Address of a run's page, without plots."""
    results = load(run)
    return write_page(results, compare(results), []).as_uri()


@pytest.fixture(scope="module")
def whole(whole_run: Path) -> str:
    """Address of the page of the whole run."""
    return page(whole_run)


def until(driver: Any, condition: str) -> Any:
    """Wait for a JavaScript expression to become true."""
    from selenium.webdriver.support.ui import WebDriverWait

    return WebDriverWait(driver, 30).until(lambda d: d.execute_script(f"return {condition}"))


def press(driver: Any, *keys: str) -> None:
    from selenium.webdriver.common.action_chains import ActionChains

    ActionChains(driver).send_keys(*keys).perform()


SET = """
const control = document.getElementById(arguments[0]);
control.value = arguments[1];
control.dispatchEvent(new Event(arguments[2]));
"""
STANDING = (
    "[...document.querySelectorAll('#stage video')].length === 3 &&"
    "[...document.querySelectorAll('#stage video')].every(v => v.readyState >= 2 && !v.seeking && v.paused"
    " && Math.abs(v.currentTime - (Number(document.getElementById('scrub').value) + 0.5) / 25) < 0.001)"
)


READ = """
return [...document.querySelectorAll('#stage video')].map(video => {
  const canvas = document.createElement('canvas');
  [canvas.width, canvas.height] = [video.videoWidth, video.videoHeight];
  const context = canvas.getContext('2d', {willReadFrequently: true});
  context.drawImage(video, 0, 0);
  const bar = k => context.getImageData((k + 0.5) * canvas.width / 8, canvas.height / 8, 1, 1).data[0] > 128;
  return [0, 1, 2, 3, 4, 5, 6, 7].reduce((number, k) => 2 * number + bar(k), 0);
});
"""


def numbers_seen(driver: Any) -> list[int]:
    """The frame numbers that can be read in the pixels of the three standing videos."""
    until(driver, STANDING)
    found: list[int] = driver.execute_script(READ)
    return found


def test_page_opens_without_complaint_and_draws(browser: Any, whole: str) -> None:
    browser.get(whole)
    until(browser, "document.querySelectorAll('#rd-plot .scatterlayer .trace').length === 4")
    hover = "Plotly.Fx.hover('rd-plot', [{curveNumber: arguments[0], pointNumber: 0}])"
    for curve, words in ((0, "crf: 51"), (0, "3 of 3 clips"), (3, "freeze/ffmpeg n9.0.2 <static>")):
        browser.execute_script(hover, curve)
        until(browser, f"document.querySelector('#rd-plot .hoverlayer').textContent.includes('{words}')")
    assert browser.title == "compression on folder: h264, h265, ours, freeze"
    browser.execute_script(SET, "rd-rate", "bpp_motion", "change")  # freeze sends no motion: a line across
    until(browser, "document.querySelectorAll('#rd-plot .shapelayer path').length === 1")
    assert "rate 0" in browser.find_element("id", "rd-notes").text
    browser.execute_script(SET, "rd-axis", "linear", "change")
    until(browser, "document.querySelectorAll('#rd-plot .scatterlayer .trace').length === 4")
    browser.execute_script(SET, "rd-clips", "1", "change")
    assert 'clip "><script>' in browser.find_element("id", "rd-caption").text
    browser.execute_script(hover, 0)
    until(browser, "document.querySelector('#rd-plot .hoverlayer').textContent.includes('1 of 1 clip')")
    browser.execute_script(SET, "clip", "1", "change")
    assert len(browser.find_elements("css selector", "#per-clip tbody tr")) == 14
    assert browser.get_log("browser") == []


def test_ratios_follow_what_is_chosen(browser: Any, make_run: MakeRun) -> None:
    run = make_run(failures=True)
    browser.get(page(run))
    results = load(run)
    by_case = compare(results).by_case
    until(browser, "document.querySelectorAll('#ratios tbody tr').length === 4")
    for metric, anchor in (("lpips", "h264"), ("psnr", "h265")):
        browser.execute_script(SET, "equal-metric", metric, "change")
        browser.execute_script(SET, "equal-anchor", anchor, "change")
        cells = browser.find_elements("css selector", "#ratios tbody tr:first-child td")
        for pairing, cell in zip(PAIRINGS, cells, strict=True):
            found = by_case[metric, "all", ("ours", "k10"), anchor, pairing].ratio
            assert float(cell.text.split("×")[0]) == pytest.approx(found.mean, rel=0.03)
    browser.execute_script(SET, "equal-metric", "vmaf", "change")
    assert "1 clip: h265 has 0 points with vmaf" in browser.find_element("id", "equal-notes").text
    browser.execute_script(SET, "delta-rate", "motion", "change")
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


def test_videos_stay_in_step(browser: Any, whole: str) -> None:
    from selenium.webdriver.common.keys import Keys

    browser.get(whole)
    browser.execute_script(
        "document.getElementById('viewer').scrollIntoView(); document.getElementById('stage').focus()"
    )
    assert numbers_seen(browser) == [0, 0, 0]
    for frame in (31, 7, 47):
        browser.execute_script(SET, "scrub", frame, "input")
        assert numbers_seen(browser) == [frame] * 3
        assert browser.find_element("id", "frame").text == f"frame {frame} of 48"
    browser.execute_script(SET, "scrub", 20, "input")
    browser.execute_script("document.getElementById('stage').focus({preventScroll: true})")
    press(browser, Keys.ARROW_RIGHT, Keys.ARROW_RIGHT, Keys.ARROW_RIGHT, Keys.ARROW_LEFT)
    assert numbers_seen(browser) == [22, 22, 22]
    browser.execute_script("document.getElementById('back').click()")
    assert numbers_seen(browser) == [21, 21, 21]
    press(browser, Keys.END, Keys.ARROW_RIGHT)  # no further than the last
    assert numbers_seen(browser) == [47, 47, 47]
    assert browser.get_log("browser") == []


RECORD = """
const done = arguments[0], videos = [...document.querySelectorAll('#stage video')], apart = [];
document.getElementById('play').click();
const look = () => {
  const times = videos.map(video => video.currentTime);
  apart.push((Math.max(...times) - Math.min(...times)) * 25);
  if (apart.length === 3) videos[1].currentTime += 8 / 25;
  if (document.getElementById('play').textContent === 'Play') done(apart);
  else requestAnimationFrame(look);
};
requestAnimationFrame(look);
"""


def test_videos_find_back_into_step_while_playing(browser: Any, whole: str) -> None:
    browser.get(whole)
    browser.execute_script("document.getElementById('viewer').scrollIntoView()")
    until(browser, STANDING)
    apart = np.array(browser.execute_async_script(RECORD))
    assert apart.max() > 4  # one was pushed out of step
    assert apart[-3:].max() < 1
    assert numbers_seen(browser) == [47, 47, 47]
    assert browser.get_log("browser") == []
