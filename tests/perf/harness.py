"""What the harness itself costs: start-up, its share of a run's time, memory against a clip's length.

    python tests/perf/harness.py [--skip-memory] [RUN ARGUMENTS …]

Prints tables; nothing is asserted. The run is the whole command `bench run`, with its process start,
imports, worker processes and report; each worker's seconds are told apart by what they went to. Unless
arguments say otherwise it is x264 and x265 on three sample clips of 60 frames, by two workers.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

WORKERS = 2
RUN = ["--methods", "h264,h265", "--dataset", "sample", "--clips", "3", "--frames", "60"]
NOTES = "TALKBENCH_PERF_NOTES"
"""The environment variable that names the folder where workers leave what they measured."""
PAID_FOR = ("encode", "decode", "metrics")
"""What a run is for; the rest of its time is the harness."""
START, END, LOADING = "start: imports, plan, worker processes", "end: tables, report", "loading networks"
WAITING = "waiting: other worker still busy"
ONCE = (START, LOADING, WAITING, END)
"""What a run pays once, however long its clips are."""

spent: Counter[str] = Counter()
"""Seconds of this worker by what they went to; those of an inner piece are not in its outer one."""
_open: list[float] = []


@contextmanager
def timed(what: str) -> Iterator[None]:
    """Add the block's own wall time, less that of timed blocks inside it, to `spent[what]`."""
    _open.append(0.0)
    start = time.monotonic()
    try:
        yield
    finally:
        took = time.monotonic() - start
        spent[what] += took - _open.pop()
        if _open:
            _open[-1] += took


def timing(what: str, function: Callable[..., Any]) -> Callable[..., Any]:
    """The function, its time added to `spent[what]`."""

    def call(*arguments: Any, **settings: Any) -> Any:
        with timed(what):
            return function(*arguments, **settings)

    return call


def _instrument(config: Any, shape: tuple[int, int]) -> None:
    """Time this worker's steps from now on, and load what the metrics load at their first frame."""
    import numpy as np
    from talkbench.benchmarks import work
    from talkbench.benchmarks.plan import build_metrics
    from talkbench.core.metric import PictureMetric
    from talkbench.core.registry import load

    def started(start: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: Any) -> Any:
            scorer = start(*arguments)
            for step in ("update", "finish"):
                setattr(scorer, step, timing("metrics", getattr(scorer, step)))
            return scorer

        return call

    def decoded(decode: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: Any) -> Any:
            with timed("sealing: pipe, hash, scratch file"):
                answer = decode(*arguments)
                spent["decode"] += answer.seconds
                spent["sealing: pipe, hash, scratch file"] -= answer.seconds
                return answer

        return call

    for metric in build_metrics(config).values():
        if isinstance(metric, PictureMetric):
            with timed(LOADING):
                metric.prepare(np.zeros((1, *shape, 3), np.uint8))
            cls: Any = type(metric)
            cls.prepare = timing("metrics", cls.prepare)
            cls.start = started(cls.start)
    for name in config["methods"]:
        method = load("methods", name)
        method.encode = timing("encode", method.encode)
    module: Any = work
    module._decode = decoded(module._decode)
    for what, step in (
        ("reading clips", "decode_reference"),
        ("playable copies", "write_video"),
        ("storing units", "_store"),
    ):
        setattr(module, step, timing(what, getattr(module, step)))


def measured(task: Any) -> Any:
    """`benchmarks.work.work`, in a worker, and a note of what it spent."""
    from talkbench.benchmarks.work import work

    start = time.monotonic()
    with timed("other work"):
        if not spent:
            _instrument(task.config, (task.clip.height, task.clip.width))
        answer = work(task)
    note = {"start": start, "end": time.monotonic(), "spent": spent}
    with (Path(os.environ[NOTES]) / f"{os.getpid()}.jsonl").open("a") as file:
        file.write(json.dumps(note) + "\n")
    return answer


def inside(arguments: list[str]) -> int:
    """The command `bench`, its workers measured."""
    from talkbench import cli
    from talkbench.benchmarks import runner

    module: Any = runner
    module.work = measured
    return cli.main(arguments)


