"""The grammar of `bench`: its commands, their arguments and examples."""

from __future__ import annotations

import argparse
import re
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

from .core.errors import UsageError, unknown
from .core.version import __version__

PREPARING = ("videos", "at_key_frames", "as_published", "cookies", "cookies_from_browser", "again")
"""Options of `bench data` that are for preparing alone."""
SHELVES = ("methods", "metrics", "datasets", "benchmarks", "reports")


def _names(text: str) -> list[str]:
    return [name for name in (part.strip() for part in text.split(",")) if name]


STUDIES = (
    "study export results/x --pairs ours:adaptive,h264 --platform mturk --votes 3 --base-url https://host/study",
    "study export results/x --pairs ours,h264:crf36 --platform local",
    "study export results/x --pairs ours,fomm --kind rating --platform local --name study-ratings",
    "study serve results/x --workers 20",
    "study analyse results/x results/x/study/votes.csv",
)


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        wrong = re.search(r"argument (COMMAND|ACTION): invalid choice: '(.*?)' \(choose from (.*)\)", message)
        if wrong:
            raise unknown(wrong[1].lower(), wrong[2], re.findall(r"\w+", wrong[3]))
        raise UsageError(f"{message}; see `{self.prog} --help`")


def parser() -> argparse.ArgumentParser:
    """Everything that `bench` understands."""
    bench = _Parser(
        prog="bench",
        description="Compare talking-head video codecs: real bytes, sealed decoding, settled metrics.",
        epilog="example: bench run --methods h264,h265 --dataset sample --out results/first",
    )
    bench.add_argument("--version", action="version", version=f"talkbench {__version__}")
    commands = bench.add_subparsers(dest="command", metavar="COMMAND", parser_class=_Parser)

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
        "run --methods h264,my_codec.yaml --dataset folder data.root=calls",
    )
    run.add_argument(
        "--methods",
        type=_names,
        required=True,
        metavar="A,B",
        help="see `bench list methods`; or YAMLs of yours",
    )
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

    report = command(
        "report",
        "write a run's report again; of several, what differs in their recipes, and then in numbers",
        "report results/x",
        "report results/x results/y",
    )
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
        "decode call.tkb call.mkv --method my_codec.yaml",
    )
    decode.add_argument("stream", type=Path)
    decode.add_argument("video", type=Path)
    decode.add_argument("--method", help="what it was coded with (default: what the stream says)")
    decode.add_argument(
        "overrides", nargs="*", metavar="KEY=VALUE", help="settings that it was coded with, such as weights"
    )

    data = command(
        "data",
        "look at a data set, or make it",
        "data list sample",
        "data verify folder data.root=calls",
        "data prepare talkinghead1kh --split val --root DIR",
        "data prepare talkinghead1kh --split val --root DIR --videos FOLDER",
        "data prepare folder --root calls   # finds the faces, and writes calls/data.csv",
    )
    data.add_argument("action", choices=["list", "verify", "prepare"])
    data.add_argument("dataset")
    data.add_argument("overrides", nargs="*", metavar="KEY=VALUE")
    making = data.add_argument_group("prepare", "what is there is kept; the same command again goes on")
    making.add_argument("--root", type=Path, metavar="DIR", help="the data set's folder (data.root)")
    making.add_argument("--split", metavar="NAME", help="such as val (data.split)")
    making.add_argument("--lists", type=Path, metavar="DIR", help="the published lists (data.lists)")
    making.add_argument("--videos", type=Path, metavar="FOLDER", help="downloaded videos, called ID.mp4")
    making.add_argument(
        "--at-key-frames", action="store_true", help="begin where the published scripts do, without loss"
    )
    making.add_argument(
        "--as-published", action="store_true", help="cut and code as the published scripts do, with loss"
    )
    making.add_argument(
        "--workers", type=int, default=2, metavar="N", help="videos downloaded or cut at once (default: 2)"
    )
    making.add_argument("--cookies", type=Path, metavar="FILE", help="handed to yt-dlp")
    making.add_argument("--cookies-from-browser", metavar="NAME", help="handed to yt-dlp")
    making.add_argument("--again", action="store_true", help="ask once more for videos found to be gone")

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

    _study(command("study", "ask people: export questions, serve them here, analyse the votes", *STUDIES))

    for one in (listing, doctor, verify, data, assets):
        one.add_argument("--json", action="store_true", help="print JSON")
    return bench


def _study(study: argparse.ArgumentParser) -> None:
    """The actions of `bench study`."""
    actions = study.add_subparsers(dest="action", metavar="ACTION", required=True, parser_class=_Parser)

    def action(name: str, about: str) -> argparse.ArgumentParser:
        one = actions.add_parser(name, help=about, description=about)
        one.add_argument("run", type=Path, metavar="RUN")
        one.add_argument("--name", default="study", help="the study's folder in the run's: study, or study-…")
        return one

    export = action("export", "make questions, videos and the page of a study from a finished run")
    export.add_argument(
        "--pairs", action="append", required=True, metavar="A,B",
        help="METHOD[:POINT],METHOD[:POINT], repeatable; no point means all of them; 'reference' the clip",
    )  # fmt: skip
    export.add_argument("--platform", choices=["mturk", "local"], required=True)
    export.add_argument("--kind", choices=["pair", "rating"], default="pair", help="default: pair")
    export.add_argument("--votes", type=int, default=3, metavar="N", help="workers a HIT (default: 3)")
    export.add_argument("--base-url", default="", metavar="URL", help="where you will put the videos (https)")
    export.add_argument(
        "--clip", action="append", default=[], metavar="NAME", help="repeatable (default: all)"
    )
    export.add_argument("--gold", metavar="POINT", help="METHOD:POINT, obviously bad (default: the worst)")
    export.add_argument("--seed", type=int, default=0, metavar="N", help="of order and sides (default: 0)")

    serve = action("serve", "serve a study's page on this machine, and collect the votes")
    serve.add_argument(
        "--workers", type=int, default=20, metavar="N", help="links to be printed (default: 20)"
    )
    serve.add_argument("--port", type=int, default=8000, metavar="N", help="default: 8000")

    analyse = action("analyse", "what people voted: into the run's report, with intervals")
    analyse.add_argument(
        "votes", type=Path, nargs="+", metavar="VOTES",
        help="CSV of a batch's results as MTurk gives it, or the votes.csv of `bench study serve`",
    )  # fmt: skip


def parsed(bench: argparse.ArgumentParser, arguments: Sequence[str] | None) -> argparse.Namespace:
    """Parse, with settings allowed anywhere among the options, which argparse alone does not do."""
    args, rest = bench.parse_known_args(arguments)
    for word in rest:
        if word.startswith("-") or not hasattr(args, "overrides"):
            raise UsageError(f"unexpected argument '{word}'; see `bench {args.command} --help`")
    for option in PREPARING:
        if getattr(args, option, None) and args.action != "prepare":
            raise UsageError(f"--{option.replace('_', '-')} is for `bench data prepare`; leave it out")
    if rest:
        args.overrides = [*args.overrides, *rest]
    return args
