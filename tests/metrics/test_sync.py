"""sync: a sound whose loudness says which frame is heard, and the published layout with seeded weights."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from types import SimpleNamespace

import numpy as np
import pytest
from talkbench.benchmarks.scoring import score_pictures
from talkbench.core.errors import AssetError, MetricError
from talkbench.core.metric import Shape, silence
from talkbench.core.video import Clip, Source
from talkbench.metrics import lip_sync, syncnet
from talkbench.metrics.face_metric import FaceMetric
from talkbench.metrics.lip_sync import Lips, match
from talkbench.metrics.mfcc import mfcc

SIDE = 32
FRAMES = 60
PATTERN = np.random.default_rng(0).uniform(size=FRAMES + 40)
"""How far the mouth is open at each moment, 20 frames before the clip and 20 after it included."""
COLUMNS = ("sync", "sync_distance", "sync_offset", "sync_reference", "sync_miss", "sync_unseen")


def spoken(at: int = 20, frames: int = FRAMES) -> np.ndarray:
    """Sound whose loudness in each frame is the pattern's."""
    tone = np.sin(np.arange(640) * np.pi / 8)
    return np.concatenate([200 * np.exp(4 * level) * tone for level in PATTERN[at : at + frames]]).astype(
        "i2"
    )


def shown(at: int = 20, frames: int = FRAMES, missed: slice | None = None) -> np.ndarray:
    """Faces whose brightness is the pattern's; black where there is none."""
    levels = np.rint(60 + 120 * PATTERN[at : at + frames]).astype(np.uint8)
    if missed is not None:
        levels[missed] = 0
    return np.broadcast_to(levels[:, None, None, None], (frames, SIDE, SIDE, 3)).copy()


class FakeNetwork:
    """Features are the five levels of a window, as they are seen and as they are heard."""

    def __init__(self) -> None:
        self.looks = 0

    @staticmethod
    def _feature(levels: np.ndarray) -> np.ndarray:
        windows = np.lib.stride_tricks.sliding_window_view(levels, 5)
        return np.pad(windows, ((0, 0), (0, 1019))).astype(np.float32)

    def lips(self, crops: np.ndarray) -> np.ndarray:
        assert crops.shape[1:] == (224, 224, 3)
        self.looks += len(crops) - 4
        return self._feature((crops[:, 100, 112, 0] - 60.0) / 120)

    def sounds(self, coefficients: np.ndarray, count: int) -> np.ndarray:
        quiet = mfcc(np.rint(200 * np.sin(np.arange(640) * np.pi / 8)).astype(np.int16))[1, 0]
        return self._feature((coefficients[1::4, 0] - quiet) / 8)[:count]


@pytest.fixture
def network(monkeypatch, tmp_path) -> Iterator[FakeNetwork]:
    """No weights but a file in their place, and faces wherever a frame is not black."""

    def faces(block):
        points = np.array([[8, 6], [24, 26]], np.float32)
        return [SimpleNamespace(points=points) if frame.any() else None for frame in block]

    monkeypatch.setenv("TALKBENCH_CACHE", str(tmp_path))
    syncnet.path().parent.mkdir()
    syncnet.path().write_bytes(b"")
    fake = FakeNetwork()
    monkeypatch.setattr(lip_sync, "faces", faces)
    monkeypatch.setattr(lip_sync, "network", lambda: fake)
    return fake


def scored(metric, reference, decoded, sound, block=7, fps=25):
    scorer = metric.start(Shape(SIDE, SIDE, Fraction(fps), sound=sound if callable(sound) else lambda: sound))
    for at in range(0, len(reference), block):
        scorer.update(metric.prepare(reference[at : at + block]), decoded[at : at + block])
    return scorer.finish()


@pytest.mark.parametrize("lead", [-9, 0, 4, 15])
def test_the_offset_is_the_frames_by_which_the_sound_leads(metric, network, lead):
    scores = scored(metric("sync"), shown(), shown(at=20 - lead), spoken())
    assert scores.values["sync_offset"] == lead
    assert scores.values["sync"] > 0.3
    # but for its ends, where a sound that leads has no lips
    assert np.nanmedian(scores.frames["sync_distance"]) == pytest.approx(0, abs=0.02)
    assert (scores.values["sync_miss"], scores.values["sync_unseen"]) == (0, 0)
    assert not scores.absent


