"""Prints frames a second of each picture metric beside a reference library called in the usual way.

    python tests/perf/metrics_speed.py [FRAMES]

One thread, CPU time of this process and of the ffmpeg it starts, best of three. `prepare` is spent once
a clip for all operating points, `compare` once for each; the libraries do the work of both every time,
so the last column counts a sweep of eight points. Metrics of faces are measured one by one: in a run
they share their detections (akd, akd_fomm and aed dlib's, those of acting faces MediaPipe's), which is most
of their time but for aed, csim and pose_error.
"""

from __future__ import annotations

import contextlib
import gc
import resource
import sys
import tempfile
import warnings
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import torch
from naive_calls import ACTING, TEMPORAL
from rich.console import Console
from rich.table import Table
from talkbench.core import ffmpeg
from talkbench.core.assets import fetch, locate
from talkbench.core.colour import rgb_to_yuv420
from talkbench.core.metric import Shape
from talkbench.core.registry import load
from talkbench.core.set_metric import SetMetric
from talkbench.core.video import block_length

POINTS = 8
Pair = tuple[np.ndarray, np.ndarray]


def frames(size: int, count: int) -> Pair:
    """A smooth moving picture with grain, and a noisy copy."""
    rng = np.random.default_rng(0)
    t, y, x, c = np.ogrid[:count, :size, :size, :3]
    waves = 128 + 80 * np.sin(x / 17 + t / 5 + c) * np.cos(y / 23 - t / 7)
    reference = np.clip(waves + rng.normal(0, 4, waves.shape), 0, 255).astype(np.uint8)
    return reference, np.clip(reference + rng.normal(0, 8, waves.shape), 0, 255).astype(np.uint8)


def people(size: int, count: int) -> Pair:
    """A real face, and a noisy copy."""
    (clip,) = load("datasets", "sample")(names=["vlog"], size=size).clips()
    reference = np.concatenate(list(clip.first(count).frames()))
    noise = np.random.default_rng(0).normal(0, 8, reference.shape)
    return reference, np.clip(reference + noise, 0, 255).astype(np.uint8)


def spent() -> float:
    """CPU seconds so far, ended children included."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(usage.ru_utime + usage.ru_stime for usage in used)


def seconds(action: Callable[[], Any]) -> float:
    """CPU seconds of an action, least of three."""
    best = float("inf")
    for _ in range(3):
        gc.collect()
        before = spent()
        action()
        best = min(best, spent() - before)
    return best


def by_scikit(pair: Pair) -> None:
    from skimage.metrics import structural_similarity

    for x, y in zip(*pair, strict=True):
        structural_similarity(
            x,
            y,
            channel_axis=2,
            gaussian_weights=True,
            sigma=1.5,
            use_sample_covariance=False,
            data_range=255,
        )


def psnr_by_scikit(pair: Pair) -> None:
    from skimage.metrics import peak_signal_noise_ratio

    for x, y in zip(*pair, strict=True):
        peak_signal_noise_ratio(x, y, data_range=255)


def _tensors(pair: Pair) -> list[torch.Tensor]:
    return [torch.from_numpy(clip).permute(0, 3, 1, 2).float() for clip in pair]


def by_pytorch_msssim(pair: Pair) -> None:
    from pytorch_msssim import ms_ssim

    with torch.inference_mode():
        ms_ssim(*_tensors(pair), data_range=255, size_average=False)


def lpips_package(net: str) -> Callable[[Pair], None]:
    import lpips

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        module = lpips.LPIPS(net=net, pnet_rand=True, verbose=False)

    def run(pair: Pair) -> None:
        with torch.inference_mode():
            module(*(clip / 127.5 - 1 for clip in _tensors(pair)))

    return run


def by_dlib(identity: bool) -> Callable[[Pair], None]:
    """dlib's detector, its landmarks and, if asked for, its recognition, each picture at its own size."""
    import dlib

    landmarks, recognition = (str(locate(asset)) for asset in load("metrics", "aed").assets)
    detector, predictor = dlib.get_frontal_face_detector(), dlib.shape_predictor(landmarks)
    network = dlib.face_recognition_model_v1(recognition)

    def run(pair: Pair) -> None:
        for frame in np.concatenate(pair):
            for box in detector(frame, 0):
                points = predictor(frame, box)
                if identity:
                    network.compute_face_descriptor(frame, points)

    return run


def by_insightface() -> Callable[[Pair], None]:
    """insightface's own application, with its default sizes of the detector's picture."""
    import onnxruntime
    from insightface.app import FaceAnalysis

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    with tempfile.TemporaryDirectory() as root, contextlib.redirect_stdout(None):
        folder = Path(root) / "models" / "small"
        folder.mkdir(parents=True)
        for asset in load("metrics", "csim").assets:
            (folder / asset.name).symlink_to(locate(asset))
        app = FaceAnalysis(
            "small", root, ["detection", "recognition"], sess_options=options, static_shape_sessions=False
        )
        app.prepare(ctx_id=-1)

    def run(pair: Pair) -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            for frame in np.concatenate(pair):
                app.get(frame[..., ::-1].copy())

    return run


def by_piq() -> Callable[[Pair], None]:
    """piq's module, whose own weights are not to be had here: ours in it."""
    from talkbench.metrics.dists import model

    def run(pair: Pair) -> None:
        with torch.inference_mode():
            for x, y in zip(*(clip / 255 for clip in _tensors(pair)), strict=True):
                model()(x[None], y[None])

    return run


