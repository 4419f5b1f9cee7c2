"""The command `bench`: calls and prints."""

from __future__ import annotations

import argparse
import errno
import json
import os
import signal
import sys
import textwrap
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NoReturn

from .command_line import SHELVES, parsed, parser
from .core.errors import TalkbenchError, UsageError

DONE, FAILED, WRONG = 0, 1, 2
INTERRUPTED = 130


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
    from .reports import build, compare_runs

    if len(args.runs) == 1:
        print(f"report: {build(args.runs[0])}")
        return DONE
    compared = compare_runs(args.runs)
    for line in compared.recipe or ("nothing that the manifests record",):
        print(f"differs: {line}")
    for line in compared.left_out:
        print(f"not compared: {line}")
    print(f"report: {compared.report}")
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

    print(decode_file(args.stream, args.video, args.overrides, args.method))
    return DONE


def _data(args: argparse.Namespace) -> int:
    overrides = list(args.overrides)
    for key in ("root", "split", "lists"):
        if getattr(args, key) is not None:
            overrides.append(f"data.{key}={getattr(args, key)}")
    if args.action == "prepare":
        return _prepare(args, overrides)
    from .core.listing import clip_rows, left_lines

    rows, dataset = clip_rows(args.dataset, overrides, decode=args.action == "verify")
    _show(rows, args.json)
    for line in left_lines(dataset):
        print(line, file=sys.stderr)
    return FAILED if any(row.get("wrong") for row in rows) else DONE


def _prepare(args: argparse.Namespace, overrides: Sequence[str]) -> int:
    import functools

    from .core.preparation import Preparation, prepare

    how = Preparation(
        videos=args.videos,
        as_published=args.as_published,
        at_key_frames=args.at_key_frames,
        workers=args.workers,
        cookies=args.cookies,
        browser=args.cookies_from_browser or "",
        again=args.again,
    )
    whole = prepare(args.dataset, overrides, how, functools.partial(print, flush=True))
    return DONE if whole else FAILED


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


def _study(args: argparse.Namespace) -> int:
    from .reports.study.manifest import study_folder

    actions = {"export": _study_export, "serve": _study_serve, "analyse": _study_analyse}
    return actions[args.action](args, study_folder(args.run, args.name))


def _study_export(args: argparse.Namespace, folder: Path) -> int:
    from .benchmarks.session import progress
    from .benchmarks.showing import shown_frames
    from .reports.study.export import Wish, export

    wish = Wish(
        args.kind,
        args.platform,
        tuple(args.pairs),
        tuple(args.clip),
        args.votes,
        args.seed,
        args.base_url,
        args.gold,
    )
    with shown_frames(args.run) as show, progress("making videos") as shown:
        print(export(args.run, folder, wish, show, shown))
    return DONE


def _study_serve(args: argparse.Namespace, folder: Path) -> int:
    from .reports.study.local import Server

    with Server(folder, args.workers, args.port) as server:
        for worker, link in server.links.items():
            print(f"{worker}: {link}")
        print(f"votes: {folder / 'votes.csv'}; Ctrl-C ends", flush=True)
        server.serve_forever()
    return DONE


def _study_analyse(args: argparse.Namespace, folder: Path) -> int:
    from .reports.study.analysis import analyse

    print(f"report: {analyse(args.run, args.votes, folder.name)}")
    return DONE


def _command_line() -> list[str]:
    return ["bench", *sys.argv[1:]]


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
        "study": _study,
    }
    bench = parser()
    try:
        args = parsed(bench, arguments)
        if args.command is None:
            bench.print_help()
            return DONE
        return handlers[args.command](args)
    except TalkbenchError as error:
        print(f"bench: {error}", file=sys.stderr)
        return WRONG
    except KeyboardInterrupt as interrupt:
        print("bench: interrupted; the same command goes on from here", file=sys.stderr)
        return 128 + interrupt.args[0] if isinstance(interrupt, _Ended) else INTERRUPTED