def test_the_values_are_those_of_the_definition(metric, network):
    scores = scored(metric("sync", count_first=True), shown(), shown(at=22), spoken())
    lips = FakeNetwork._feature((shown(at=22)[:, 0, 0, 0] - 60.0) / 120)[: FRAMES - 5]
    sound = FakeNetwork().sounds(mfcc(spoken()), FRAMES - 5)
    means = []
    for shift in range(-15, 16):
        at = np.arange(FRAMES - 5) + shift
        inside = ((at >= 0) & (at < FRAMES - 5))[:, None]
        means.append(np.linalg.norm(lips - np.where(inside, sound[at.clip(0, FRAMES - 6)], 0), axis=1).mean())
    assert scores.values["sync"] == pytest.approx(np.median(means) - min(means), abs=1e-6)
    assert scores.values["sync_distance"] == pytest.approx(min(means), abs=1e-6)
    assert scores.values["sync_offset"] == 15 - np.argmin(means)
    frames = scores.frames["sync"]
    assert np.isnan(frames[[0, 1, -3, -2, -1]]).all()
    assert frames[2:-3].mean() == pytest.approx(scores.values["sync"])
    assert len(frames) == len(scores.frames["sync_distance"]) == FRAMES


def test_what_there_was_to_keep_and_what_a_still_picture_keeps(metric, network):
    kept = scored(metric("sync"), shown(), shown(), spoken()).values
    assert kept["sync_reference"] == kept["sync"]
    still = scored(metric("sync"), shown(), np.repeat(shown()[:1], FRAMES, axis=0), spoken()).values
    assert still["sync_reference"] == kept["sync"]
    assert still["sync"] < kept["sync"] / 2


def test_the_window_of_frame_0_counts_only_if_asked(metric, network):
    decoded = shown()
    decoded[0] = 255 - decoded[0]
    without, counted = (
        scored(metric("sync", count_first=first), shown(), decoded, spoken()) for first in (False, True)
    )
    assert without.values["sync_distance"] == pytest.approx(0, abs=0.02)
    assert counted.values["sync_distance"] > 2 * without.values["sync_distance"]
    assert without.frames["sync"][2] < without.frames["sync"][3:-3].min()


def test_borders_of_blocks_do_not_matter(metric, network):
    whole = scored(metric("sync"), shown(), shown(at=21, missed=slice(20, 24)), spoken(), block=FRAMES)
    for block in (1, 7, 16):
        cut = scored(metric("sync"), shown(), shown(at=21, missed=slice(20, 24)), spoken(), block=block)
        assert cut.values == whole.values


def test_missing_faces_are_counted_and_short_gaps_filled(metric, network):
    scores = scored(metric("sync"), shown(missed=slice(0, 5)), shown(missed=slice(30, 36)), spoken())
    assert scores.values["sync_unseen"] == pytest.approx(4 / 59)
    assert scores.values["sync_miss"] == pytest.approx(6 / 55)
    assert not np.isnan(scores.frames["sync"][2:-3]).any()  # the box is known, though the face is not found
    lost = scored(metric("sync"), shown(), shown(missed=slice(40, 60)), spoken())
    assert np.isnan(lost.frames["sync"][38:]).all()
    assert not np.isnan(lost.frames["sync"][2:38]).any()
    assert lost.values["sync_miss"] == pytest.approx(20 / 59)


def test_no_face_has_a_reason(metric, network):
    scores = scored(metric("sync"), shown(), np.zeros_like(shown()), spoken())
    reason = "MediaPipe finds no face in any of the 60 decoded frames"
    assert scores.absent == dict.fromkeys(COLUMNS[:3], reason)
    assert scores.values["sync_miss"] == 1
    nobody = scored(metric("sync"), np.zeros_like(shown()), shown(), spoken())
    assert nobody.absent["sync_reference"] == "MediaPipe finds no face in any of the 60 original frames"
    assert nobody.absent["sync_miss"] == "MediaPipe finds no face in any of the reference frames that count"
    assert {"sync", "sync_distance", "sync_offset", "sync_unseen"} == nobody.values.keys()
    few = scored(metric("sync"), shown(), shown(missed=slice(30, 60)), spoken())
    assert few.absent["sync"].startswith("the decoded clip's face is found in 30 of 60 frames, too scattered")


