"""What may happen to a run's folder: told in one line, and mended by the same command."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from talkbench.core.store import read_manifest, read_scores

Bench = Callable[..., "subprocess.CompletedProcess[str]"]
SMALL = ("--dataset", "testcard", "data.clips=2", "--frames", "6", "--size", "64", "run.workers=1")

AGAIN = (
    "run",
    "--methods",
    "h264,freeze",
    *SMALL,
    "--metrics",
    "psnr,bpp",
    "methods.h264.crf=[24,40]",
    "--out",
)


@pytest.fixture
def copied(small_run: Path, tmp_path: Path) -> Path:
    """A copy of the finished run, to be spoilt."""
    return Path(shutil.copytree(small_run, tmp_path / "run"))


@pytest.fixture
def little_room(tmp_path: Path) -> Iterator[Path]:
    """A disk of 200 kB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=200k", "tmpfs", folder], capture_output=True
    )
    if mounted.returncode:
        pytest.skip("A FULL DISK IS NOT TRIED: only root can mount a small one")
    yield folder
    subprocess.run(["umount", folder], check=True)


def test_a_full_disk(bench: Bench, little_room: Path, in_order: Callable[[Path], bool]) -> None:
    out = little_room / "run"
    message = bench(*AGAIN, out).stderr
    assert "No space left on device" in message
    assert "Traceback" not in message
    assert in_order(out)
    subprocess.run(["mount", "-o", "remount,size=64m", little_room], check=True)
    done = bench(*AGAIN, out)
    assert done.returncode == 0, done.stderr
    assert len(read_scores(out)) == 3 * 2 * 4


def _cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:60])


def _newer(path: Path) -> None:
    path.write_text(path.read_text().replace('"schema": 1', '"schema": 2'))


def _hollow(path: Path) -> None:
    path.write_text('{"schema": 1}')


def _flip(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[30] ^= 1
    path.write_bytes(data)


@pytest.mark.parametrize(
    ("pattern", "spoil", "words"),
    [
        ("manifest.json", _cut, "is damaged"),
        ("manifest.json", _hollow, "is damaged (it has no 'benchmark')"),
        ("manifest.json", _newer, "has schema 2, this talkbench reads 1"),
        ("units/*.json", _cut, "is damaged"),
        ("units/*.json", _hollow, "is damaged (it has no 'benchmark')"),
        ("units/*.parquet", _cut, "is damaged"),
        ("units/*.parquet", _flip, "is damaged"),
        ("scores.parquet", _cut, "is damaged"),
        ("failures.csv", lambda path: path.write_bytes(b"a,b\n\xff,1\n"), "is damaged"),
    ],
)
def test_a_damaged_store_is_told_and_mended_as_told(
    copied: Path, capsys: pytest.CaptureFixture[str], pattern: str, spoil: Callable[[Path], None], words: str
) -> None:
    from talkbench.cli import main

    victim = sorted(copied.glob(pattern))[0]
    spoil(victim)
    assert main(["report", str(copied)]) == 2
    message = capsys.readouterr().err
    assert words in message
    assert victim.name in message
    assert len(message.splitlines()) == 1


def test_what_is_damaged_is_made_again_and_nothing_else(
    bench: Bench, copied: Path, in_order: Callable[[Path], bool]
) -> None:
    before = read_scores(copied)
    keys = [entry["key"] for entry in read_manifest(copied)["units"]]
    _cut(copied / "units" / f"{keys[0]}.json")
    _flip(copied / "units" / f"{keys[1]}.parquet")
    _cut(copied / "streams" / "freeze" / "default" / "card1.tkb")
    (copied / "manifest.json").unlink()
    (copied / "units" / ".unfinished-left.json").touch()  # as by a killed process
    done = bench(*AGAIN, copied)
    assert done.returncode == 0, done.stderr
    assert "3 computed, 3 kept" in done.stdout
    assert in_order(copied)
    assert read_scores(copied).equals(before)


@pytest.mark.parametrize(
    "spoil", [_cut, _flip, lambda path: path.write_bytes(b""), lambda path: path.unlink()]
)
def test_a_stream_that_is_no_longer_whole(
    copied: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], spoil: Callable[[Path], None]
) -> None:
    from talkbench.cli import main

    stream = copied / "streams" / "h264" / "crf24" / "card0.tkb"
    spoil(stream)
    assert main(["decode", str(stream), str(tmp_path / "a.mkv")]) == 2
    assert len(capsys.readouterr().err.splitlines()) == 1
    assert not (tmp_path / "a.mkv").exists()
    assert main(["verify", str(copied)]) == 1
    assert capsys.readouterr().out.startswith("streams/h264/crf24/card0.tkb: ")


def test_a_stream_does_not_replace_its_video(tmp_path: Path, write_video: Callable[..., Path]) -> None:
    from talkbench.cli import main

    video = write_video(tmp_path / "a.mkv", size=32)
    before = video.read_bytes()
    assert main(["encode", "raw", str(video), str(video)]) == 2
    assert video.read_bytes() == before
