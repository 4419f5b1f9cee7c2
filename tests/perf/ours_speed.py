"""Milliseconds a frame of `ours`.

    python tests/perf/ours_speed.py [--skip-shipped] [--fv2v CHECKOUT]

With the shipped weights on a real clip (`sample`, vlog): the least of several wall times, without the source
picture, which costs once a clip; the load of the machine is printed too. With a checkout of the public
face-vid2vid (zhanglonghao1992/One-Shot_Free-View_Neural_Talking_Head_Synthesis), also how long its generator
takes for a frame, with the source picture as in its own demo, beside ours at the same widths and weights,
which are random. Prints tables; asserts nothing.
"""

from __future__ import annotations

import argparse
import importlib
import itertools
import os
import sys
import tempfile
import time
import warnings
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import torch
from rich.console import Console
from rich.table import Table
from talkbench.core.config import compose
from talkbench.core.points import points
from talkbench.core.registry import load
from talkbench.core.video import Clip, Frames
from talkbench.methods.face_vid2vid.geometry import bins_to_degrees
from talkbench.methods.face_vid2vid.inference import for_inference
from talkbench.methods.face_vid2vid.networks import Motion
from talkbench.methods.face_vid2vid.public_checkpoint import load_public
from talkbench.methods.face_vid2vid.public_layout import DEGREES

CLIP, SIZES = "vlog", (256, 512)
BATCH = 4
ROUNDS = 2
ANGLES = ("yaw", "pitch", "roll")
PRECISIONS = ("float32", "bfloat16")


def sample(size: int, frames: int) -> Clip:
    """The first frames of the clip."""
    clip: Clip = load("datasets", "sample")(size=size, names=[CLIP]).clips()[0]
    return clip.first(frames)


def least(action: Callable[[], Any], times: int) -> float:
    """Wall seconds of an action, least of several; once before that to warm up."""
    action()
    return min(_seconds(action) for _ in range(times))


def _seconds(action: Callable[[], Any]) -> float:
    start = time.perf_counter()
    action()
    return time.perf_counter() - start


def _speed(codec: Any, frames: Frames) -> tuple[float, float, float]:
    """Seconds for the source picture, for a frame's encoding, and for its decoding."""
    source, later = frames[0], frames[1:]
    _, still = codec.understood(source)
    numbers = np.concatenate(list(codec.track([later])))
    return (
        least(lambda: codec.understood(source), 3),
        least(lambda: list(codec.track([later])), 5) / len(later),
        least(lambda: codec.painted(still, numbers, source), 5) / len(later),
    )


def speed_table() -> Table:
    """Milliseconds a frame of `ours`."""
    config = compose(["ours"], "sample", "compression", [])["methods"]["ours"]
    table = Table(title=f"ours, shipped weights, batches of {BATCH}, torch {torch.__version__}: ms a frame")
    for heading in ("size", "threads", "precision", "source, once", "encode", "decode", "decoded frames/s"):
        table.add_column(heading, justify="left" if heading == "precision" else "right")
    for size in SIZES:
        frames = np.concatenate(list(sample(size, BATCH + 1).frames()))
        for threads, precision in itertools.product((1, 2), PRECISIONS):
            settings = {**config, "threads": threads, "precision": precision, "batch": BATCH}
            codec = next(one for one in points("ours", settings) if one.name == "predictive").build()
            once, encode, decode = (f"{1000 * seconds:.1f}" for seconds in _speed(codec, frames))
            rate = f"{1000 / float(decode):.1f}"
            table.add_row(str(size), str(threads), precision, once, encode, decode, rate)
    return table


class PublicCode:
    """The public re-implementation at the widths of its `vox-256`, with random weights and lively motion."""

    def __init__(self, checkout: Path) -> None:
        import yaml

        sys.path.insert(0, str(checkout))
        warnings.simplefilter("ignore")
        params = yaml.safe_load((checkout / "config/vox-256.yaml").read_text())["model_params"]
        generator = importlib.import_module("modules.generator")
        detector = importlib.import_module("modules.keypoint_detector")
        self.transform = importlib.import_module("modules.model").keypoint_transformation
        kinds = {
            "generator": generator.OcclusionAwareGenerator,
            "kp_detector": detector.KPDetector,
            "he_estimator": detector.HEEstimator,
        }
        torch.manual_seed(0)
        self.networks = {
            name: kind(**params[f"{name}_params"], **params["common_params"]).eval()
            for name, kind in kinds.items()
        }
        with torch.no_grad():
            for network in self.networks.values():
                for layer in network.modules():
                    if isinstance(layer, torch.nn.modules.batchnorm._BatchNorm):
                        torch.nn.init.uniform_(layer.running_mean, -0.3, 0.3)
                        torch.nn.init.uniform_(layer.running_var, 0.5, 1.5)
            self.networks["kp_detector"].kp.weight *= 40
            self.networks["generator"].dense_motion_network.mask.weight *= 20
            self.networks["generator"].final.weight *= 3

    def save(self, file: Path) -> None:
        """Write a checkpoint as its training does."""
        torch.save({name: network.state_dict() for name, network in self.networks.items()}, file)