def shares(arguments: list[str]) -> tuple[Counter[str], float]:
    """Seconds of a run, of all its workers together, by what they went to, and its wall time."""
    with tempfile.TemporaryDirectory() as folder:
        notes = Path(folder) / "notes"
        notes.mkdir()
        command = [sys.executable, __file__, "--inside", "run", *arguments, "--workers", str(WORKERS)]
        start = time.monotonic()
        subprocess.run(
            [*command, "--out", f"{folder}/run"],
            env={**os.environ, NOTES: str(notes)},
            stdout=subprocess.DEVNULL,
            check=True,
        )
        end = time.monotonic()
        workers = [[json.loads(line) for line in file.read_text().splitlines()] for file in notes.iterdir()]
    assert len(workers) == WORKERS, f"{len(workers)} workers had work"
    found: Counter[str] = Counter()
    last = max(tasks[-1]["end"] for tasks in workers)
    for tasks in workers:
        found.update(tasks[-1]["spent"])
        found[START] += tasks[0]["start"] - start
        found[WAITING] += last - tasks[-1]["end"]
    found[END] = WORKERS * (end - last)
    found["other work"] += WORKERS * (end - start) - sum(found.values())
    return found, end - start


def cpu_seconds(*arguments: str) -> float:
    """CPU seconds of one command."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([sys.executable, "-m", "talkbench", *arguments], stdout=subprocess.DEVNULL, check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def _family(root: int) -> list[int]:
    """A process and all that it started, directly or not."""
    parents: dict[int, list[int]] = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        parents.setdefault(int(fields[1]), []).append(int(stat.parent.name))
    family, found = [root], [root]
    while found:
        found = [child for parent in found for child in parents.get(parent, [])]
        family += found
    return family


def _resident(process: int) -> float:
    """MiB of a process, pages that it shares counted in part (PSS)."""
    try:
        lines = Path(f"/proc/{process}/smaps_rollup").read_text().splitlines()
    except OSError:
        return 0.0
    return next(float(line.split()[1]) for line in lines if line.startswith("Pss:")) / 1024


def peak_mib(frames: int, size: int, metrics: str) -> float:
    """Most memory, in MiB, that all processes of a run on one clip held at once."""
    with tempfile.TemporaryDirectory() as folder:
        command = [
            sys.executable, "-m", "talkbench", "run", "--methods", "h264", "methods.h264.crf=[28,40]",
            "--dataset", "testcard", f"data.size={size}", f"data.frames={frames}", "data.clips=1",
            "--workers", "1", "--metrics", metrics, "--out", f"{folder}/run",
        ]  # fmt: skip
        run = subprocess.Popen(command, stdout=subprocess.DEVNULL)
        peak, ended = 0.0, threading.Event()
        threading.Thread(target=lambda: (run.wait(), ended.set()), daemon=True).start()
        while not ended.wait(0.1):
            peak = max(peak, sum(map(_resident, _family(run.pid))))
        assert run.returncode == 0, f"bench run ended with code {run.returncode}"
        return peak


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--skip-memory", action="store_true")
    parser.add_argument("--memory-metrics", default="lpips,psnr,ssim,ms_ssim,bpp")
    args, run = parser.parse_known_args()
    print(f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}")
    for command in (["--help"], ["list"], ["list", "metrics"]):
        print(f"bench {' '.join(command):24} {cpu_seconds(*command):6.2f} s of CPU")
    spent, wall = shares(run or RUN)
    print(f"\nbench run {' '.join(run or RUN)} --workers {WORKERS}: {wall:.1f} s")
    whole = sum(spent.values())
    for what, seconds in spent.most_common():
        print(f"{what:40} {seconds:7.2f} s {seconds / whole:6.1%}")
    once, paid_for = (sum(spent[what] for what in group) for group in (ONCE, PAID_FOR))
    rest = whole - once - paid_for
    print(f"\n{'harness, once a run':40} {once:7.2f} s {once / whole:6.1%}")
    print(f"{'harness, growing with the clips':40} {rest:7.2f} s {rest / whole:6.1%}")
    print(f"{'harness':40} {once + rest:7.2f} s {(once + rest) / whole:6.1%}")
    if not args.skip_memory:
        short, long = (peak_mib(frames, 512, args.memory_metrics) for frames in (128, 1024))
        print(
            f"\npeak memory at 512x512: {short:.0f} MiB for 128 frames, {long:.0f} MiB for 1024: "
            f"{long / short:.2f}x (load {os.getloadavg()[0]:.1f})"
        )


if __name__ == "__main__":
    if sys.argv[1:2] == ["--inside"]:
        sys.exit(inside(sys.argv[2:]))
    main()
