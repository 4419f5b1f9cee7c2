"""Signals, dying processes, and two runs at once."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from talkbench.core.store import read_scores

Bench = Callable[..., "subprocess.CompletedProcess[str]"]
LONG = ("run", "--methods", "h264", "--dataset", "testcard", "data.clips=9", "--frames", "40", "--size", "64")

LONG += ("methods.h264.crf=[20,30,40]", "--metrics", "psnr,bpp", "run.videos=false", "run.workers=2", "--out")


def start(*arguments: object) -> subprocess.Popen[str]:
    """The command in a session of its own, as a terminal would start it."""
    command = [sys.executable, "-m", "talkbench", *map(str, arguments)]
    return subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # background jobs are deaf to it
    )  # fmt: skip


def running(session: int) -> dict[int, str]:
    """Command lines of a session's processes."""
    found = {}
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            state, _, _, owner = (folder / "stat").read_text().rpartition(")")[2].split()[:4]
            if int(owner) == session and state != "Z":
                found[int(folder.name)] = (folder / "cmdline").read_text()
        except OSError:
            continue
    return found


def wait_for(what: Callable[[], object]) -> object:
    """What is awaited, once it is there."""
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        if found := what():
            return found
        time.sleep(0.02)
    raise AssertionError("waited in vain")


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="processes are looked up in /proc")
@pytest.mark.parametrize(
    ("number", "victim", "code"),
    [
        (signal.SIGINT, "all", 130),
        (signal.SIGTERM, "parent", 143),
        (signal.SIGHUP, "all", 129),
        (signal.SIGKILL, "spawn_main", 0),
        (signal.SIGKILL, "talkbench.benchmarks.sealed", None),
    ],
)
def test_signals(
    bench: Bench,
    tmp_path: Path,
    number: signal.Signals,
    victim: str,
    code: int | None,
    in_order: Callable[[Path], bool],
) -> None:
    out = tmp_path / "run"
    process = start(*LONG, out)
    wait_for(lambda: len(list(out.glob("units/[!.]*.json"))) >= 2)
    if victim == "all":
        os.killpg(process.pid, number)
    elif victim == "parent":
        os.kill(process.pid, number)
    else:
        found = wait_for(
            lambda: [
                pid for pid, line in running(process.pid).items() if victim in line and pid != process.pid
            ]
        )
        os.kill(found[0], number)  # type: ignore[index]
    _, error = process.communicate(timeout=120)
    # A decoder that dies at work costs its unit, an idle one nothing.
    assert process.returncode in ((0, 1) if code is None else (code,)), error
    assert "Traceback" not in error
    wait_for(lambda: not running(process.pid))
    assert in_order(out)
    done = bench(*LONG, out)
    assert done.returncode == 0, done.stderr
    assert len(read_scores(out)) == 9 * 3 * 4
    assert bench("verify", out).returncode == 0


def test_two_runs_into_one_folder_at_once(bench: Bench, tmp_path: Path, one_line: Callable[..., str]) -> None:
    out = tmp_path / "run"
    first = start(*LONG, out)
    wait_for(lambda: (out / "manifest.json").exists())
    os.killpg(first.pid, signal.SIGSTOP)  # it may not be done before the other has begun
    assert "another run is writing" in one_line(bench(*LONG, out))
    os.killpg(first.pid, signal.SIGCONT)
    first.communicate(timeout=120)
    assert first.returncode == 0
    assert len(read_scores(out)) == 9 * 3 * 4
