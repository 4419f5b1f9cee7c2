"""The viewer in a real browser: videos in step, over one another and enlarged, and the curves below them."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from talkbench.core.store import read_frames
from talkbench.reports.aggregate import load
from talkbench.reports.comparison import compare
from talkbench.reports.html import write_page

MakeRun = Callable[..., Path]

pytestmark = pytest.mark.slow


def page(run: Path) -> str:
    """Address of a run's page, without plots."""
    results = load(run)
    return write_page(results, compare(results), []).as_uri()


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
    driver.until(STANDING)
    found: list[int] = driver.execute_script(READ)
    return found


def test_videos_stay_in_step(browser: Any, whole: str) -> None:
    from selenium.webdriver.common.keys import Keys

    browser.get(whole)
    browser.execute_script(
        "document.getElementById('viewer').scrollIntoView(); document.getElementById('stage').focus()"
    )
    assert numbers_seen(browser) == [0, 0, 0]
    for frame in (31, 7, 47):
        browser.set("scrub", frame, "input")
        assert numbers_seen(browser) == [frame] * 3
        assert browser.find_element("id", "frame").text == f"frame {frame} of 48"
    browser.set("scrub", 20, "input")
    browser.execute_script("document.getElementById('stage').focus({preventScroll: true})")
    browser.press(Keys.ARROW_RIGHT, Keys.ARROW_RIGHT, Keys.ARROW_RIGHT, Keys.ARROW_LEFT)
    assert numbers_seen(browser) == [22, 22, 22]
    browser.execute_script("document.getElementById('back').click()")
    assert numbers_seen(browser) == [21, 21, 21]
    browser.press(Keys.END, Keys.ARROW_RIGHT)  # no further than the last
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
    browser.until(STANDING)
    apart = np.array(browser.execute_async_script(RECORD))
    assert apart.max() > 4  # one was pushed out of step
    assert apart[-3:].max() < 1
    assert numbers_seen(browser) == [47, 47, 47]
    assert browser.get_log("browser") == []


PIXELS = """
return [...document.querySelectorAll('#stage video')].map(video => {
  const canvas = document.createElement('canvas');
  [canvas.width, canvas.height] = [video.videoWidth, video.videoHeight];
  const context = canvas.getContext('2d', {willReadFrequently: true});
  context.drawImage(video, 0, 0);
  return [...context.getImageData(0, 0, canvas.width, canvas.height).data];
});
"""
APART = """
const [done, video] = [arguments[0], document.querySelectorAll('#stage video')[1]];
const shown = () => requestAnimationFrame(() => requestAnimationFrame(done));
video.addEventListener('seeked', shown, {once: true});
video.currentTime = 40.5 / 25;
"""


def stage(driver: Any) -> np.ndarray:
    """The pixels of the stage (128, 128, 3), read in the middle of each of the pictures' own."""
    element = driver.find_element("id", "stage")
    driver.execute_script("arguments[0].scrollIntoView({block: 'center', behavior: 'instant'})", element)
    picture = Image.open(io.BytesIO(element.screenshot_as_png)).convert("RGB")
    shown = np.asarray(picture, np.float64)
    height, width = shown.shape[:2]
    assert abs(height - width) < 8
    at = (np.arange(128) + 0.5) * width / 128
    return shown[at.astype(int)][:, at.astype(int)]


def unlike(driver: Any, expected: np.ndarray, tolerance: int) -> float:
    """The share of pixels in which the stage differs from the expected (rows, 128, 3) by over a tolerance.

    A screen may show a video's picture later than the page has it, so a stage that differs is looked at
    again.
    """
    for _ in range(30):
        off = np.abs(stage(driver)[: len(expected)] - expected).max(2)
        share = float(np.mean(off > tolerance))
        if share < 0.05:
            break
    return share


