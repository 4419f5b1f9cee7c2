"""Videos by yt-dlp: downloads continue, dead ones are remembered, and what stops them is said."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time

import pytest
from talkbench.cli import main
from talkbench.core import ffmpeg
from talkbench.core import yt_dlp as tool
from talkbench.core.errors import CodecError, StoreError
from talkbench.core.preparation import Preparation
from talkbench.datasets import downloading, making
from talkbench.datasets.talkinghead1kh import TalkingHead1KH


def test_downloads_continue_after_a_kill_and_nothing_is_made_twice(
    place, yt_dlp, raw_video, tmp_path, no_hang
):
    no_hang(120)
    for video in (place.dash, place.plain):
        shutil.copy(raw_video, yt_dlp / f"{video}.mp4")
    lines = [place.tube(place.plain, 0, 0, 5), place.tube(place.dash, 0, 0, 5)]
    settings = place(*lines)
    (yt_dlp / "wait").touch()
    command = [
        sys.executable,
        "-c",
        "import sys; from talkbench.cli import main; sys.exit(main(sys.argv[1:]))",
    ]
    arguments = ["data", "prepare", "talkinghead1kh", "--root", settings["root"], "--workers", "1"]
    process = subprocess.Popen([*command, *arguments], start_new_session=True)
    part = TalkingHead1KH(**settings).raws / f"{place.plain}.mp4.part"
    while not part.exists() or part.stat().st_size == 0:
        time.sleep(0.05)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    (yt_dlp / "wait").unlink()
    half = part.stat().st_size
    assert 0 < half < raw_video.stat().st_size
    whole, _, dataset = place.prepare(settings, workers=1)
    assert whole
    assert f"continued at {half}" in (tmp_path / "log").read_text()
    assert (dataset.raws / f"{place.plain}.mp4").read_bytes() == raw_video.read_bytes()
    assert [place.numbers(clip) for clip in dataset.clips()] == [list(range(6))] * 2
    calls = (tmp_path / "log").read_text()
    stamps = {path: path.stat().st_mtime_ns for path in dataset.folder.iterdir()}
    whole, said, _ = place.prepare(settings)
    assert whole
    assert (tmp_path / "log").read_text() == calls
    assert {path: path.stat().st_mtime_ns for path in dataset.folder.iterdir()} == stamps
    assert any("0 cut, 1 kept" in one for one in said)


def test_clips_cut_before_a_stop_are_known_as_ours(place, monkeypatch):
    lines = [place.tube(place.plain, 0, 0, 5), place.tube(place.plain, 0, 6, 9)]
    settings = place(*lines)
    cut = making.cut

    def stop(raw, piece, target, **how):
        if piece.first:
            raise KeyboardInterrupt
        return cut(raw, piece, target, **how)

    monkeypatch.setattr(making, "cut", stop)
    with pytest.raises(KeyboardInterrupt):
        place.prepare(settings, videos=place.videos)
    monkeypatch.setattr(making, "cut", cut)
    whole, said, dataset = place.prepare(settings, videos=place.videos)
    assert whole
    assert any("1 cut, 1 kept" in one for one in said)
    assert {entry["made"] for entry in json.loads(dataset.lock_path.read_text())["clips"].values()} == {
        "cut to the frame by time, without loss"
    }


def test_an_interrupt_ends_the_downloads(place, yt_dlp, raw_video, no_hang):
    no_hang(60)
    shutil.copy(raw_video, yt_dlp / f"{place.plain}.mp4")
    settings = place(place.tube(place.plain, 0, 0, 5))
    (yt_dlp / "wait").touch()
    command = [
        sys.executable,
        "-c",
        "import sys; from talkbench.cli import main; sys.exit(main(sys.argv[1:]))",
    ]
    arguments = ["data", "prepare", "talkinghead1kh", "--root", settings["root"]]
    process = subprocess.Popen([*command, *arguments], stderr=subprocess.PIPE, text=True)
    part = TalkingHead1KH(**settings).raws / f"{place.plain}.mp4.part"
    while not part.exists():
        time.sleep(0.05)
    process.send_signal(signal.SIGTERM)
    _, err = process.communicate()
    assert process.returncode == 128 + signal.SIGTERM
    assert err == "bench: interrupted; the same command goes on from here\n"


def test_what_the_downloader_is_told(place, yt_dlp, raw_video, tmp_path):
    shutil.copy(raw_video, yt_dlp / f"{place.dash}.mp4")
    cookies = tmp_path / "cookies.txt"
    cookies.touch()
    place.prepare(place(place.tube(place.dash, 0, 0, 5)), cookies=cookies, browser="firefox")
    words = (tmp_path / "log").read_text().splitlines()[0].split("\t")
    assert words[-2:] == ["--", f"https://www.youtube.com/watch?v={place.dash}"]
    assert words[words.index("--cookies") + 1] == str(cookies)
    assert words[words.index("--cookies-from-browser") + 1] == "firefox"
    assert {"--continue", "--sleep-requests", "--sleep-interval", "--ignore-config"} <= set(words)


def test_dead_videos_are_remembered_and_asked_for_again_only_when_told(place, yt_dlp, raw_video, tmp_path):
    (yt_dlp / f"{place.dash}.says").write_text(
        "Private video. Sign in if you've been granted access to this video"
    )
    shutil.copy(raw_video, yt_dlp / f"{place.plain}.mp4")
    lines = [place.tube(place.dash, 0, 0, 5), place.tube(place.plain, 0, 0, 5)]
    settings = place(*lines)
    whole, _, dataset = place.prepare(settings)
    assert not whole
    assert "Private video" in dataset.coverage().missing[place.stem(lines[0])]
    assert len((tmp_path / "log").read_text().splitlines()) == 3
    place.prepare(settings)
    assert len((tmp_path / "log").read_text().splitlines()) == 3, "a dead video was asked for again"
    (yt_dlp / f"{place.dash}.says").unlink()
    shutil.copy(raw_video, yt_dlp / f"{place.dash}.mp4")
    whole, _, dataset = place.prepare(settings, again=True)
    assert whole
    assert len(dataset.clips()) == 2


@pytest.mark.parametrize(
    ("said", "gone"),
    [
        ("Video unavailable", True),
        ("Private video. Sign in if you've been granted access to this video", True),
        ("Video unavailable. This video has been removed by the uploader", True),
        (
            "Video unavailable. This video is no longer available because the account has been terminated",
            True,
        ),
        ("This video has been removed for violating YouTube's Community Guidelines", True),
        ("Video unavailable. The uploader has not made this video available in your country", False),
        ("Sign in to confirm you're not a bot", False),
        ("Sign in to confirm your age. This video may be inappropriate for some users", False),
        ("Join this channel to get access to members-only content", False),
        ("Unable to download API page: Failed to resolve 'www.youtube.com'", False),
        ("Requested format is not available", False),
        ("HTTP Error 429: Too Many Requests", False),
    ],
)
def test_what_means_that_a_video_is_gone(said, gone):
    assert downloading.gone(said) == gone


def test_a_site_that_refuses_is_left_alone(place, yt_dlp, tmp_path):
    videos = [f"refused-{number}" for number in range(8)]
    for video in videos:
        (yt_dlp / f"{video}.says").write_text("Sign in to confirm you're not a bot. Use --cookies")
    lines = [place.tube(video, 0, 0, 5) for video in videos]
    _, _, dataset = place.prepare(place(*lines), workers=1)
    assert len((tmp_path / "log").read_text().splitlines()) == downloading.REFUSALS
    missing = dataset.coverage().missing
    assert "not a bot" in missing[place.stem(lines[0])]
    assert "--cookies" in missing[place.stem(lines[-1])]


def test_a_full_disk_ends_it_with_one_line(place, yt_dlp, capsys):
    (yt_dlp / f"{place.plain}.says").write_text("unable to write data: [Errno 28] No space left on device")
    settings = place(place.tube(place.plain, 0, 0, 5))
    assert main(["data", "prepare", "talkinghead1kh", "--root", settings["root"]]) == 2
    err = capsys.readouterr().err
    assert "is full; make room" in err
    assert len(err.strip().splitlines()) == 1


def test_a_disk_that_is_full_while_cutting(place, monkeypatch):
    def full(arguments, feed=()):
        raise CodecError("ffmpeg ended with code 228: No space left on device")

    monkeypatch.setattr(ffmpeg, "collect", full)
    with pytest.raises(StoreError, match="the disk is full"):
        place.prepare(place(place.tube(place.plain, 0, 0, 5)), videos=place.videos)


def test_a_root_that_cannot_be_written(tmp_path, place, capsys):
    settings = place(place.tube(place.plain, 0, 0, 5))
    (tmp_path / "root" / "val").write_text("a file in the way")
    arguments = [
        "data",
        "prepare",
        "talkinghead1kh",
        "--root",
        settings["root"],
        "--videos",
        str(place.videos),
    ]
    assert main(arguments) == 2
    err = capsys.readouterr().err
    assert "cannot be written" in err
    assert len(err.strip().splitlines()) == 1


def test_a_damaged_video_costs_its_own_clips_only(place):
    (place.videos / f"{place.dash}.mp4").write_bytes(b"no video")
    lines = [place.tube(place.dash, 0, 0, 5), place.tube(place.plain, 0, 0, 5)]
    _, _, dataset = place.prepare(place(*lines), videos=place.videos)
    assert list(dataset.coverage().missing) == [place.stem(lines[0])]
    assert "no video" in dataset.coverage().missing[place.stem(lines[0])]


def test_without_yt_dlp_one_line_says_what_to_install(place, monkeypatch, capsys):
    monkeypatch.setattr(tool, "program", lambda: None)
    settings = place(place.tube(place.plain, 0, 0, 5))
    assert main(["data", "prepare", "talkinghead1kh", "--root", settings["root"]]) == 2
    err = capsys.readouterr().err
    assert "pip install talkbench[download]" in err
    assert len(err.strip().splitlines()) == 1


def test_without_yt_dlp_what_is_there_is_cut(place, monkeypatch):
    monkeypatch.setattr(tool, "program", lambda: None)
    lines = [place.tube("nothinghere", 0, 0, 5), place.tube(place.plain, 0, 0, 5)]
    settings = place(*lines)
    dataset = TalkingHead1KH(**settings)
    dataset.raws.mkdir(parents=True)
    shutil.copy(place.videos / f"{place.plain}.mp4", dataset.raws)
    assert not dataset.prepare(Preparation(), lambda line: None)
    assert [clip.name for clip in dataset.clips()] == [place.stem(lines[1])]
    assert "pip install" in dataset.coverage().missing[place.stem(lines[0])]
