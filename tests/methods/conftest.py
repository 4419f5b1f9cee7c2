"""What the tests of the codecs share."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any
from uuid import uuid4

import numpy as np
import pytest
import yaml
from numpy.typing import NDArray
from talkbench.core.face_landmarks import Points
from talkbench.core.fp16_motion import Fp16Motion
from talkbench.core.method import Method
from talkbench.core.motion_coding import Parameters
from talkbench.core.points import Point, points
from talkbench.core.registry import find
from talkbench.core.signature import sha256_file
from talkbench.core.video import Clip, Frame, Frames, RawFile
from talkbench.methods.animated_picture import AnimatedPicture
from talkbench.methods.correction import Corrector


def x264_by_command() -> dict[str, Any]:
    """Settings of `external` for an encoder that is surely there: the ffmpeg in use, as any other tool."""
    from talkbench.core import ffmpeg

    tool = f"{shlex.quote(ffmpeg.binary())} -v error"
    x264 = (
        "-c:v libx264 -threads 1 -x264-params bframes=0:rc-lookahead=0:sync-lookahead=0:mbtree=0:scenecut=0"
    )
    return {
        "encode": f"{tool} -i {{input}} {x264} -crf {{quality}} -f h264 {{stream}}",
        "decode": f"{tool} -xerror -err_detect explode -f h264 -i {{stream}} -f yuv4mpegpipe {{output}}",
        "quality": [20, 26, 32],
        "syntax": "h264",
    }


@pytest.fixture(scope="session")
def networks(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, Any]]:
    """Settings that methods cannot do without: thin networks that run in milliseconds, a tool to run."""
    folder = tmp_path_factory.mktemp("weights")
    return {
        "external": x264_by_command(),
        "ours": face_vid2vid(folder),
        "fomm": first_order_motion(folder),
        "fs_vid2vid": few_shot_vid2vid(folder),
    }


def face_vid2vid(folder: Path) -> dict[str, str]:
    import torch
    from talkbench.core.motion_statistics import MotionStatistics
    from talkbench.methods.face_vid2vid.config import SMALL
    from talkbench.methods.face_vid2vid.model import TalkingHead
    from talkbench.methods.face_vid2vid.weights import save_weights
    from talkbench.methods.ours import Ours

    thin = replace(
        SMALL,
        motion_size=32,
        appearance_widths=(4, 4, 8),
        volume_channels=4,
        volume_depth=2,
        volume_blocks=1,
        canonical_widths=(4, 8),
        canonical_bottleneck=8,
        canonical_levels=2,
        trunk_stem=4,
        trunk_widths=(4, 8),
        trunk_blocks=(1, 1),
        motion_widths=(8, 8),
        generator_width=8,
        generator_blocks=1,
        generator_widths=(8, 4),
    )
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = TalkingHead(thin).eval()
        # Large enough that the pictures' differences show in what is sent.
        for layer in (model.estimator.translation, model.estimator.deformation):
            torch.nn.init.normal_(layer.weight, std=0.3)
    save_weights(model, folder / "ours.safetensors", {})
    dice = np.random.default_rng(0)
    track = dice.normal(scale=[5.0] * 3 + [0.1] * 3 + [0.02] * 60, size=(300, 66)).astype(np.float32)
    statistics = MotionStatistics.learn([track], Ours.steps(20)).save(folder)
    return {"weights": str(folder / "ours.safetensors"), "statistics": str(statistics)}


def first_order_motion(folder: Path) -> dict[str, str]:
    import torch
    from talkbench.core.motion_statistics import MotionStatistics
    from talkbench.methods.first_order_motion.config import SMALL
    from talkbench.methods.first_order_motion.model import FirstOrderMotion
    from talkbench.methods.first_order_motion.weights import save_weights
    from talkbench.methods.fomm import Fomm

    thin = replace(
        SMALL,
        motion_size=32,
        detector_widths=(8, 8, 8),
        motion_widths=(8, 8, 8),
        generator_widths=(4, 8),
        generator_blocks=1,
        motion_squeeze=8,
    )
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = FirstOrderMotion(thin).eval()
        # Large enough that the pictures' differences show in what is sent.
        torch.nn.init.normal_(model.detector.heat.weight, std=0.1)
        torch.nn.init.normal_(model.detector.jacobian.weight, std=0.05)
    save_weights(model, folder / "fomm.safetensors", {})
    dice = np.random.default_rng(0)
    mean, scale = [0.0, 0, 1, 0, 0, 1] * 20, [0.3, 0.3, 0.2, 0.1, 0.1, 0.2] * 20
    track = dice.normal(mean, scale, size=(300, 120)).astype(np.float32)
    statistics = MotionStatistics.learn([track], Fomm.steps(20)).save(folder)
    return {"weights": str(folder / "fomm.safetensors"), "statistics": str(statistics)}


def few_shot_vid2vid(folder: Path) -> dict[str, str]:
    import torch
    from talkbench.methods.few_shot_vid2vid.config import SMALL
    from talkbench.methods.few_shot_vid2vid.model import FewShotTalkingHead
    from talkbench.methods.few_shot_vid2vid.weights import save_weights
    from talkbench.methods.fs_vid2vid import FsVid2vid

    thin = replace(
        SMALL,
        motion_size=32,
        flow_widths=(4, 8),
        flow_blocks=1,
        appearance_widths=(4, 8),
        code_widths=(4, 4),
        code=4,
        label_width=4,
        spade_hidden=4,
        generator_width=8,
        generator_blocks=1,
        generator_widths=(8, 4),
    )
    with torch.random.fork_rng():
        torch.manual_seed(0)
        save_weights(FewShotTalkingHead(thin), folder / "fs_vid2vid.safetensors", {})
    track = np.random.default_rng(0).normal(scale=0.4, size=(300, 252)).astype(np.float32)
    statistics = FsVid2vid.learn([track], 126).save(folder)
    return {"weights": str(folder / "fs_vid2vid.safetensors"), "statistics": str(statistics)}


class SupposedFace:
    """Stands in for the face detector: a mesh that lies where the colours of any picture say."""

    MESH = np.random.default_rng(0).uniform(-0.5, 0.5, (478, 2))

    def __enter__(self) -> SupposedFace:
        return self

    def __exit__(self, *_: object) -> None:
        return None

    def __call__(self, frame: Frame) -> Points:
        half = frame.shape[1] // 2
        left, right = (part.mean() / 255 for part in (frame[:, :half], frame[:, half:]))
        place = np.array([0.3 + left / 2, 0.2 + right / 2])
        return ((place + self.MESH * (0.5 + left / 4)) * frame.shape[0]).astype(np.float32)


@pytest.fixture(scope="session")
def supposed_face() -> type[SupposedFace]:
    """What stands in for the face detector."""
    return SupposedFace


@pytest.fixture(autouse=True)
def supposed_faces(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Test cards show no face that a detector would find; tests marked `network` use the real one."""
    if request.node.get_closest_marker("network") is None:
        monkeypatch.setattr("talkbench.methods.fs_vid2vid.FaceLandmarks", SupposedFace)


