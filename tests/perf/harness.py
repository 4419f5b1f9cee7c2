"""What the harness itself costs: start-up, share of a run's time, memory against a clip's length.

    python tests/perf/harness.py [--frames 90] [--size 256]

Prints a table; nothing is asserted. Run it on an otherwise idle machine.
"""

from __future__ import annotations

import argparse
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

METHODS = ["h264", "h265"]
METRICS = ["lpips", "psnr", "ssim", "ms_ssim", "bpp"]


def cpu_seconds(*arguments: str) -> float:
    """CPU seconds of one command."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([sys.executable, "-m", "talkbench", *arguments], stdout=subprocess.DEVNULL, check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def timed(spent: Counter[str], what: str, function: Callable[..., Any]) -> Callable[..., Any]:
    """The function, its wall time added to `spent[what]`."""

    def call(*arguments: Any, **settings: Any) -> Any:
        start = time.perf_counter()
        try:
            return function(*arguments, **settings)
        finally:
            spent[what] += time.perf_counter() - start

    return call


def shares(frames: int, size: int) -> Counter[str]:
    """Wall seconds of a run of one worker by what they went to; `all` is the whole."""
    from talkbench.benchmarks import runner, work
    from talkbench.benchmarks.executors import Executor
    from talkbench.benchmarks.plan import build_metric, build_plan, compose_run
    from talkbench.core.registry import load

    spent: Counter[str] = Counter()

    class Here(Executor):
        def run(self, function: Any, tasks: Any, split: Any) -> Any:
            for task in tasks:
                yield task, function(task)

    config = compose_run(
        METHODS, "testcard", metrics=METRICS, overrides=[f"data.size={size}", f"data.frames={frames}"]
    )
    for name in METHODS:
        cls = load("methods", name)
        cls.encode = timed(spent, "encode", cls.encode)
    for name in METRICS:
        cls = load("metrics", name)
        for step in ("prepare", "compare", "measure"):
            if hasattr(cls, step):
                setattr(cls, step, timed(spent, "metrics", getattr(cls, step)))
        build_metric(name, config["metrics"][name] or {}, False)
    decode = work._decode

    def decoded(*arguments: Any) -> Any:
        answer = decode(*arguments)
        spent["decode"] += answer.seconds
        return answer

    work._decode = decoded
    with tempfile.TemporaryDirectory() as folder:
        for warm in (True, False):  # the first run loads libraries and weights
            spent.clear()
            start = time.perf_counter()
            plan = build_plan(config, "testcard", "compression")
            outcome = runner.execute(plan, Path(folder) / f"run{warm}", Here(1), ["perf"])
            spent["all"] = time.perf_counter() - start
            assert not outcome.failures, outcome.failures
    return spent


def peak_mib(frames: int, size: int) -> float:
    """Largest resident set, in MiB, of any process of a run on one clip."""
    with tempfile.TemporaryDirectory() as folder:
        program = (
            "import resource, subprocess, sys\n"
            "subprocess.run(sys.argv[1:], check=True, stdout=subprocess.DEVNULL)\n"
            "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)"
        )
        command = [
            sys.executable, "-m", "talkbench", "run", "--methods", "h264", "methods.h264.crf=[28,40]",
            "--dataset", "testcard", f"data.size={size}", f"data.frames={frames}", "run.workers=1",
            "--metrics", ",".join(METRICS), "--out", f"{folder}/run",
        ]  # fmt: skip
        done = subprocess.run(
            [sys.executable, "-c", program, *command], capture_output=True, text=True, check=True
        )
        return int(done.stdout) / 1024


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--frames", type=int, default=90)
    parser.add_argument("--size", type=int, default=256)
    parser.add_argument("--skip-memory", action="store_true")
    args = parser.parse_args()
    print(f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}")
    for command in (["--help"], ["list"], ["list", "metrics"]):
        print(f"bench {' '.join(command):24} {cpu_seconds(*command):6.2f} s of CPU")
    spent = shares(args.frames, args.size)
    whole = spent.pop("all")
    for what, seconds in spent.most_common():
        print(f"{what:30} {seconds:6.2f} s {seconds / whole:6.1%}")
    rest = whole - sum(spent.values())
    print(f"{'harness':30} {rest:6.2f} s {rest / whole:6.1%} of {whole:.2f} s")
    if not args.skip_memory:
        short, long = peak_mib(128, 512), peak_mib(1024, 512)
        print(
            f"peak memory at 512x512: {short:.0f} MiB for 128 frames, {long:.0f} MiB for 1024: {long / short:.2f}x"
        )


if __name__ == "__main__":
    main()
