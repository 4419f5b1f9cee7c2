"""TalkingHead-1KH: official names, exact frames and boxes, and what is missing is said."""

from __future__ import annotations

import hashlib
import json
import subprocess
from pathlib import Path

import numpy as np
import pytest
from talkbench.cli import main
from talkbench.core import ffmpeg
from talkbench.core import yt_dlp as tool
from talkbench.core.errors import UsageError, VideoError
from talkbench.core.preparation import Preparation
from talkbench.core.reading import open_clip
from talkbench.core.timeline import timeline
from talkbench.datasets import downloading
from talkbench.datasets.talkinghead1kh import LISTS, TalkingHead1KH, minutes, read_tubes


def test_frames_and_boxes_are_exact_and_names_official(place, long_card):
    lines = [
        place.tube(place.dash, 0, 0, 11),
        place.tube(place.dash, 1, 3, 20),  # a cut at key frames would begin at 800, not 600
        place.tube(place.dash, 1, 3, 20, "27, 13, 201, 121"),
        place.tube(place.plain, 1, 590, 620),  # on into the next minute, as in a chunk cut at a key frame
    ]
    whole, _, dataset = place.prepare(place(*lines), videos=place.videos)
    assert whole
    assert sorted(path.name for path in dataset.folder.iterdir()) == sorted(
        f"{place.stem(line)}.mp4" for line in lines
    )
    clips = {clip.name: clip for clip in dataset.clips()}
    assert place.numbers(clips[place.stem(lines[0])]) == list(range(12))
    assert place.numbers(clips[place.stem(lines[1])]) == list(range(603, 621))
    assert place.numbers(clips[place.stem(lines[3])]) == list(range(1190, 1221))
    cropped = clips[place.stem(lines[2])]
    # (27, 13, 201, 121) of 256x144 is (13, 6, 100, 60) of 128x72: odd places are not rounded to even ones
    assert np.array_equal(place.pixels(cropped), long_card[603:621, 6:60, 13:100])
    assert (cropped.fps, cropped.identity) == (10, place.dash)


def test_the_lock_holds_every_clip_s_hashes_and_is_obeyed(place):
    line = place.tube(place.plain, 0, 0, 4)
    _, _, dataset = place.prepare(place(line), videos=place.videos)
    lock = json.loads(dataset.lock_path.read_text())
    entry = lock["clips"][place.stem(line)]
    path = dataset.file(place.stem(line))
    assert entry["sha256"] == hashlib.sha256(path.read_bytes()).hexdigest()
    assert entry["pixels"] == hashlib.sha256(place.pixels(open_clip(path)).tobytes()).hexdigest()
    assert (entry["frames"], entry["fps"], entry["short"]) == (5, "10", 0)
    path.write_bytes(path.read_bytes() + b"\0")
    (clip,) = dataset.clips()
    with pytest.raises(VideoError, match="is not the file that was prepared"):
        place.pixels(clip)
    path.unlink()
    assert "gone since it was prepared" in dataset.coverage().missing[place.stem(line)]


def test_two_places_that_cut_the_same_video_agree_on_the_pixels(place, tmp_path):
    line = place.tube(place.plain, 1, 5, 9, "20, 20, 90, 90")
    hashes = []
    for root in ("one", "two"):
        _, _, dataset = place.prepare(place(line, root=root), videos=place.videos)
        hashes.append(json.loads(dataset.lock_path.read_text())["clips"][place.stem(line)]["pixels"])
    assert hashes[0] == hashes[1]


def test_what_cannot_be_cut_is_missing_with_its_reason(place):
    lines = {
        "leaves its frame of 256x144": place.tube(place.plain, 0, 0, 5, "0, 0, 300, 144"),
        "(L 40, T 0, R 40": place.tube(place.plain, 0, 0, 5, "40, 0, 40, 144"),
        "(L -4": place.tube(place.plain, 0, 0, 5, "-4, 0, 40, 144"),
        "holds no nothinghere.mp4": place.tube("nothinghere", 0, 0, 5),
        "it ends 301 frames earlier": place.tube(place.plain, 2, 50, 400),
        "frames 0 to 5 of chunk 7 are listed, but it ends 6 frames earlier": place.tube(place.plain, 7, 0, 5),
    }
    good = place.tube(place.plain, 0, 0, 5)
    whole, said, dataset = place.prepare(place(good, *lines.values()), videos=place.videos)
    assert not whole
    coverage = dataset.coverage()
    assert (coverage.listed, coverage.here) == (7, 1)
    for reason, line in lines.items():
        assert reason in coverage.missing[place.stem(line)]
        assert any(reason in one for one in said)
    assert [clip.name for clip in dataset.clips()] == [place.stem(good)]