class Grey(AnimatedPicture):
    """Frames of one grey each, which is their number; painted as the source plus the difference of numbers.

    Args:
        number: of the frame that is sent as the picture.
        error: of what is painted, for each frame since the source.
        greedy: whether all numbers are read before anything is painted.
    """

    name = "grey"
    coding = Fp16Motion(np.ones((2, 256), np.uint16))

    def __init__(
        self, corrector: Corrector, sends_source: bool, number: int = 0, error: int = 0, greedy: bool = False
    ) -> None:
        super().__init__(corrector)
        self.sends_source, self.number = sends_source, number
        self.error, self.greedy = error, greedy

    def source_number(self, clip: Clip) -> int:
        return self.number

    def weights_fingerprint(self) -> str:
        return "00" * 32

    def estimate(self, source: Frame, frames: Iterable[Frames]) -> Iterator[Parameters]:
        for block in frames:
            yield block.mean((1, 2, 3), dtype=np.float32)[:, None]

    def render(self, source: Frame, motion: Iterable[Parameters]) -> Iterator[Frames]:
        blocks = list(motion) if self.greedy else iter(motion)
        rows = (row for block in blocks for row in block)
        own = next(rows)[0] if self.sends_source else source.mean()
        for painted, number in enumerate(rows, 1):
            grey = round(float(source.mean() + number[0] - own)) - painted * self.error
            yield np.full((1, *source.shape), grey, np.uint8)


@pytest.fixture(scope="session")
def grey() -> type[Grey]:
    """A method whose frames are known without networks."""
    return Grey


@pytest.fixture
def greys() -> Frames:
    """Forty frames, each of a grey of its own."""
    return np.arange(40, 80, dtype=np.uint8)[:, None, None, None].repeat(16, 1).repeat(16, 2).repeat(3, 3)


@pytest.fixture(scope="session")
def sweep(networks: dict[str, dict[str, Any]]) -> Callable[..., list[Point]]:
    """Gives a method's operating points, as its YAML and the given settings say."""

    def expand(name: str, **settings: Any) -> list[Point]:
        config = yaml.safe_load(find("methods", name).yaml.read_text("utf-8"))
        assert list(config) == [name]
        return points(name, {**config[name], **networks.get(name, {}), **settings})

    return expand


@pytest.fixture(scope="session")
def make_method(sweep: Callable[..., list[Point]]) -> Callable[..., Method]:
    """Builds a method in the middle of its sweep, or with other settings."""

    def build(name: str, **settings: Any) -> Method:
        expanded = sweep(name, **settings)
        return expanded[len(expanded) // 2].build()

    return build


@pytest.fixture
def make_clip(tmp_path: Path) -> Callable[[Frames], Clip]:
    """Makes a clip of given frames (t, H, W, 3), 25 a second."""

    def make(frames: Frames) -> Clip:
        file = tmp_path / f"{uuid4()}.rgb"
        file.write_bytes(np.ascontiguousarray(frames).tobytes())
        height, width = frames.shape[1:3]
        return Clip("made", RawFile(file, width, height, sha256_file(file)), width, height, Fraction(25))

    return make


@pytest.fixture(scope="session")
def whole() -> Callable[[Iterator[Frames]], Frames]:
    """Joins blocks of frames."""
    return lambda blocks: np.concatenate(list(blocks))


@pytest.fixture(scope="session")
def psnr() -> Callable[[NDArray[Any], NDArray[Any]], float]:
    """Peak signal-to-noise ratio in dB of the mean squared error."""

    def measure(a: NDArray[Any], b: NDArray[Any]) -> float:
        error = float(((a.astype(np.float64) - b) ** 2).mean())
        return 10 * np.log10(255**2 / error) if error else np.inf

    return measure


@pytest.fixture
def threads() -> Iterator[None]:
    """Training takes one thread a process, and would leave it so for the tests after it."""
    import torch

    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)
