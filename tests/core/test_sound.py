"""Sound of videos, in step with their frames."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from talkbench.benchmarks.pairs import draw_pairs
from talkbench.core.errors import VideoError
from talkbench.core.reading import open_clip
from talkbench.core.sound import read_sound
from talkbench.core.video import SOUND_RATE, Clip, RawFile, Sound

RATE = 48000
LEVELS = (3000, 6000, 9000, 12000)
"""Of a tone of a hundredth of a second that begins every 0.25 s; 0.2 s of silence come first."""
FIRST, STEP = 0.2, 0.25

Write = Callable[..., Path]


def tones() -> np.ndarray:
    """Two seconds of two channels at 48 kHz, (96000, 2) int16; the second channel is silent."""
    samples = np.zeros((2 * RATE, 2))
    for k, level in enumerate(LEVELS):
        begin = round((FIRST + STEP * k) * RATE)
        samples[begin : begin + RATE // 100, 0] = 2 * level * np.sin(np.arange(RATE // 100) * np.pi / 24)
    return samples.astype("<i2")


def heard(sound: Sound) -> list[tuple[float, int]]:
    """When each tone begins, in seconds, and how loud it is."""
    loud = np.flatnonzero(np.abs(sound.astype(int)) > 1000)
    begins = loud[np.diff(loud, prepend=-SOUND_RATE) > SOUND_RATE // 20]
    return [(begin / SOUND_RATE, int(sound[begin : begin + 160].max())) for begin in begins]


@pytest.fixture
def write(write_video: Write, tmp_path: Path) -> Write:
    """Writes a test card of 12 frames with the tones; takes a file's name and its options."""
    tones().tofile(tmp_path / "tones")

    def make(name: str, options: str) -> Path:
        sound = f"-f s16le -ar {RATE} -ac 2 -i {tmp_path / 'tones'}"
        return write_video(tmp_path / name, f"{sound} {options}")

    return make


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("a.mkv", "-c:v ffv1 -c:a pcm_s16le"),
        ("a.mp4", "-c:v libx264 -bf 3 -c:a aac -b:a 192k"),
        ("a.mov", "-c:v libx264 -bf 3 -c:a pcm_s16le"),
        ("a.avi", "-c:v mpeg4 -bf 2 -c:a pcm_s16le"),
        ("a.ts", "-c:v libx264 -bf 3 -c:a aac -b:a 192k"),
        ("a.webm", "-c:v libvpx -c:a libopus -b:a 128k"),
    ],
)
def test_sound_begins_with_frame_0(write: Write, name: str, options: str) -> None:
    sound = read_sound(write(name, options))
    assert sound is not None
    assert (sound.dtype, sound.ndim) == (np.int16, 1)
    assert len(sound) == pytest.approx(2 * SOUND_RATE, rel=0.05)
    found = heard(sound)
    assert [begin for begin, _ in found] == pytest.approx([FIRST + STEP * k for k in range(4)], abs=0.002)
    assert [level for _, level in found] == pytest.approx(LEVELS, rel=0.1)  # the mean of both channels


def test_what_is_heard_before_frame_0_is_cut_off(write: Write) -> None:
    early = read_sound(write("early.mkv", "-c:v ffv1 -c:a pcm_s16le -vf setpts=PTS+0.4/TB"))
    assert early is not None
    assert [begin for begin, _ in heard(early)] == pytest.approx([0.05, 0.3, 0.55], abs=0.002)


def test_sound_that_begins_later_or_is_interrupted_is_filled_with_silence(write: Write) -> None:
    options = "-c:v ffv1 -c:a pcm_s16le -af asetpts=PTS+{}/TB"
    late = read_sound(write("late.mkv", options.format("0.5")))
    assert late is not None
    assert not late[: SOUND_RATE // 2].any()
    assert heard(late)[0][0] == pytest.approx(FIRST + 0.5, abs=0.002)
    gap = read_sound(write("gap.mkv", options.format("0.3*gte(T\\,0.4)")))
    assert gap is not None
    begins = [begin for begin, _ in heard(gap)]
    assert begins == pytest.approx([FIRST, *(FIRST + STEP * k + 0.3 for k in (1, 2, 3))], abs=0.002)


def test_a_clip_s_sound_is_cut_to_its_frames(write: Write) -> None:
    clip = open_clip(write("a.mkv", "-c:v ffv1 -c:a pcm_s16le"))
    whole, cut = clip.sound(), clip.first(10).sound()
    assert whole is not None
    assert cut is not None
    assert len(cut) == 10 * SOUND_RATE // 25
    assert np.array_equal(cut, whole[: len(cut)])


def test_where_there_is_no_sound_there_is_none(write_video: Write, testcard: Clip, tmp_path: Path) -> None:
    for name, options in (("a.mkv", "-c:v ffv1"), ("a.avi", "-c:v mpeg4 -bf 2"), ("a.gif", "")):
        assert read_sound(write_video(tmp_path / name, options)) is None
    assert testcard.sound() is None
    assert replace(testcard, source=RawFile(tmp_path / "none", 64, 64, "")).sound() is None


def test_damaged_sound_is_refused(write: Write) -> None:
    path = write("a.mkv", "-c:v ffv1 -c:a flac")
    data = bytearray(path.read_bytes())
    for at in range(len(data) // 10, len(data), 97):
        data[at] ^= 0x55
    path.write_bytes(data)
    with pytest.raises(VideoError, match=r"its sound is damaged \(.+\); repair it, or leave the clip out"):
        read_sound(path)


def test_a_pair_sounds_as_its_driving_clip(write: Write, testcard: Clip) -> None:
    speaker = replace(open_clip(write("a.mkv", "-c:v ffv1 -c:a pcm_s16le")), identity="ann")
    pairs = {pair.driving: pair for pair in draw_pairs([speaker, replace(testcard, name="b")], 1, seed=0)}
    driven, sound = pairs["a"].sound(), speaker.sound()
    assert driven is not None
    assert np.array_equal(driven, sound)
    assert pairs["b"].sound() is None
