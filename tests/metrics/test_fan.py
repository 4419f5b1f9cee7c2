"""lmd: the library's own code on a small network in place of the published one, which no index carries."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from talkbench.core.errors import AssetError
from talkbench.metrics import fan_landmarks

BOX = (8.0, 4.0, 56.0, 60.0, 0.9)


class OneBox:
    """A detector that finds a face, and a smaller one beside it, wherever a picture is not black."""

    reference_scale = 195

    def __init__(self, device: str, verbose: bool = False, path_to_detector: Path | None = None) -> None:
        assert path_to_detector == fan_landmarks.path(fan_landmarks.S3FD)

    def detect_from_image(self, picture: np.ndarray) -> list[np.ndarray]:
        return [np.array((0.0, 0.0, 9.0, 9.0, 0.99)), np.array(BOX)] if picture.any() else []


def _put(folder: Path, stem: str, data: bytes) -> str:
    name = f"{stem}-{hashlib.sha256(data).hexdigest()[:10]}.pth"
    (folder / name).write_bytes(data)
    return name


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Path]:
    """An empty folder in the place of PyTorch's hub, and no network loaded."""
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    fan_landmarks._aligner.cache_clear()
    folder = tmp_path / "hub" / "checkpoints"
    folder.mkdir(parents=True)
    yield folder
    fan_landmarks._aligner.cache_clear()


@pytest.fixture
def small_network(hub: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """The library with a network of one hourglass, at random, under the files' names."""
    import torch
    from face_alignment import api
    from face_alignment.detection import sfd
    from face_alignment.models import FAN

    torch.manual_seed(0)
    network = FAN(1)
    torch.save(network.state_dict(), hub / "weights")
    file = _put(hub, "2DFAN1", (hub / "weights").read_bytes())
    monkeypatch.setattr(fan_landmarks, "MODULES", 1)
    monkeypatch.setattr(fan_landmarks, "FAN", file)
    monkeypatch.setattr(fan_landmarks, "S3FD", _put(hub, "s3fd", b"found by OneBox"))
    monkeypatch.setitem(api.models_urls, "2DFAN-1", f"https://nowhere.invalid/{file}")
    monkeypatch.setattr(sfd, "FaceDetector", OneBox)
    return network


def test_missing_files_are_named_with_their_source_and_place(metric, score, hub):
    frames = np.zeros((2, 64, 64, 3), np.uint8)
    for name, settings in (("lmd", {}), ("akd_fomm", {"landmarks": "fan"})):
        with pytest.raises(AssetError) as caught:
            score(metric(name, **settings), frames, frames)
        message = str(caught.value)
        assert message.startswith(
            f"{name} is left out: 2DFAN4-11f355bf06.pth.tar and s3fd-619a316812.pth of "
        )
        assert "python-fan/2DFAN4-11f355bf06.pth.tar and http" in message
        assert message.endswith(f"into {hub}")


def test_one_missing_file_and_another_of_its_name(metric, score, hub):
    frames = np.zeros((2, 64, 64, 3), np.uint8)
    (hub / fan_landmarks.S3FD).write_bytes(b"nonsense")
    with pytest.raises(AssetError, match=r"lmd is left out: 2DFAN4-11f355bf06.pth.tar of face-alignment"):
        score(metric("lmd"), frames, frames)
    (hub / fan_landmarks.FAN).write_bytes(b"nonsense")
    with pytest.raises(AssetError, match=r"has the sha256 \w{64}, expected one that begins with 11f355bf06"):
        score(metric("lmd"), frames, frames)


@pytest.mark.slow
def test_nothing_is_fetched_and_the_largest_face_is_taken(metric, score, small_network, monkeypatch, capfd):
    from face_alignment import FaceAlignment, LandmarksType

    monkeypatch.setattr("socket.socket.connect", lambda *_: pytest.fail("it goes to the network"))
    rng = np.random.default_rng(0)
    frames = rng.integers(1, 256, (3, 64, 64, 3), np.uint8)
    decoded = frames[:, ::-1].copy()
    decoded[1] = 0
    scores = score(metric("lmd", count_first=True), frames, decoded)
    assert scores.values["lmd_miss"] == pytest.approx(1 / 3)

    library = FaceAlignment(
        LandmarksType.TWO_D,
        1,
        device="cpu",
        flip_input=False,
        compile=False,
        face_detector_kwargs={"path_to_detector": fan_landmarks.path(fan_landmarks.S3FD)},
    )
    points = [
        [library.get_landmarks(frame, detected_faces=[np.array(BOX)])[0] * 4 for frame in pair]  # 64 to 256
        for pair in zip(frames[::2], decoded[::2], strict=True)
    ]
    naive = [np.hypot(*(x - y).T).mean() for x, y in points]
    assert min(naive) > 0
    assert scores.frames["lmd"] == pytest.approx([naive[0], np.nan, naive[1]], nan_ok=True)
    fomm = score(metric("akd_fomm", landmarks="fan", count_first=True), frames, decoded)
    expected = [np.mean(np.abs(x - y)) for x, y in points]
    assert fomm.frames["akd_fomm"] == pytest.approx([expected[0], np.nan, expected[1]], nan_ok=True)
    assert capfd.readouterr() == ("", "")


def test_lmd_of_identical_frames_is_0(metric, score, small_network):
    frames = np.full((2, 64, 64, 3), 99, np.uint8)
    scores = score(metric("lmd"), frames, frames)
    assert scores.values == {"lmd": 0, "lmd_mouth": 0, "lmd_miss": 0, "lmd_unseen": 0}