def test_wipe_and_difference_show_both_pictures(browser: Any, whole: str) -> None:
    browser.get(whole)
    browser.execute_script("document.getElementById('viewer').scrollIntoView()")
    browser.set("scrub", 20, "input")
    browser.until(STANDING)
    browser.execute_async_script(APART)  # two frames, so that the pictures differ by much
    first, second, _ = np.array(browser.execute_script(PIXELS), float).reshape(3, 128, 128, 4)[..., :3]
    assert np.abs(first - second).mean() > 20
    browser.set("view-mode", "wipe")
    for share in (25, 50, 75):
        browser.set("wipe", share, "input")
        border = 128 * share // 100
        expected = np.concatenate([first[:, :border], second[:, border:]], axis=1)
        assert unlike(browser, expected[:100], 16) < 0.05  # below are the captions
    browser.set("view-mode", "difference")
    expected = np.minimum(255, 8 * np.abs(first - second))
    assert unlike(browser, expected, 32) < 0.05
    assert "× 8" in browser.find_element("id", "pair-note").text
    browser.set("view-pair", "1 2")
    assert [figure.is_displayed() for figure in browser.find_elements("css selector", "#stage figure")] == [
        False,
        True,
        True,
    ]
    assert browser.get_log("browser") == []


def test_zoom_enlarges_all_alike(browser: Any, whole: str) -> None:
    from selenium.webdriver.common.keys import Keys

    browser.get(whole)
    transforms = (
        "return [...document.querySelectorAll('#stage video')].map(video => {"
        "const {a, e} = new DOMMatrix(getComputedStyle(video).transform);"
        "return [a, e / video.clientWidth]})"
    )
    assert browser.execute_script(transforms) == [[1, 0]] * 3
    browser.execute_script("document.getElementById('stage').focus()")
    browser.press("+", "+")
    assert browser.execute_script(transforms) == [[4, 0]] * 3
    browser.execute_script("document.getElementById('stage').focus()")
    for _ in range(30):  # no further than the picture's edge
        browser.execute_script(
            "document.getElementById('stage').dispatchEvent("
            "new KeyboardEvent('keydown', {key: 'ArrowRight', shiftKey: true, bubbles: true}))"
        )
    scale, moved = browser.execute_script(transforms)[2]
    assert (scale, moved) == (4, pytest.approx(-1.5, abs=0.01))
    browser.press(Keys.HOME, "-", "-", "-")
    assert browser.execute_script(transforms) == [[1, 0]] * 3


def test_timelines_follow_the_playhead_and_lead_it(browser: Any, whole: str, whole_run: Path) -> None:
    browser.get(whole)
    browser.until("document.querySelectorAll('#curve .scatterlayer .trace').length === 2")
    browser.execute_script(
        "const {l, w} = document.getElementById('curve')._fullLayout._size;"
        "const left = document.getElementById('curve').getBoundingClientRect().left;"
        "const at = new MouseEvent('click', {bubbles: true, clientX: left + l + w * 30.5 / 48});"
        "document.getElementById('curve').dispatchEvent(at)"
    )
    assert browser.find_element("id", "frame").text == "frame 30 of 48"
    place = "return parseFloat(document.getElementById('playhead').style.left)"
    there = browser.execute_script(place)
    browser.set("scrub", 31, "input")
    width = browser.execute_script("return document.getElementById('curve')._fullLayout._size.w")
    assert browser.execute_script(place) - there == pytest.approx(width / 48, abs=0.01)
    unit = load(whole_run).units[("h264", "crf37"), load(whole_run).clips[0]]
    value = read_frames(whole_run, unit["key"])["lpips"][31]
    readout = browser.find_elements("css selector", "#stage figcaption small")[1].text
    assert float(readout.removeprefix("lpips ")) == pytest.approx(value, rel=0.01)


def test_values_by_frame_are_loaded_when_a_clip_is_looked_at(
    browser: Any, make_run: MakeRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("talkbench.reports.frame_packs.INSIDE", 0)
    run = make_run(methods=("h264",), pictures=("psnr",))
    for path in (run / "units").glob("*.parquet"):
        table = pd.read_parquet(path)
        table.assign(bytes=[3000, *range(100, 100 + len(table) - 1)]).to_parquet(path)
    browser.get(page(run))
    curves = "document.querySelectorAll('#curve .scatterlayer .trace').length"
    browser.until(f"{curves} === 0")
    browser.execute_script("document.querySelector('.view-point').value = 2")
    browser.set("view-clip", 2)
    browser.until(f"{curves} === 2")  # psnr, and bytes below it
    assert "(3000), is off the scale" in browser.find_element("id", "curve-note").text
    assert browser.get_log("browser") == []
    (run / "report" / "data" / "1.js").unlink()
    browser.set("view-clip", 1)
    browser.until("document.getElementById('curve-note').textContent.includes('data/1.js is missing')")