@pytest.mark.parametrize("nothing", [silence, lambda: np.zeros(60 * 640, np.int16)])
def test_nothing_is_heard(metric, network, nothing):
    scores = scored(metric("sync"), shown(), shown(), nothing)
    assert scores.absent.keys() == set(COLUMNS)
    assert scores.absent["sync"].startswith(
        "nothing is heard in this clip: it has no sound track, or a silent"
    )
    assert network.looks == 0


def test_other_rates_are_not_known(metric, network):
    scores = scored(metric("sync"), shown(), shown(), lambda: pytest.fail("it is read"), fps=30)
    reason = "SyncNet knows 25 frames per second, this clip has 30; convert it to 25, with its sound"
    assert scores.absent == dict.fromkeys(COLUMNS, reason)


def test_a_clip_or_a_sound_that_is_too_short(metric, network):
    least = 37
    assert (
        scored(metric("sync"), shown(frames=3), shown(frames=3), spoken())
        .absent["sync"]
        .startswith("3 frames")
    )
    sound = spoken()
    enough = scored(metric("sync"), shown(frames=least), shown(frames=least), sound)
    assert enough.values["sync_offset"] == 0
    for frames, heard in ((least - 1, sound), (FRAMES, sound[: least * 640 - 1])):
        scores = scored(metric("sync"), shown(frames=frames), shown(frames=frames), heard)
        assert (
            scores.absent["sync"]
            == "36 frames with sound are too few to shift by 15 either way; score at least 37"
        )
        assert scores.values == {"sync_miss": 0, "sync_unseen": 0}


class Frames60(Source):
    """A pattern's frames in blocks of 7."""

    def __init__(self, at: int) -> None:
        self.at = at

    def frames(self):
        yield from (shown(self.at)[k : k + 7] for k in range(0, FRAMES, 7))

    def fingerprint(self) -> str:
        return str(self.at)


def test_a_reference_is_looked_at_and_listened_to_once_for_all_clips(metric, network):
    clips = [Clip("a", Frames60(at), SIDE, SIDE, Fraction(25)) for at in (20, 22, 24)]
    listened = []
    sound = lambda: listened.append(1) or spoken()  # noqa: E731
    for _ in range(2):
        results = score_pictures(clips[0], clips, {"sync": metric("sync")}, sound=sound)
        assert [scored.scores["sync"].values["sync_offset"] for scored in results] == [0, -2, -4]
    assert len(listened) == 2
    assert network.looks == 2 * 4 * (FRAMES - 4)


def test_wrong_blocks_are_refused(metric, network):
    scorer = metric("sync").start(Shape(SIDE, SIDE, Fraction(25), sound=spoken))
    with pytest.raises(MetricError, match="3 frames were decoded, 4 expected"):
        scorer.update(shown()[:4], shown()[:3])
    with pytest.raises(MetricError, match=r"decoded frames are uint8 \(4, 30, 32, 3\)"):
        scorer.update(shown()[:4], shown()[:4, :30])


def test_columns_say_how_they_are_read(metric):
    sync = metric("sync")
    assert not isinstance(sync, FaceMetric)
    assert sync.columns == COLUMNS
    assert [sync.column(name).direction for name in COLUMNS] == [
        "higher",
        "lower",
        "lower",
        "higher",
        "lower",
        "lower",
    ]
    assert [sync.column(name).counts for name in COLUMNS] == [False, False, True, True, True, True]


# The networks.


def seeded(path, seed: int = 0):
    """A file in the published layout, its numbers drawn by a seed."""
    import torch

    rng, state = np.random.default_rng(seed), {}
    for name, shape in syncnet.layout().items():
        values = rng.standard_normal(shape, np.float32)
        if len(shape) > 1:
            values *= np.sqrt(2 / np.prod(shape[1:]))
        elif name.endswith(("running_var", "1.weight")):
            values = np.abs(0.1 * values) + 1
        else:
            values *= 0.1
        state[name] = torch.from_numpy(values.astype(np.float32))
        if name.endswith("running_var"):
            state[name.replace("running_var", "num_batches_tracked")] = torch.tensor(1)
    path.parent.mkdir(parents=True, exist_ok=True)
    torch.save(state, path)
    return path