def by_pytorch_fid() -> Callable[[Pair], None]:
    """pytorch-fid's network over both sets, as its command does for every two folders."""
    from talkbench.metrics.inception import network

    def run(pair: Pair) -> None:
        with torch.inference_mode():
            for clip in _tensors(pair):
                network()(clip / 255)

    return run


def by_ffmpeg(filters: str) -> Callable[[Pair], None]:
    """ffmpeg's own filter on two files of raw RGB."""

    def run(pair: Pair) -> None:
        with tempfile.TemporaryDirectory() as folder:
            inputs: list[str] = []
            for clip, name in zip(pair, ("reference", "decoded"), strict=True):
                path = Path(folder) / name
                path.write_bytes(clip.tobytes())
                size = f"{clip.shape[2]}x{clip.shape[1]}"
                inputs = ["-f", "rawvideo", "-pix_fmt", "rgb24", "-s", size, "-i", str(path), *inputs]
            yuv = rgb_to_yuv420()
            ffmpeg.collect(
                [
                    ffmpeg.binary(), "-v", "error", "-filter_complex_threads", "1", *inputs, "-lavfi",
                    f"[0:v]{yuv}[a];[1:v]{yuv}[b];[a][b]{filters}", "-f", "null", "-",
                ]
            )  # fmt: skip

    return run


LIBRARIES: dict[str, tuple[str, Callable[[Pair], None]]] = {
    "psnr": ("scikit-image", psnr_by_scikit),
    "psnr_y": ("ffmpeg psnr", by_ffmpeg("psnr")),
    "ssim": ("scikit-image", by_scikit),
    "ms_ssim": ("pytorch-msssim", by_pytorch_msssim),
    "vmaf": ("ffmpeg libvmaf", by_ffmpeg("libvmaf=n_threads=1:log_fmt=json:log_path=/dev/null")),
    **TEMPORAL,
}


FACES: dict[str, tuple[str, Callable[[], Callable[[Pair], None]]]] = {
    "akd": ("dlib", lambda: by_dlib(False)),
    "akd_fomm": ("dlib", lambda: by_dlib(False)),
    "aed": ("dlib", lambda: by_dlib(True)),
    "csim": ("insightface", by_insightface),
    **ACTING,
}


DEEP: dict[str, tuple[str, Callable[[], Callable[[Pair], None]]]] = {
    "dists": ("piq", by_piq),
    "fid": ("pytorch-fid", by_pytorch_fid),
}
"""fid: of each sampled frame, 16 of a clip; kid takes the same features."""


def measure(metric: Any, pair: Pair) -> tuple[float, float]:
    """CPU seconds of `prepare` and of scoring one operating point, in the runner's blocks."""
    reference, decoded = pair
    _, height, width, _ = reference.shape
    length = block_length(width, height)
    cuts = [slice(at, at + length) for at in range(0, len(reference), length)]

    def score() -> None:
        scorer = metric.start(Shape(width, height, Fraction(25), len(reference)))
        for cut, ready in zip(cuts, prepared, strict=True):
            scorer.update(ready, decoded[cut])
        scorer.finish()
        scorer.close()

    prepared = [metric.prepare(reference[cut]) for cut in cuts]
    # A set metric's reference features are made once a clip, like what others prepare.
    ready = metric.features if isinstance(metric, SetMetric) else metric.prepare
    return seconds(lambda: [ready(reference[cut]) for cut in cuts]), seconds(score)


def main(count: int) -> None:
    torch.set_num_threads(1)
    for name in ("lpips", *FACES, *DEEP):
        fetch(*load("metrics", name).assets)
    fetch(*load("datasets", "sample")().needs())
    table = Table(title=f"picture metrics, one thread, CPU time, torch {torch.__version__}")
    for heading in ("metric", "size", "prepare ms", "compare ms", "frames/s", "library", "frames/s", "ratio"):
        table.add_column(heading, justify="left" if heading in ("metric", "library") else "right")
    cases: list[tuple[str, dict[str, str], int]] = [
        *(
            (name, {}, count)
            for name in ("l1", "psnr", "psnr_mse", "psnr_y", "ssim", "ms_ssim", "vmaf", *TEMPORAL)
        ),
        ("lpips", {"net": "alex"}, count),
        ("lpips", {"net": "vgg"}, 2),
        *((name, {}, min(count, 4)) for name in (*FACES, *DEEP)),
    ]
    for name, settings, number in cases:
        library = ("lpips", lpips_package(settings["net"])) if settings else LIBRARIES.get(name)
        if name in FACES | DEEP:
            called, loaded = (FACES | DEEP)[name]
            library = called, loaded()
        for size in (256, 512):
            pair = people(size, number) if name in FACES else frames(size, number)
            whole = {"count_first": True} if name in DEEP else {}
            prepare, compare = (
                1000 * spent / number for spent in measure(load("metrics", name)(**settings, **whole), pair)
            )
            ours = compare + prepare / POINTS
            row = [" ".join([name, *settings.values()]), str(size), f"{prepare:.2f}", f"{compare:.2f}"]
            if library is None:
                table.add_row(*row, f"{1000 / ours:.0f}", "", "", "")
                continue
            theirs = 1000 * seconds(lambda pair=pair, run=library[1]: run(pair)) / number  # type: ignore[misc]
            rates = f"{1000 / ours:.1f}", library[0], f"{1000 / theirs:.1f}", f"{theirs / ours:.1f}"
            table.add_row(*row, *rates)
    Console(width=100).print(table)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 16)
