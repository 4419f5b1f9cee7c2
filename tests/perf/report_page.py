"""How long the page of a large run takes: to be written, to be opened, and to follow a click.

    python tests/perf/report_page.py [--clips 222] [--points 40] [--compare]

The run is the one that the tests of the report make up, without videos. Prints a table; nothing is asserted.
`--compare` makes the comparisons at equal quality too, which take longest.
"""

from __future__ import annotations

import argparse
import importlib.util
import shutil
import tempfile
import time
from collections.abc import Callable
from dataclasses import fields
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
import pandas as pd
from talkbench.reports.comparison import Comparison, compare
from talkbench.reports.html import write_page

FRAMES = 608
"""The mean of the papers' test clips."""


def synthetic() -> Any:
    """The module that makes up runs for tests."""
    path = Path(__file__).parents[1] / "reports" / "conftest.py"
    spec = importlib.util.spec_from_file_location("synthetic", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def took(what: str, action: Callable[[], Any]) -> Any:
    """Do something and print how long it took."""
    start = time.perf_counter()
    result = action()
    print(f"{what:<44}{time.perf_counter() - start:8.2f} s", flush=True)
    return result


def written(arguments: argparse.Namespace, run: Path) -> Path:
    """The page of a large run."""
    made = synthetic()
    made.FRAMES = FRAMES
    results = took(
        "making up and reading the run", lambda: made.large_results(run, arguments.clips, arguments.points)
    )
    nothing = Comparison(**{part.name: () for part in fields(Comparison)})
    comparison = took("comparing", lambda: compare(results)) if arguments.compare else nothing
    rng = np.random.default_rng(0)
    noise = rng.lognormal(0, 0.2, (2, FRAMES))
    table = pd.DataFrame({"frame": range(FRAMES), "lpips": 0.1 * noise[0], "psnr": 30 * noise[1]})
    with mock.patch("talkbench.reports.frame_packs.read_frames", return_value=table):
        page: Path = took("writing the page", lambda: write_page(results, comparison, []))
    data = sum(path.stat().st_size for path in page.parent.glob("data/*"))
    print(f"{'page; values by frame beside it':<44}{page.stat().st_size / 1e6:8.1f} MB; {data / 1e6:.1f} MB")
    return page


def opened(page: Path) -> None:
    """Open it in headless Chromium and do what a reader does."""
    from selenium import webdriver
    from selenium.webdriver.chrome.service import Service
    from selenium.webdriver.support.ui import WebDriverWait

    options = webdriver.ChromeOptions()
    options.binary_location = shutil.which("chromium") or ""
    for flag in (
        "headless=new",
        "no-sandbox",
        "disable-gpu",
        "disable-dev-shm-usage",
        "window-size=1280,900",
    ):
        options.add_argument(f"--{flag}")
    driver = webdriver.Chrome(options=options, service=Service(shutil.which("chromedriver")))

    def until(condition: str) -> None:
        waiting = WebDriverWait(driver, 120, poll_frequency=0.02)
        waiting.until(lambda found: found.execute_script(f"return {condition}"))

    def choose(control: str, value: str) -> None:
        driver.execute_script(
            "const control = document.getElementById(arguments[0]); control.value = arguments[1];"
            "control.dispatchEvent(new Event('change', {bubbles: true}))", control, value,
        )  # fmt: skip

    def busy() -> float:
        """Processor seconds of the page's thread: what an idle machine takes at least."""
        told = driver.execute_cdp_cmd("Performance.getMetrics", {})["metrics"]
        return next(float(metric["value"]) for metric in told if metric["name"] == "TaskDuration")

    def open_page() -> None:
        driver.get(page.as_uri())
        until("document.querySelectorAll('#rd-plot .scatterlayer .trace').length === 4")

    def see_matrix() -> None:
        driver.execute_script("document.getElementById('matrix').scrollIntoView({behavior: 'instant'})")
        until("document.querySelectorAll('#matrix td').length > 0")

    def choose_clip() -> None:
        driver.execute_script("document.querySelectorAll('.view-point')[0].value = 1")
        choose("view-clip", "100")
        until("document.querySelectorAll('#curve .scatterlayer .trace').length > 0")

    driver.execute_cdp_cmd("Performance.enable", {"timeDomain": "threadTicks"})
    try:
        took("opening it, to the plot", open_page)
        print(f"{'    of that the page was busy':<44}{busy():8.2f} s")
        took("opening it again, to the plot", open_page)
        took("coming to the matrix", see_matrix)
        took("colouring the matrix by another metric", lambda: choose("matrix-metric", "psnr"))
        took("another clip, to its curves by frame", choose_clip)
        took("plot of another metric", lambda: choose("rd-metric", "psnr"))
    finally:
        driver.quit()


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--clips", type=int, default=222)
    parser.add_argument("--points", type=int, default=40)
    parser.add_argument("--compare", action="store_true")
    with tempfile.TemporaryDirectory() as folder:
        opened(written(parser.parse_args(), Path(folder)))


if __name__ == "__main__":
    main()