def test_seeded_networks_give_frozen_numbers(tmp_path, frozen):
    net = syncnet.SyncNet(seeded(tmp_path / "weights"))
    t, y, x, c = np.ogrid[:41, :224, :224, :3]
    crops = (((x * (3 + c) + y * 2 + t * t * 5) // 3) % 256).astype(np.uint8)
    lips = np.concatenate([net.lips(crops[at : at + 20]) for at in range(0, 37, 16)])
    sound = net.sounds(mfcc(spoken(frames=42)), 37)
    assert (lips.shape, sound.shape, lips.dtype, sound.dtype) == ((37, 1024), (37, 1024), "f4", "f4")
    assert net.lips(crops[3:8]) == pytest.approx(lips[3:4], abs=1e-4)
    frozen("syncnet_lips", float(np.linalg.norm(lips)), 0.01)
    frozen("syncnet_sound", float(np.linalg.norm(sound)), 0.01)
    found = match(lips, sound, slice(None))
    assert found is not None
    frozen("syncnet_offset", found.offset, 0)
    frozen("syncnet_distance", float(found.distances.mean()), 1e-3)
    frozen("syncnet_confidence", float(found.confidence.mean()), 1e-3)


def test_lips_are_blue_first_and_not_scaled(tmp_path):
    import torch

    net = syncnet.SyncNet(seeded(tmp_path / "weights"))
    seen = []
    net._trunk = lambda name, x: seen.append(x) or torch.zeros(1, 512, 1, 1, 1)
    net.lips(np.broadcast_to(np.array([10, 20, 255], np.uint8), (5, 224, 224, 3)))
    assert seen[0].shape == (1, 3, 5, 224, 224)
    assert seen[0][0, :, 0, 0, 0].tolist() == [255, 20, 10]


def test_missing_weights_are_named_with_their_source_and_place(metric, monkeypatch, tmp_path):
    monkeypatch.setenv("TALKBENCH_CACHE", str(tmp_path))
    sync = metric("sync")
    message = (
        "sync is left out: syncnet_v2.model of SyncNet not found; download "
        f"https://www.robots.ox.ac.uk/~vgg/software/lipsync/data/syncnet_v2.model into {tmp_path / 'assets'}"
    )
    assert sync.lacks() == message
    with pytest.raises(AssetError) as caught:
        sync.start(Shape(SIDE, SIDE, Fraction(25)))
    assert str(caught.value) == message
    assert "|weights:none|" in sync.signature
    (tmp_path / "assets").mkdir()
    (tmp_path / "assets" / "syncnet_v2.model").write_bytes(b"abc")
    assert sync.lacks() == ""
    assert "|weights:ba7816bf8f01|" in sync.signature  # how the sha256 of abc begins


def test_files_that_hold_something_else_are_refused(tmp_path):
    import torch

    path = tmp_path / "weights"
    path.write_bytes(b"<html>")
    with pytest.raises(AssetError, match=r"weights holds no weights \(.*\); download https://www.robots"):
        syncnet.SyncNet(path)
    torch.save({"netcnnaud.0.weight": torch.zeros(64, 3, 3, 3)}, path)
    with pytest.raises(
        AssetError, match=r"its netcnnaud.0.weight is \(64, 3, 3, 3\), expected \(64, 1, 3, 3\)"
    ):
        syncnet.SyncNet(path)
    torch.save({"netcnnaud.0.weight": torch.zeros(64, 1, 3, 3)}, path)
    with pytest.raises(AssetError, match=r"its netcnnaud.0.bias is missing, expected \(64,\); replace it by"):
        syncnet.SyncNet(path)


def test_little_is_held_while_frames_come(network):
    lips = Lips()
    for _ in range(10):
        lips.take(shown())
        assert len(lips._run) < 20
        assert len(lips._tracks._waiting) <= 6
    assert lips.features(FRAMES * 10 - 5).shape == (FRAMES * 10 - 5, 1024)