def turned(read: dict[str, torch.Tensor], frame: int) -> dict[str, torch.Tensor]:
    """The estimates with another pose, within some 20 degrees, and another expression for each frame."""
    dice = torch.Generator().manual_seed(frame)
    middle = 33 + 7 * torch.randn(3, 1, 1, generator=dice)
    logits = -((torch.arange(66.0) - middle) ** 2) / 4
    moved = {name: read[name] + 0.05 * torch.randn(read[name].shape, generator=dice) for name in ("t", "exp")}
    return {**dict(zip(ANGLES, logits, strict=True)), **moved}


def as_motion(reads: list[dict[str, torch.Tensor]]) -> Motion:
    """The same for the networks here."""
    logits = torch.stack([torch.cat([read[name] for name in ANGLES]) for read in reads])
    translation, deformation = (torch.cat([read[name] for read in reads]) for name in ("t", "exp"))
    return Motion(bins_to_degrees(logits) * DEGREES, translation, deformation.unflatten(1, (-1, 3)))


def public_table(checkout: Path, count: int) -> Table:
    """Milliseconds of CPU a frame of the public generator and of ours, in turn, on one thread."""
    torch.set_num_threads(1)
    public = PublicCode(checkout)
    source = torch.from_numpy(next(sample(256, 1).frames())).permute(0, 3, 1, 2).float() / 255
    with tempfile.TemporaryDirectory() as folder, torch.inference_mode():
        public.save(Path(folder) / "public.pth.tar")
        model = for_inference(load_public(Path(folder) / "public.pth.tar"))
        still = dict(public.networks["he_estimator"](source))
        canonical = public.networks["kp_detector"](source)
        reads = [turned(still, frame) for frame in range(count)]
        motion = as_motion(reads)
        places = [
            public.transform(canonical, {name: value.clone() for name, value in one.items()}, False)
            for one in (still, *reads)
        ]
        pictures: dict[str, dict[int, torch.Tensor]] = defaultdict(dict)
        seconds: dict[str, list[float]] = defaultdict(list)
        for _ in range(ROUNDS):
            for number, place in enumerate(places[1:]):
                with clock(seconds["public"]):
                    out = public.networks["generator"](source, kp_source=places[0], kp_driving=place)
                pictures["public"][number] = out["prediction"]
            with clock(seconds["source"]):
                still_here = model.read_source(source)
            for precision, number in itertools.product(PRECISIONS, range(count)):
                reduced = torch.autocast("cpu", torch.bfloat16, enabled=precision == "bfloat16")
                with reduced, clock(seconds[precision]):
                    picture = model.render(still_here, motion[number : number + 1]).picture
                pictures[precision][number] = picture
    best = {name: min(found) for name, found in seconds.items()}
    reference = torch.cat(list(pictures["public"].values()))
    table = Table(title=f"vox-256 widths, K = {model.config.keypoints}, one thread, CPU time")
    for heading in ("generator", "ms a frame", "ratio", "largest difference, of 1"):
        table.add_column(heading, justify="left" if heading == "generator" else "right")
    table.add_row("public, source picture each time", f"{1000 * best['public']:.0f}", "1.00", "")
    for precision in PRECISIONS:
        difference = float((torch.cat(list(pictures[precision].values())) - reference).abs().max())
        row = f"{1000 * best[precision]:.0f}", f"{best['public'] / best[precision]:.2f}", f"{difference:.1e}"
        table.add_row(f"ours, {precision}", *row)
    moved = max(float((place["value"] - places[0]["value"]).abs().max()) for place in places[1:])
    table.caption = (
        f"ours reads the source once a clip: {1000 * best['source']:.0f} ms; "
        f"keypoints move by up to {moved:.2f}, pixels spread by {float(reference.std()):.2f}"
    )
    return table


@contextmanager
def clock(found: list[float]) -> Iterator[None]:
    """Add the block's CPU seconds to those found."""
    start = time.process_time()
    yield
    found.append(time.process_time() - start)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--skip-shipped", action="store_true")
    parser.add_argument("--fv2v", type=Path, metavar="CHECKOUT", help="of the public face-vid2vid")
    parser.add_argument("--fv2v-frames", type=int, default=2)
    args = parser.parse_args()
    console = Console(width=110)
    if not args.skip_shipped:
        console.print(speed_table())
    if args.fv2v:
        console.print(public_table(args.fv2v.resolve(), args.fv2v_frames))
    console.print(f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}")


if __name__ == "__main__":
    main()
