"""The x264 and x265 sweep with PSNR and MS-SSIM on two clips, beside CompressAI's video bench.

    python tests/perf/compressai.py --python .venv-compressai/bin/python [--frames 120] [--repeat 2]

CompressAI wants an older numpy, so it gets an environment of its own; its bench needs no weights:

    python -m venv .venv-compressai
    .venv-compressai/bin/pip install compressai

Both programs are given the same pictures, quality points, preset, tuning, encoder threads and number of
processes, and the same ffmpeg, one after the other. Ours is the whole command, with the report and its
videos. Then what CompressAI coded is scored by talkbench's definitions, which tells apart how much of a
difference lies in the definitions and how much in the coding.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from statistics import fmean
from typing import Any

from rich.console import Console
from rich.table import Table
from talkbench.benchmarks.plan import build_dataset, build_metric
from talkbench.benchmarks.scoring import score_pictures
from talkbench.core import ffmpeg
from talkbench.core.assets import fetch
from talkbench.core.colour import TAGS, YUV420_TO_RGB, rgb_to_yuv420
from talkbench.core.decoding import decode
from talkbench.core.store import read_scores
from talkbench.core.video import Clip, Frames, Source

CLIPS = ["mall", "vlog"]
SIZE, FPS = 256, 25
"""CompressAI codes every clip as one of 25 frames a second, whatever its name says."""
POINTS = [24, 30, 36, 42]
PRESET, TUNE, THREADS = "medium", "psnr", 4
"""Its own defaults, but for the tuning: x264 does not know its default `psnr-rgb`."""
CODECS = {"h264": ("x264", "h264", "6"), "h265": ("x265", "hevc", "39|40")}
"""By method: CompressAI's name, ffmpeg's, and the NAL unit types of supplemental information."""
FULL_RANGE = YUV420_TO_RGB.replace("rangein=limited", "rangein=full")
WHY = """
Rate       An mp4 holds tables, and x264 and x265 sign their work in it; a bare stream is coded pictures only.
Colour     Both take BT.709. CompressAI reads the planes as full range, though they are limited, which leaves
           219/255 of the contrast: up to 1.3 dB more PSNR, and more MS-SSIM, whose constants weigh more then.
           What still differs at full range is how the colour planes are enlarged.
Pooling    CompressAI's PSNR is that of a clip's mean squared error (psnr_mse), psnr is the mean over frames.
Coding     CompressAI leaves the encoders' look-ahead on (x264 40 frames, x265 20, with trees and scene cuts);
           talkbench codes at low delay without, and is given 8-bit RGB, turned into 4:2:0 once more.
           Neither has B-frames.
