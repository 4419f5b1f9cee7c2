"""The page of a HIT in a real browser, with a scripted worker at it."""

from __future__ import annotations

import csv
import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from talkbench.reports.study.hit import batch_row, filled
from talkbench.reports.study.manifest import Study, read_study, write_study
from talkbench.reports.study.votes import read_votes

pytestmark = pytest.mark.slow


@contextmanager
def served(folder: Path, port: int) -> Iterator[list[str]]:
    """Serve a study by the command, and kill it in the end; gives the workers' links."""
    command = [sys.executable, "-m", "talkbench", "study", "serve", str(folder.parent), "--name", folder.name]
    with subprocess.Popen(
        [*command, "--port", str(port), "--workers", "3"], stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        try:
            yield [process.stdout.readline().split(": ", 1)[1].strip() for _ in range(3)]
        finally:
            process.kill()


@pytest.fixture
def port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


@pytest.fixture
def folder(tmp_path: Path, local_study: Path) -> Path:
    return Path(shutil.copytree(local_study, tmp_path / "study"))


@pytest.fixture
def worker(browser: Any, port: int) -> Any:
    """The browser, that reaches this study and nothing else."""
    browser.execute_cdp_cmd("Network.setBlockedURLs", {"urls": ["https://*", "ws://*", "wss://*"]})
    return browser


def until(driver: Any, condition: str) -> Any:
    from selenium.webdriver.support.ui import WebDriverWait

    return WebDriverWait(driver, 30).until(lambda d: d.execute_script(f"return {condition}"))


def press(driver: Any, *keys: str) -> None:
    from selenium.webdriver.common.action_chains import ActionChains

    ActionChains(driver).send_keys(*keys).perform()


CURRENT = "document.querySelector('.question:not([hidden])')"
PLAYED = f"{CURRENT} && !{CURRENT}.querySelector('input[type=radio]').disabled"
SLOT = f"Number({CURRENT}?.dataset.slot ?? 0)"


def answer(driver: Any, slot: int, *keys: str) -> None:
    """Watch a question's videos to the end and answer it by keys."""
    from selenium.webdriver.common.keys import Keys

    until(driver, f"{SLOT} === {slot}")
    until(driver, PLAYED)
    press(driver, *keys, Keys.ENTER)


def votes(folder: Path) -> list[dict[str, str]]:
    with (folder / "votes.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def test_a_worker_watches_both_to_the_end_and_votes_once(worker: Any, folder: Path, port: int) -> None:
    from selenium.webdriver.common.keys import Keys

    with served(folder, port) as links:
        worker.get(links[0])
        page = worker.current_url
        worker.find_element("id", "start").click()
        # One video plays on for ever: nothing can be answered before it has ended.
        until(worker, f"{SLOT} === 1")
        slow = f"{CURRENT}.querySelectorAll('video')[1]"
        worker.execute_script(f"{slow}.playbackRate = 0.0625; {slow}.defaultPlaybackRate = 0.0625")
        until(worker, f"{CURRENT}.querySelectorAll('video')[0].ended")
        press(worker, "1", Keys.ARROW_LEFT, Keys.ENTER)
        assert worker.execute_script(f"return {slow}.ended") is False
        assert worker.execute_script(f"return {PLAYED}") is False
        assert worker.execute_script(f"return {SLOT}") == 1
        assert "Watch both videos to the end" in worker.find_element("css selector", ".status").text
        worker.execute_script(f"{slow}.playbackRate = 4; {slow}.defaultPlaybackRate = 1")
        study = read_study(folder)
        given = {}
        for slot in range(1, study.slots + 1):
            key = ("1", "2", Keys.ARROW_LEFT, Keys.ARROW_RIGHT)[slot % 4]
            given[slot] = "right" if key in ("2", Keys.ARROW_RIGHT) else "left"
            other = "1" if given[slot] == "right" else "2"
            answer(worker, slot, other, "r", key)  # thinks again
        worker.find_element("id", "send").click()
        until(worker, "document.getElementById('said')")
        assert "Your answers are saved" in worker.find_element("id", "said").text
        (row,) = votes(folder)
        assert {slot: row[f"Answer.answer_{slot}"] for slot in given} == given
        assert int(row["Answer.video_width"]) > 300
        ballots = read_votes(study, [folder / "votes.csv"])
        assert ballots.left_out == ()
        playing = max(video.frames / 25 for video in study.videos)
        assert all(one.seconds >= playing for one in ballots.assignments[0].answers)
        # The page once more, with other answers.
        worker.get(page)
        worker.find_element("id", "start").click()
        until(worker, "!document.getElementById('end').hidden")
        worker.find_element("id", "send").click()
        until(worker, "document.getElementById('said')?.textContent.includes('answered before')")
        assert votes(folder) == [row]
        assert [one for one in worker.get_log("browser") if "409" not in one["message"]] == []


def test_no_answer_is_lost_when_the_server_is_killed(worker: Any, folder: Path, port: int) -> None:
    study = read_study(folder)
    with served(folder, port) as links:
        worker.get(links[0])
        worker.find_element("id", "start").click()
        for slot in (1, 2):
            answer(worker, slot, "2")
        until(worker, f"{SLOT} === 3")
    with served(folder, port):
        worker.refresh()
        assert worker.find_element("id", "start").text == "Go on"
        worker.find_element("id", "start").click()
        for slot in range(3, study.slots + 1):
            answer(worker, slot, "1")
        until(worker, "!document.getElementById('end').hidden")
    worker.find_element("id", "send").click()  # nobody is there
    until(worker, "!document.getElementById('study')")
    with served(folder, port):
        worker.refresh()  # which posts it again
        until(worker, "document.getElementById('said')")
    (row,) = votes(folder)
    chosen = [row[f"Answer.answer_{slot}"] for slot in range(1, study.slots + 1)]
    assert chosen == ["right"] * 2 + ["left"] * (study.slots - 2)


def test_a_preview_can_be_watched_and_not_answered(worker: Any, folder: Path, port: int) -> None:
    study = read_study(folder)
    with served(folder, port):
        worker.get(
            f"http://127.0.0.1:{port}/hit/{next(iter(study.hits))}?assignmentId=ASSIGNMENT_ID_NOT_AVAILABLE"
        )
        assert "This is a preview" in worker.find_element("id", "notice").text
        worker.find_element("id", "start").click()
        seen = f"{CURRENT}.querySelectorAll('video')"
        until(worker, f"{SLOT} === 1 && [...{seen}].every(video => video.ended || video.currentTime > 0.2)")
        press(worker, "1", "2")
        assert worker.execute_script(f"return {PLAYED}") is False


def test_a_worker_who_answered_elsewhere_is_sent_back(worker: Any, folder: Path, port: int) -> None:
    """A HIT that is published again has another assignment of the same worker."""
    hit = next(iter(read_study(folder).hits))
    with served(folder, port):
        page = f"http://127.0.0.1:{port}/hit/{hit}"
        worker.get(f"{page}?assignmentId=one&workerId=A1")
        worker.execute_script(f"localStorage.setItem('study done A1 {hit}', '\"one\"')")
        for query, enabled in (
            ("two&workerId=A1", False),
            ("one&workerId=A1", True),
            ("two&workerId=A2", True),
        ):
            worker.get(f"{page}?assignmentId={query}")
            assert worker.find_element("id", "start").is_enabled() is enabled
            assert ("return this HIT" in worker.find_element("id", "notice").text) is not enabled


def test_ratings_by_keys_and_by_clicks(
    worker: Any, coded_run: Path, tmp_path: Path, port: int, export_to: Any
) -> None:
    folder = tmp_path / "study-ratings"
    export_to(folder, kind="rating", pairs=("h264",), platform="local", base_url="")
    study = read_study(folder)
    with served(folder, port) as links:
        worker.get(links[1])
        worker.find_element("id", "start").click()
        answer(worker, 1, "4", "2", "5")
        until(worker, f"{SLOT} === 2")
        until(worker, PLAYED)
        for name, value in (("identity_2", 1), ("head_pose_2", 3), ("expression_2", 2)):
            assert not worker.find_element("css selector", ".question:not([hidden]) .next").is_enabled()
            worker.find_element("css selector", f"input[name={name}][value='{value}']").click()
        worker.find_element("css selector", ".question:not([hidden]) .next").click()
        for slot in range(3, study.slots + 1):
            answer(worker, slot, "3", "3", "3")
        worker.find_element("id", "send").click()
        until(worker, "document.getElementById('said')")
    (row,) = votes(folder)
    assert [row[f"Answer.{name}_1"] for name in study.attributes] == ["4", "2", "5"]
    assert [row[f"Answer.{name}_2"] for name in study.attributes] == ["3", "2", "1"]


@pytest.mark.parametrize("inside", [False, True])
def test_mturk_gets_a_plain_post(worker: Any, folder: Path, port: int, inside: bool) -> None:
    """The page as MTurk's site shows it, alone or within a form of its own: what is posted, and where."""
    study: Study = replace(read_study(folder), platform="mturk")
    write_study(folder, study)
    hit = next(iter(study.hits))
    page = filled((folder / "hit.html").read_text("utf-8"), batch_row(study, hit, "/videos/"))
    if inside:
        own = '<form id="theirs" method="post" action="https://www.mturk.com/mturk/externalSubmit">'
        page = f'{own}<input type="hidden" name="assignmentId" value="">{page}</form>'
    (folder / "hit.html").write_text(page, "utf-8")
    with served(folder, port):
        worker.get(
            f"http://127.0.0.1:{port}/hit/{hit}?assignmentId=3ABC&hitId=3X&workerId=A1"
            "&turkSubmitTo=https%3A%2F%2Fworkersandbox.mturk.com"
        )
        worker.find_element("id", "start").click()
        for slot in range(1, study.slots + 1):
            answer(worker, slot, "1")
        until(worker, "!document.getElementById('end').hidden")
        worker.execute_script(
            "window.posted = null; document.addEventListener('submit', event => { event.preventDefault();"
            "window.posted = [event.target.method, event.target.action,"
            "new URLSearchParams(new FormData(event.target)).toString()]; });"
        )
        worker.find_element("id", "send").click()
        method, where, body = until(worker, "window.posted")
    assert (method, where) == ("post", "https://workersandbox.mturk.com/mturk/externalSubmit")
    fields = parse_qs(body, strict_parsing=True)
    assert fields["assignmentId"] == ["3ABC"]
    assert [fields[f"answer_{slot}"] for slot in range(1, study.slots + 1)] == [["left"]] * study.slots
    assert {name.rpartition("_")[0] for name in fields} == {"", "answer", "seconds", "plays", "video"}
    assert urlsplit(where).hostname == "workersandbox.mturk.com"


def test_answers_go_to_nobody_else(worker: Any, folder: Path, port: int) -> None:
    hit = next(iter(read_study(folder).hits))
    with served(folder, port):
        for elsewhere in (
            "https://evil.example",
            "https://evilmturk.com",
            "http://www.mturk.com",
            "javascript:1",
        ):
            worker.get(f"http://127.0.0.1:{port}/hit/{hit}?assignmentId=3A&turkSubmitTo={elsewhere}")
            where = worker.execute_script(
                "const form = document.querySelector('#study form');"
                "form.addEventListener('submit', event => event.preventDefault());"
                "form.requestSubmit(); return form.action"
            )
            assert where == "https://www.mturk.com/mturk/externalSubmit"


AXE = """
const done = arguments[0];
axe.run(document).then(({violations, passes}) => done([violations.map(one => one.id), passes.length]));
"""


@pytest.mark.parametrize(("size", "width", "height"), [("desktop", 1280, 800), ("phone", 390, 844)])
def test_a_question_fits_the_screen_and_is_usable_by_all(
    worker: Any, folder: Path, port: int, tmp_path: Path, size: str, width: int, height: int
) -> None:
    screen = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": size == "phone"}
    worker.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", screen)
    pictures = Path(os.environ.get("TALKBENCH_SCREENSHOTS") or tmp_path)
    pictures.mkdir(parents=True, exist_ok=True)
    axe = pytest.importorskip("axe_core_python")
    with served(folder, port) as links:
        worker.get(links[0])
        for step in ("intro", "question"):
            if step == "question":
                worker.find_element("id", "start").click()
                until(worker, PLAYED)
                press(worker, "2")
                bottom = f"{CURRENT}.querySelector('.next').getBoundingClientRect().bottom"
                assert worker.execute_script(f"return {bottom}") <= height
            assert worker.execute_script("return document.documentElement.scrollWidth") <= width
            worker.execute_script((Path(axe.__file__).parent / "axe.min.js").read_text("utf-8"))
            violations, passes = worker.execute_async_script(AXE)
            assert (violations, passes > 10) == ([], True)
            assert worker.save_screenshot(str(pictures / f"study-{size}-{step}.png"))
