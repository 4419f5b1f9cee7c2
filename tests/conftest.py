"""Fixtures for every shelf."""

from __future__ import annotations

import shutil
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from talkbench.core.video import Clip, Frame

CHROMIUM, DRIVER = shutil.which("chromium"), shutil.which("chromedriver")
SET = """
const control = document.getElementById(arguments[0]);
control.value = arguments[1];
control.dispatchEvent(new Event(arguments[2], {bubbles: true}));
"""


@pytest.fixture(scope="session")
def make_testcard() -> Callable[..., Clip]:
    """Makes a test card clip; takes the settings of the data set `testcard`."""
    from talkbench.datasets.testcard import Cards

    def make(**settings: object) -> Clip:
        (clip,) = Cards(**settings).clips()  # type: ignore[arg-type]
        return clip

    return make


@pytest.fixture(scope="session")
def testcard(make_testcard: Callable[..., Clip]) -> Clip:
    """A clip of 12 numbered frames, 64x64, 25 fps; `datasets.testcard.read_number` reads them back."""
    return make_testcard(size=64, frames=12)


@pytest.fixture(scope="session")
def write_video(make_testcard: Callable[..., Clip]) -> Callable[..., Path]:
    """Writes frames (by default a test card's) into a video file with ffmpeg, and returns its path.

    Call it with a path, ffmpeg's output options as one string, and `frames` or a test card's settings;
    `before` holds input options.
    """
    from talkbench.core import ffmpeg

    def write(path, options="-c:v ffv1 -pix_fmt gbrp", frames=None, before="", **settings):  # type: ignore[no-untyped-def]
        if frames is None:
            frames = np.concatenate(list(make_testcard(**{"size": 64, "frames": 12, **settings}).frames()))
        height, width = frames.shape[1:3]
        raw = f"-f rawvideo -pix_fmt rgb24 -s {width}x{height} -r {settings.get('fps', 25)}"
        start = [ffmpeg.binary(), "-v", "error", "-y"]
        ffmpeg.collect(
            [*start, *raw.split(), *before.split(), "-i", "pipe:", *options.split(), f"file:{path}"],
            [frames.data],
        )
        return path

    return write


@pytest.fixture(scope="session")
def face() -> Frame:
    """A picture (256, 256, 3) of a real face; fetches it, and what finds it."""
    from talkbench.core.assets import fetch
    from talkbench.core.shared_assets import FACE_LANDMARKER
    from talkbench.core.video import first_frame
    from talkbench.datasets.sample import Sample

    clips = Sample(names=["expressions"])
    fetch(FACE_LANDMARKER, *clips.needs())
    return first_frame(clips.clips()[0])


@pytest.fixture
def no_hang() -> Iterator[Callable[[int], None]]:
    """Arms an alarm: what takes longer than so many seconds fails the test instead of stopping it."""

    def ring(*_: object) -> None:
        raise AssertionError("it hangs")

    before = signal.signal(signal.SIGALRM, ring)
    yield lambda seconds: signal.alarm(seconds) and None
    signal.alarm(0)
    signal.signal(signal.SIGALRM, before)


@pytest.fixture(scope="session")
def chromium() -> Iterator[Any]:
    """Headless Chromium with the network off; `set`, `until` and `press` do what tests do most."""
    if CHROMIUM is None or DRIVER is None:
        pytest.skip("NO BROWSER TEST: chromium and chromedriver are missing (Debian: chromium-driver)")
    from selenium import webdriver
    from selenium.webdriver.chrome.service import Service
    from selenium.webdriver.common.action_chains import ActionChains
    from selenium.webdriver.support.ui import WebDriverWait

    class Browser(webdriver.Chrome):  # type: ignore[misc]
        def until(self, condition: str) -> None:
            """Wait for a JavaScript expression to become true."""
            waiting = WebDriverWait(self, 30, poll_frequency=0.1)
            waiting.until(lambda driver: driver.execute_script(f"return {condition}"))

        def set(self, control: str, value: object, event: str = "change") -> None:
            """Give a control, named by its id, a value, as a user would."""
            self.execute_script(SET, control, value, event)

        def press(self, *keys: str) -> None:
            """Press keys, one after the other."""
            ActionChains(self).send_keys(*keys).perform()

    options = webdriver.ChromeOptions()
    options.binary_location = CHROMIUM
    quiet = ("background-networking", "component-update", "sync", "quic", "gpu", "dev-shm-usage")
    for flag in ("headless=new", "no-sandbox", "no-first-run", "window-size=1280,900", "hide-scrollbars"):
        options.add_argument(f"--{flag}")
    options.add_argument("--allow-file-access-from-files")  # for the test to read the videos' pixels
    for feature in quiet:
        options.add_argument(f"--disable-{feature}")
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    driver = Browser(options=options, service=Service(DRIVER))
    driver.set_script_timeout(120)
    driver.execute_cdp_cmd("Network.enable", {})
    driver.execute_cdp_cmd("Network.setBlockedURLs", {"urls": ["http://*", "https://*", "ws://*", "wss://*"]})
    yield driver
    driver.quit()


@pytest.fixture
def browser(chromium: Any) -> Iterator[Any]:
    """The browser at desktop size with a bright screen, and an empty log of what its console says."""
    chromium.get_log("browser")
    yield chromium
    chromium.get("about:blank")
    chromium.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})
    chromium.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": []})