Frame 0    counts in both (run.count_first=true).
"""


@dataclass(frozen=True)
class Coded(Source):
    """Coded pictures and the filters that make RGB of them."""

    data: bytes
    demuxer: str
    filters: str

    def frames(self) -> Iterator[Frames]:
        return decode(self.data, self.demuxer, SIZE, SIZE, filters=self.filters)

    def fingerprint(self) -> str:
        raise NotImplementedError


def make_clips(folder: Path, frames: int) -> None:
    """Write sample clips as raw planes for CompressAI and, lossless, the same planes for talkbench."""
    sample = build_dataset("sample", {"size": SIZE, "names": CLIPS})
    fetch(*sample.needs())
    for kind in ("yuv", "mkv"):
        (folder / kind).mkdir()
    for clip in sample.clips():
        raw = ["-f", "rawvideo", "-pix_fmt", "rgb24", "-s", f"{SIZE}x{SIZE}", "-r", str(FPS), "-i", "pipe:"]
        tags = [word for key, value in TAGS.items() for word in (f"-{key}", value)]
        ffmpeg.collect(
            [
                ffmpeg.binary(), "-v", "error", *raw,
                "-vf", rgb_to_yuv420(), *tags, "-c:v", "ffv1", str(folder / "mkv" / f"{clip.name}.mkv"),
                "-vf", rgb_to_yuv420(), "-f", "rawvideo",
                str(folder / "yuv" / f"{clip.name}_{SIZE}x{SIZE}_{FPS}fps_8bit_420.yuv"),
            ],
            (block.data for block in clip.first(frames).frames()),
        )  # fmt: skip


def run(command: list[str], environment: dict[str, str]) -> float:
    """Wall seconds of a command."""
    start = time.monotonic()
    done = subprocess.run(
        command, env={**os.environ, **environment}, capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        sys.exit(f"{' '.join(command)} ended with code {done.returncode}:\n{done.stderr[-2000:]}")
    return time.monotonic() - start


def theirs(python: str, folder: Path, out: Path, jobs: int) -> float:
    """Wall seconds of CompressAI's bench for both codecs."""
    tools = folder / "bin"
    tools.mkdir(exist_ok=True)
    (tools / "ffmpeg").unlink(missing_ok=True)
    (tools / "ffmpeg").symlink_to(ffmpeg.binary())
    threads = str(max(1, (os.cpu_count() or 1) // jobs))
    environment = {"PATH": f"{tools}:{os.environ['PATH']}", "OMP_NUM_THREADS": threads}
    return sum(
        run(
            [
                python, "-m", "compressai.utils.video.bench", name, str(folder / "yuv"), str(out / name),
                "-q", ",".join(map(str, POINTS)), "-j", str(jobs), "-p", PRESET, "--tune", TUNE,
            ],
            environment,
        )
        for name, _, _ in CODECS.values()
    )  # fmt: skip


def ours(folder: Path, out: Path, jobs: int) -> float:
    """Wall seconds of `bench run` for both codecs."""
    settings = {"crf": f"[{','.join(map(str, POINTS))}]", "preset": PRESET, "tune": TUNE, "threads": THREADS}
    command = [
        sys.executable, "-m", "talkbench", "run", "--methods", ",".join(CODECS), "--dataset", "folder",
        f"data.root={folder / 'mkv'}", "--metrics", "psnr,ms_ssim,bpp,kbps", "--workers", str(jobs),
        "run.count_first=true", "--out", str(out),
        *(f"methods.{name}.{key}={value}" for name in CODECS for key, value in settings.items()),
    ]  # fmt: skip
    return run(command, {})


def rescored(method: str, mp4: Path, original: Path) -> dict[str, float]:
    """What CompressAI coded, by talkbench's definitions, and with planes taken as full range (`full_…`).

    `kbps` is without container and banner.
    """
    _, demuxer, sei = CODECS[method]
    bare = f"{demuxer}_mp4toannexb,filter_units=remove_types={sei}"
    copy = ["-i", str(mp4), "-c", "copy", "-bsf:v", bare, "-f", demuxer, "pipe:"]
    data = ffmpeg.collect([ffmpeg.binary(), "-v", "error", *copy])
    metrics: Any = {name: build_metric(name, {}, True) for name in ("psnr", "psnr_mse", "ms_ssim")}
    values = {}
    for prefix, filters in (("", YUV420_TO_RGB), ("full_", FULL_RANGE)):
        reference, decoded = (
            Clip(original.stem, Coded(*coded, filters), SIZE, SIZE, Fraction(FPS))
            for coded in ((original.read_bytes(), "matroska"), (data, demuxer))
        )
        (scored,) = score_pictures(reference, [decoded], metrics)
        values |= {f"{prefix}{name}": scored.scores[name].values[name] for name in metrics}
    count = len(scored.scores["psnr"].frames["psnr"])
    return {**values, "kbps": len(data) * 8 * FPS / count / 1000}


def compare(folder: Path, their_out: Path, our_out: Path) -> Table:
    """Rates and qualities, means over the clips, from CompressAI's figures to ours step by step."""
    table = Table(
        title="means over the clips: CompressAI's figures, its streams scored anew step by step, and ours"
    )
    table.add_column("codec\nCRF")
    for heading in (
        "CompressAI\nkb/s", "bare\nstream", "talkbench\nkb/s",
        "CompressAI\nPSNR", "full\nrange", "limited\nrange", "frames'\nmean", "talkbench\nPSNR",
        "CompressAI\nMS-SSIM", "full\nrange", "limited\nrange", "talkbench\nMS-SSIM",
    ):  # fmt: skip
        table.add_column(heading, justify="right")
    clips = sorted((folder / "mkv").iterdir())
    scores = read_scores(our_out)
    for method, (name, _, _) in CODECS.items():
        config = f"{name}-{PRESET}-tune-{TUNE}"
        printed = json.loads((their_out / name / f"{config}.json").read_text())["results"]
        for at, crf in enumerate(POINTS):
            assert printed["qp"][at] == crf
            again = [
                rescored(method, next((their_out / name).glob(f"{clip.stem}_*_qp{crf}.mp4")), clip)
                for clip in clips
            ]
            mine = scores[(scores.method == method) & (scores.point == f"crf{crf}")]
            mine = mine.groupby("metric").value.mean()
            middle = {key: fmean(one[key] for one in again) for key in again[0]}
            table.add_row(
                f"{name} {crf}",
                f"{printed['bitrate'][at]:.1f}", f"{middle['kbps']:.1f}", f"{mine['kbps_total']:.1f}",
                f"{printed['psnr-rgb'][at]:.2f}", f"{middle['full_psnr_mse']:.2f}",
                f"{middle['psnr_mse']:.2f}", f"{middle['psnr']:.2f}", f"{mine['psnr']:.2f}",
                f"{printed['ms-ssim-rgb'][at]:.4f}", f"{middle['full_ms_ssim']:.4f}",
                f"{middle['ms_ssim']:.4f}", f"{mine['ms_ssim']:.4f}",
            )  # fmt: skip
    return table


def main() -> None:
    """Run both, and print times and figures."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--python", default=sys.executable, help="an interpreter that has CompressAI")
    parser.add_argument("--frames", type=int, default=120, help="of each clip")
    parser.add_argument("--jobs", type=int, default=2, help="processes of each program")
    parser.add_argument("--repeat", type=int, default=2, help="runs of each program, in turn")
    args = parser.parse_args()
    probe = [args.python, "-c", "import compressai.utils.video.bench"]
    found = subprocess.run(probe, capture_output=True, text=True, check=False)
    if found.returncode != 0:
        reason = found.stderr.strip().splitlines()[-1]
        sys.exit(f"{args.python} cannot run CompressAI's bench ({reason}).\n{__doc__}")
    console = Console(width=150)
    points = len(CODECS) * len(POINTS)
    times = Table(title=f"{len(CLIPS)} clips x {args.frames} frames x {points} points, {args.jobs} processes")
    for heading in ("run", "CompressAI s", "talkbench s", "CompressAI / talkbench", "load"):
        times.add_column(heading, justify="right")
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        make_clips(folder, args.frames)
        for number in range(1, args.repeat + 1):
            their_out, our_out = folder / f"compressai{number}", folder / f"talkbench{number}"
            slow, fast = theirs(args.python, folder, their_out, args.jobs), ours(folder, our_out, args.jobs)
            load = os.getloadavg()[0]
            times.add_row(str(number), f"{slow:.1f}", f"{fast:.1f}", f"{slow / fast:.2f}", f"{load:.1f}")
        console.print(times)
        console.print(compare(folder, their_out, our_out))
    console.print(WHY, highlight=False)


if __name__ == "__main__":
    main()