def test_a_chunk_that_is_one_frame_short_is_used_and_said(place):
    line = place.tube(place.plain, 2, 90, 100)  # the video's last frame is number 99 of the chunk
    whole, said, dataset = place.prepare(place(line), videos=place.videos)
    assert whole
    (clip,) = dataset.clips()
    assert place.numbers(clip) == list(range(1290, 1300))
    assert any("fewer frames than listed" in one and "by 1" in one for one in said)
    assert any("fewer frames" in note for note in dataset.coverage().record()["notes"])


def test_as_published_equals_the_published_commands(place, tmp_path, raw_video, monkeypatch):
    """The commands of the published scripts, run here, against `--as-published` and `--at-key-frames`."""
    run = [ffmpeg.binary(), "-v", "error", "-y"]
    (tmp_path / "1min").mkdir()
    split = ["-c", "copy", "-map", "0", "-segment_time", "00:01:00", "-f", "segment"]
    subprocess.run([*run, "-i", raw_video, *split, tmp_path / "1min" / "v_%04d.mp4"], check=True)
    parts = sorted((tmp_path / "1min").iterdir())
    assert [len(timeline(part)) for part in parts] == [800, 400, 100]
    assert list(minutes(timeline(raw_video))) == [0, 800, 1200]

    line = place.tube(place.plain, 1, 3, 20, "27, 13, 201, 121")
    trim = "trim=start_frame=3:end_frame=21,crop=87:54:13:6"
    subprocess.run([*run, "-i", parts[1], "-vf", trim, tmp_path / "published.mp4"], check=True)
    _, said, lossy = place.prepare(place(line, root="lossy"), videos=place.videos, as_published=True)
    (clip,) = lossy.clips()
    assert np.array_equal(place.pixels(clip), place.pixels(open_clip(tmp_path / "published.mp4")))
    assert any("with loss" in one for one in said)

    _, _, lossless = place.prepare(place(line, root="lossless"), videos=place.videos, at_key_frames=True)
    (clip,) = lossless.clips()
    assert np.array_equal(place.pixels(clip), place.pixels(open_clip(raw_video))[803:821, 6:60, 13:100])
    _, said, _ = place.prepare(place(line, root="exact"), videos=place.videos)
    assert any("earlier than the published scripts" in one and "up to 200 frames" in one for one in said)
    with pytest.raises(UsageError, match="'exact', not 'as published'"):
        place.prepare(place(line, root="exact"), videos=place.videos, as_published=True)


def test_published_boxes_are_rounded_as_the_published_script_does(place):
    (line,) = read_tubes_of(place, "v_0000, 720, 1280, 0, 1, 13, 13, 26, 26")

    class Info:
        width, height, fps = 1280, 720, 25

    class Raw:
        info = Info

    assert line._crop(Raw, "exact") == (13, 13, 13, 13)
    # int(13 / 720 * 720) is 12, int(26 / 720 * 720) is 25; by 1280 both are whole
    assert line._crop(Raw, "as published") == (13, 12, 13, 13)


def read_tubes_of(place, *lines):
    root = place(*lines)["root"]
    return read_tubes(Path(root) / "data_list" / "val_video_tubes.txt")


@pytest.mark.parametrize(
    "line",
    [
        "plain_0000, 144, 256, 0, 5, 0, 0, 256",
        "plain, 144, 256, 0, 5, 0, 0, 256, 144",
        "plain_0000, 144, 256, 0, five, 0, 0, 256, 144",
        "plain_0000, 144, 256, 6, 5, 0, 0, 256, 144",
        "plain_0000, 0, 256, 0, 5, 0, 0, 256, 144",
        "../plain_0000, 144, 256, 0, 5, 0, 0, 256, 144",
        "<html>",
        "plainvideo0_0000, 144, 256, 0, 5, 0, 0, 256, 144",
    ],
)
def test_a_wrong_line_is_named(place, line):
    with pytest.raises(UsageError, match=r"val_video_tubes\.txt, line 2") as error:
        read_tubes_of(place, place.tube(place.plain, 0, 0, 5), line)
    assert "\n" not in str(error.value)


def test_official_folders_are_taken_as_they_are(place, tmp_path, write_video):
    lines = [place.tube(place.dash, 0, 0, 5), place.tube(place.plain, 0, 0, 5)]
    settings = place(*lines)
    dataset = TalkingHead1KH(**settings)
    dataset.folder.mkdir(parents=True)
    official = write_video(dataset.file(place.stem(lines[0])), "-c:v libx264", size=32)
    before = official.read_bytes()
    (dataset.folder / "notes.mp4").write_text("not one of them")
    # before any preparation
    assert [clip.name for clip in dataset.clips()] == [place.stem(lines[0])]
    assert (dataset.coverage().listed, dataset.coverage().here) == (2, 1)
    # the list is not needed to read, only to know how much there should be
    (tmp_path / "root" / "data_list" / "val_video_tubes.txt").unlink()
    assert dataset.coverage().listed is None
    assert "nobody knows of how many" in dataset.coverage().line()
    # preparation keeps it and adds the rest
    place(*lines)
    whole, said, _ = place.prepare(settings, videos=place.videos)
    assert whole
    assert official.read_bytes() == before
    assert any("found there, made by others" in one for one in said)
    assert len(dataset.clips()) == 2


