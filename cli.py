"""The command `bench`: parses, calls, prints."""

from __future__ import annotations

import argparse
import errno
import json
import os
import re
import signal
import sys
import textwrap
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NoReturn

from .core.errors import TalkbenchError, UsageError, unknown
from .core.version import __version__

DONE, FAILED, WRONG = 0, 1, 2
INTERRUPTED = 130
SHELVES = ("methods", "metrics", "datasets", "benchmarks", "reports")


def _names(text: str) -> list[str]:
    return [name for name in (part.strip() for part in text.split(",")) if name]


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        wrong = re.search(r"argument COMMAND: invalid choice: '(.*?)' \(choose from (.*)\)", message)
        if wrong:
            raise unknown("command", wrong[1], re.findall(r"\w+", wrong[2]))
        raise UsageError(f"{message}; see `{self.prog} --help`")


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(
        prog="bench",
        description="Compare talking-head video codecs: real bytes, sealed decoding, settled metrics.",
        epilog="example: bench run --methods h264,h265 --dataset sample --out results/first",
    )
    parser.add_argument("--version", action="version", version=f"talkbench {__version__}")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", parser_class=_Parser)

    def command(name: str, about: str, *examples: str) -> argparse.ArgumentParser:
        return commands.add_parser(
            name,
            help=about,
            description=about,
            epilog="examples:\n" + "\n".join(f"  bench {example}" for example in examples),
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )

    run = command(
        "run",
        "code, decode, score and report; the same command again resumes",
        "run --methods h264,h265 --dataset sample --metrics psnr,ssim,lpips,bpp --out results/x",
        "run --methods h264,freeze --dataset folder data.root=calls --frames 120 methods.h264.crf=[27,35]",
    )
    run.add_argument("--methods", type=_names, required=True, metavar="A,B", help="see `bench list methods`")
    run.add_argument("--dataset", required=True, help="see `bench list datasets`")
    run.add_argument("--benchmark", default="compression", help="the recipe (default: compression)")
    run.add_argument("--metrics", type=_names, metavar="A,B", help="default: those of the recipe")
    run.add_argument("--out", type=Path, help="results folder (default: results/BENCHMARK-DATASET)")
    run.add_argument("--clips", type=int, metavar="N", help="only the first N clips")
    run.add_argument("--frames", type=int, metavar="N", help="only the first N frames of each clip")
    run.add_argument("--size", type=int, metavar="PIXELS", help="side of the square picture")
    run.add_argument("--executor", help="local (default) or ray")
    run.add_argument("--workers", type=int, metavar="N", help="processes (default: one a core)")
    run.add_argument("overrides", nargs="*", metavar="KEY=VALUE", help="any setting, as hydra writes it")

    listing = command("list", "what there is", "list methods", "list metrics --json")
    listing.add_argument("shelf", nargs="?", choices=SHELVES, help="one shelf (default: all)")

    doctor = command(
        "doctor", "look at this machine: ffmpeg, torch, weights, disk", "doctor", "doctor --json"
    )

    score = command(
        "score", "more metrics on stored streams; nothing is encoded", "score results/x --metrics vmaf"
    )
    score.add_argument("run", type=Path, metavar="RUN")
    score.add_argument("--metrics", type=_names, required=True, metavar="A,B")
    score.add_argument("--workers", type=int, metavar="N")
    score.add_argument("overrides", nargs="*", metavar="KEY=VALUE", help="settings of these metrics")

    report = command("report", "write a run's report again", "report results/x")
    report.add_argument("runs", type=Path, nargs="+", metavar="RUN")

    verify = command("verify", "check hashes and sizes, and decode every stream afresh", "verify results/x")
    verify.add_argument("run", type=Path, metavar="RUN")

    encode = command(
        "encode", "code one video", "encode h264 call.mp4 call.tkb --point crf35", "encode freeze a.mp4 a.tkb"
    )
    encode.add_argument("method")
    encode.add_argument("video", type=Path)
    encode.add_argument("stream", type=Path)
    encode.add_argument("--point", help="operating point (default: the middle of the method's sweep)")
    encode.add_argument("--size", type=int, metavar="PIXELS", help="scale a square picture to this side")
    encode.add_argument("overrides", nargs="*", metavar="KEY=VALUE")

    decode = command(
        "decode",
        "decode one stream; .mp4 is visually lossless, .mkv lossless RGB",
        "decode call.tkb call.mp4",
    )
    decode.add_argument("stream", type=Path)
    decode.add_argument("video", type=Path)
    decode.add_argument(
        "overrides", nargs="*", metavar="KEY=VALUE", help="settings that it was coded with, such as weights"
    )

    data = command("data", "look at a data set", "data list sample", "data verify folder data.root=calls")
    data.add_argument("action", choices=["list", "verify"])
    data.add_argument("dataset")
    data.add_argument("overrides", nargs="*", metavar="KEY=VALUE")

    assets = command("assets", "weights and sample clips", "assets list", "assets fetch", "assets where")
    assets.add_argument("action", choices=["list", "fetch", "where"])
    assets.add_argument("names", nargs="*", metavar="NAME", help="some assets (default: all)")

    train = command(
        "train",
        "train a neural codec; the same command again goes on",
        "train ours --data clips --out results/training --hours 8",
        "train ours --data clips weights.adversarial=1 networks.keypoints=15 held_out=[anna,ben]",
        "train ours --data clips --from checkpoint.safetensors --hours 0   # only its motion statistics",
    )
    train.add_argument("method")
    train.add_argument(
        "--data", type=Path, required=True, metavar="DIR",
        help="videos; a subfolder shows one person, or a MANIFEST.csv says who (columns file, identity, "
        "split, face_box_union)",
    )  # fmt: skip
    train.add_argument(
        "--out", type=Path, metavar="DIR", help="default: results/training-METHOD; what is there is continued"
    )
    train.add_argument(
        "--hours", type=float, metavar="H", help="default: to the end of the schedule; 0 only exports"
    )
    train.add_argument(
        "--from", dest="start", type=Path, metavar="WEIGHTS", help="begin with these weights of the method"
    )
    train.add_argument("overrides", nargs="*", metavar="KEY=VALUE", help="settings, such as recipe=small")

    for one in (listing, doctor, verify, data, assets):
        one.add_argument("--json", action="store_true", help="print JSON")
    return parser


def _show(rows: Sequence[dict[str, Any]], as_json: bool) -> None:
    """Print rows as JSON, or as a table of their keys."""
    if as_json:
        print(json.dumps(list(rows), indent=1))
        return
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=box.SIMPLE, pad_edge=False)
    for key in rows[0] if rows else ():
        table.add_column(key, overflow="fold")
    for row in rows:
        table.add_row(*(Text(str(value)) for value in row.values()))
    Console(width=None if sys.stdout.isatty() else 160).print(table)


def _describe(rows: Sequence[dict[str, Any]]) -> None:
    """Print rows as paragraphs, each under its name."""
    for row in rows:
        print(row["name"])
        for key, value in row.items():
            if key != "name" and value:
                print(textwrap.fill(f"{key}: {value}", 100, initial_indent="  ", subsequent_indent="    "))
        print()


def _run(args: argparse.Namespace) -> int:
    from .benchmarks.session import run

    overrides = list(args.overrides)
    for key, value in (
        ("run.clips", args.clips),
        ("run.frames", args.frames),
        ("data.size", args.size),
        ("run.executor", args.executor),
        ("run.workers", args.workers),
    ):
        if value is not None:
            overrides.append(f"{key}={value}")
    out = args.out or Path("results") / f"{args.benchmark}-{args.dataset}"
    outcome = run(args.methods, args.dataset, args.benchmark, args.metrics, overrides, out, _command_line())
    return _finish(outcome, out)


def _score(args: argparse.Namespace) -> int:
    from .benchmarks.session import score

    outcome = score(args.run, args.metrics, args.overrides, args.workers, _command_line())
    return _finish(outcome, args.run)


def _finish(outcome: Any, out: Path) -> int:
    from .reports import build

    alike: dict[str, list[str]] = {}
    for failure in outcome.failures:
        where = " ".join(part for part in (failure.method, failure.point, failure.clip) if part)
        alike.setdefault(f"{failure.stage}: {failure.message}", []).append(where)
    for what, units in list(alike.items())[:10]:
        more = f" and {len(units) - 1} more" if len(units) > 1 else ""
        print(f"bench: {units[0]}{more}: {what}", file=sys.stderr)
    if len(alike) > 10:
        print(f"bench: {len(alike) - 10} other reasons are in {out / 'failures.csv'}", file=sys.stderr)
    report = build(out)
    done = outcome.computed
    print(f"{done} computed, {outcome.kept} kept, {len(outcome.failures)} failures: {out}")
    print(f"report: {report}")
    return FAILED if outcome.failures else DONE


def _report(args: argparse.Namespace) -> int:
    from .reports import build

    for run in args.runs:
        print(f"report: {build(run)}")
    return DONE


def _list(args: argparse.Namespace) -> int:
    from .core.listing import shelf_rows
    from .reports import KINDS

    tables = {
        shelf: [{"name": name, "what": what} for name, what in KINDS.items()]
        if shelf == "reports"
        else shelf_rows(shelf, whole=args.shelf is not None)
        for shelf in ([args.shelf] if args.shelf else SHELVES)
    }
    if args.json:
        print(json.dumps(tables[args.shelf] if args.shelf else tables, indent=1))
        return DONE
    for shelf, rows in tables.items():
        if args.shelf:
            _describe(rows)
        else:
            print(shelf)
            _show(rows, False)
    return DONE