def test_one_minute_files_of_others_are_used_where_the_video_is_gone(place, write_video, long_card):
    line = place.tube("gone-video1", 3, 4, 9)
    settings = place(line)
    chunks = TalkingHead1KH(**settings).chunks
    chunks.mkdir(parents=True)
    write_video(chunks / "gone-video1_0003.mp4", "-c:v libx264rgb -qp 0", frames=long_card[100:130], fps=10)
    whole, said, dataset = place.prepare(settings, videos=place.videos)
    assert whole
    assert place.numbers(dataset.clips()[0]) == list(range(104, 110))
    assert any("one-minute file" in one for one in said)


def test_a_run_without_videos_says_what_is_missing_and_how_to_get_it(tmp_path, capsys):
    arguments = ["run", "--methods", "h264", "--dataset", "talkinghead1kh", f"data.root={tmp_path}"]
    assert main([*arguments, "--out", str(tmp_path / "run")]) == 2
    err = capsys.readouterr().err
    assert f"bench data prepare talkinghead1kh --split val --root {tmp_path}" in err
    assert "--videos" in err
    assert len(err.strip().splitlines()) == 1


def test_a_run_on_a_part_carries_its_coverage(place, tmp_path):
    lines = [place.tube(place.plain, 0, 0, 5), place.tube("nothinghere", 0, 0, 5)]
    settings = place(*lines)
    place.prepare(settings, videos=place.videos)
    out = tmp_path / "run"
    arguments = ["run", "--methods", "h264", "--dataset", "talkinghead1kh", "--metrics", "psnr"]
    given = ["--size", "64", f"data.root={settings['root']}", "methods.h264.crf=[40]", "run.videos=false"]
    assert main([*arguments, *given, "--out", str(out)]) == 0
    coverage = json.loads((out / "manifest.json").read_text())["dataset"]["coverage"]
    assert (coverage["listed"], coverage["here"]) == (2, 1)
    assert "nothinghere.mp4" in coverage["missing"][place.stem(lines[1])]
    page = (out / "report" / "index.html").read_text()
    assert "1 of the 2 clips of talkinghead1kh val are here" in page


def test_size_cuts_a_centred_square(place):
    settings = place(place.tube(place.plain, 0, 0, 5)) | {"size": 32}
    place.prepare(settings, videos=place.videos)
    (clip,) = TalkingHead1KH(**settings).clips()
    assert place.pixels(clip).shape == (6, 32, 32, 3)
    assert clip.source.crop == (28, 0, 72, 72)
    enlarged = TalkingHead1KH(**settings | {"size": 128}).coverage().notes
    assert any("smaller than data.size=128, and enlarged: 1 clip" in note for note in enlarged)
    assert not any("smaller than" in note for note in TalkingHead1KH(**settings).coverage().notes)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({}, "data.root is not set"),
        ({"root": "{here}/file"}, "it is a file"),
        ({"root": "{here}", "split": "vall"}, "did you mean val"),
        ({"root": "{here}", "split": "../val"}, "unknown split"),
        ({"root": "{here}", "lists": "{here}/none"}, "data.lists"),
        ({"root": "{here}", "lists": "{here}"}, "holds no val_video_tubes.txt"),
        ({"root": "{here}", "size": 8}, "data.size"),
    ],
)
def test_wrong_settings_are_told(tmp_path, settings, message):
    (tmp_path / "file").touch()
    with pytest.raises(UsageError, match=message):
        TalkingHead1KH(
            **{k: v.format(here=tmp_path) if isinstance(v, str) else v for k, v in settings.items()}
        ).clips()


def test_a_list_that_is_not_fetched_is_asked_for(tmp_path):
    with pytest.raises(UsageError, match=r"train_video_tubes\.txt is not in .*data_list; unpack https://"):
        TalkingHead1KH(root=str(tmp_path), split="train").prepare(Preparation(), print)


def test_the_lists_of_the_small_splits_are_declared():
    assert set(LISTS) == {"small", "val"}
    assert all(asset.url.endswith("data_list.zip") and len(asset.sha256) == 64 for asset in LISTS.values())


def test_the_real_yt_dlp_knows_what_it_is_told():
    if tool.program() is None:
        pytest.skip("yt-dlp is not installed")
    assert tool.version()
    done = subprocess.run([*tool.program(), "--help"], capture_output=True, text=True, check=True)
    told = downloading.Downloader(Path("videos"), Path("cookies.txt"), "firefox")._command
    for word in told:
        if word.startswith("--"):
            assert word in done.stdout, word