def _doctor(args: argparse.Namespace) -> int:
    from .core.doctor import examine

    findings = examine()
    _show([finding.row() for finding in findings], args.json)
    return DONE if all(finding.well for finding in findings) else FAILED


def _verify(args: argparse.Namespace) -> int:
    from .benchmarks.verify import verify

    checks = list(verify(args.run))
    wrong = [check for check in checks if check.wrong]
    if args.json:
        print(json.dumps([vars(check) for check in checks], indent=1))
    else:
        for check in wrong:
            print(f"{check.stream}: {check.wrong}")
        print(f"{len(checks) - len(wrong)} of {len(checks)} streams are as recorded")
    return FAILED if wrong else DONE


def _encode(args: argparse.Namespace) -> int:
    from .benchmarks.session import encode_file

    overrides, size = args.overrides, args.size
    print(encode_file(args.method, args.video, args.stream, args.point, size, overrides))
    return DONE


def _decode(args: argparse.Namespace) -> int:
    from .benchmarks.session import decode_file

    print(decode_file(args.stream, args.video, args.overrides))
    return DONE


def _data(args: argparse.Namespace) -> int:
    from .core.listing import clip_rows

    rows, left_out = clip_rows(args.dataset, args.overrides, decode=args.action == "verify")
    _show(rows, args.json)
    for name, reason in left_out.items():
        print(f"left out: {name}: {reason}", file=sys.stderr)
    return FAILED if any(row.get("wrong") for row in rows) else DONE


def _assets(args: argparse.Namespace) -> int:
    from .core.listing import asset_rows

    _show(asset_rows(args.names, fetch_them=args.action == "fetch", where=args.action == "where"), args.json)
    return DONE


def _train(args: argparse.Namespace) -> int:
    import functools
    import math

    from .core.method import TrainingTask
    from .core.registry import trainable

    hours = math.inf if args.hours is None else args.hours
    if not hours >= 0:
        raise UsageError(f"--hours {args.hours} is out of range; give a number, 0 or more")
    out = args.out or Path("results") / f"training-{args.method}"
    task = TrainingTask(args.data, out, hours, args.start, args.overrides)
    finished = trainable(args.method).train(task, functools.partial(print, flush=True))
    return DONE if finished else INTERRUPTED


def _command_line() -> list[str]:
    return ["bench", *sys.argv[1:]]


def _parsed(parser: argparse.ArgumentParser, arguments: Sequence[str] | None) -> argparse.Namespace:
    """Parse, with settings allowed anywhere among the options, which argparse alone does not do."""
    args, rest = parser.parse_known_args(arguments)
    for word in rest:
        if word.startswith("-") or not hasattr(args, "overrides"):
            raise UsageError(f"unexpected argument '{word}'; see `bench {args.command} --help`")
    if rest:
        args.overrides = [*args.overrides, *rest]
    return args


class _Ended(KeyboardInterrupt):
    """A signal asked this process to end."""


def _end(number: int, frame: object) -> NoReturn:
    raise _Ended(number)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command, as a process of its own; returns its exit code.

    0 done, 1 some unit failed, 2 wrong use, 128 + n ended by signal n (130: Ctrl-C).
    """
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:  # closed by the caller: the next file opened would take its place
            setattr(sys, name, open(os.devnull, mode))  # noqa: SIM115
    for number in (signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) is signal.SIG_DFL:
            signal.signal(number, _end)
    code = DONE
    try:
        code = _answered(arguments)
        sys.stdout.flush()
    except OSError as error:
        if error.filename is not None or error.errno not in (errno.EPIPE, errno.ENOSPC, errno.EIO):
            raise
        # What could not be written to stdout is not to be tried again when Python ends.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        if error.errno != errno.EPIPE:  # a reader that leaves, such as `head`, has seen enough
            print(
                f"bench: the output cannot be written ({error.strerror}); send it elsewhere", file=sys.stderr
            )
            return WRONG
    return code


def _answered(arguments: Sequence[str] | None) -> int:
    """Parse and carry out a command; errors meant for the user become a line and an exit code."""
    handlers = {
        "run": _run,
        "list": _list,
        "doctor": _doctor,
        "score": _score,
        "report": _report,
        "verify": _verify,
        "encode": _encode,
        "decode": _decode,
        "data": _data,
        "assets": _assets,
        "train": _train,
    }
    parser = _parser()
    try:
        args = _parsed(parser, arguments)
        if args.command is None:
            parser.print_help()
            return DONE
        return handlers[args.command](args)
    except TalkbenchError as error:
        print(f"bench: {error}", file=sys.stderr)
        return WRONG
    except KeyboardInterrupt as interrupt:
        print("bench: interrupted; the same command goes on from here", file=sys.stderr)
        return 128 + interrupt.args[0] if isinstance(interrupt, _Ended) else INTERRUPTED
