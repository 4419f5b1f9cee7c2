"""What a stranger may hand in, and what may happen to a run: told in one line, or recorded."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from talkbench.core.store import read_failures, read_manifest, read_scores

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
TINY = (
    "run",
    "--methods",
    "raw",
    "--dataset",
    "testcard",
    "--frames",
    "3",
    "--size",
    "32",
    "--metrics",
    "psnr",
)


def in_order(folder: Path) -> bool:
    """No scratch and nothing half written lies in a run's folder."""
    return not (folder / ".scratch").exists() and not list(folder.rglob(".unfinished-*"))


def one_line(done: subprocess.CompletedProcess[str]) -> str:
    """The only line of a command that was refused."""
    assert done.returncode == 2, done.stdout + done.stderr
    assert len(done.stderr.splitlines()) == 1, done.stderr
    return done.stderr


@pytest.fixture
def copied(small_run: Path, tmp_path: Path) -> Path:
    """A copy of the finished run, to be spoilt."""
    return Path(shutil.copytree(small_run, tmp_path / "run"))


def damaged(video: bytes) -> bytes:
    """The same file with some of its pictures overwritten."""
    at = len(video) * 6 // 10
    return video[:at] + bytes(byte ^ 0x5A for byte in video[at : at + 400]) + video[at + 400 :]


HOSTILE = (
    "a 'b' \"c\"; rm -rf x & $(y)",
    "<script>alert(1)<$script>",
    "ünï—日本",
    "n" * 200,
    "-dash",
    "%d [x],=",
)


def test_good_and_bad_clips_in_one_folder(
    bench: Bench, tmp_path: Path, write_video: Callable[..., Path]
) -> None:
    from talkbench.core import ffmpeg

    root = tmp_path / "my clips (1)"
    root.mkdir()
    good = write_video(tmp_path / "good.mp4", "-c:v libx264 -pix_fmt yuv420p -frames:v 6")
    long = write_video(tmp_path / "long.mkv", "-c:v ffv1 -slicecrc 1")
    for name in ("good", *HOSTILE):  # of one content: each is a clip of its own all the same
        shutil.copy(good, root / f"{name}.mp4")
    shutil.copy(good, os.fsencode(root) + b"/caf\xe9.mp4")
    (root / "empty.mp4").touch()
    (root / "text.mp4").write_text("no video")
    (root / "lost.mp4").symlink_to(tmp_path / "nowhere.mp4")
    (root / "cut.mp4").write_bytes(good.read_bytes()[:700])
    (root / "breaks.mkv").write_bytes(damaged(long.read_bytes()))
    write_video(root / "one.mkv", "-c:v ffv1 -pix_fmt gbrp -frames:v 1")
    write_video(root / "odd.mkv", width=65, height=63)
    sound = [
        ffmpeg.binary(),
        "-v",
        "error",
        "-f",
        "lavfi",
        "-i",
        "sine=duration=0.2",
        str(root / "audio.mp4"),
    ]
    subprocess.run(sound, check=True)

    out = tmp_path / "out 'of' <it>"
    arguments = ("run", "--methods", "h264,freeze", "--dataset", "folder", f"data.root={root}", "--metrics")
    arguments += ("psnr,ms_ssim,bpp", "methods.h264.crf=[30]", "run.workers=2", "--out")
    done = bench(*arguments, out, LC_ALL="C")
    assert done.returncode == 1, done.stderr
    assert "Traceback" not in done.stderr
    assert in_order(out)

    failed = read_failures(out)
    reasons = {row["clip"]: row["message"] for row in failed if not row["stage"].startswith("score")}
    for clip, words in {
        "empty": "the file is empty",
        "text": "no video, damaged",
        "lost": "cannot be opened",
        "cut": "damaged, or cut off",
        "breaks": "damaged",
        "one": "1 frame(s)",
        "odd": "needs even sides",
        "audio": "no video stream",
        "caf\N{REPLACEMENT CHARACTER}": "rename it",
    }.items():
        assert words in reasons.pop(clip)
    assert reasons == {}
    assert {row["stage"] for row in failed} == {"read", "encode", "score ms_ssim"}

    scores = read_scores(out)
    psnr = scores[scores["metric"] == "psnr"]
    assert set(psnr[psnr["method"] == "h264"]["clip"]) == {"good", *HOSTILE}
    assert set(psnr[psnr["method"] == "freeze"]["clip"]) == {"good", "odd", *HOSTILE}
    assert psnr["value"].notna().all()
    assert scores[scores["metric"] == "ms_ssim"]["value"].isna().all(), "it does not apply to 64x64"
    page = (out / "report" / "index.html").read_text()
    assert "<script>alert" not in page
    assert "the file is empty" in page

    # Again: only what may come well is tried again, and all that is wrong is still told.
    again = bench(*arguments, out)
    assert again.returncode == 1
    assert "3 computed, 15 kept" in again.stdout
    assert sorted(read_failures(out), key=str) == sorted(failed, key=str)
    # Further metrics do not mind the units that failed.
    scored = bench("score", out, "--metrics", "ssim")
    assert scored.returncode == 1
    assert (read_scores(out)["metric"] == "ssim").sum() == len(psnr)
    assert sorted(read_failures(out), key=str) == sorted(failed, key=str)


def test_a_clip_that_goes_or_changes_after_the_plan(tmp_path: Path, write_video: Callable[..., Path]) -> None:
    from talkbench.benchmarks.executors import Executor
    from talkbench.benchmarks.plan import build_plan, compose_run
    from talkbench.benchmarks.runner import execute

    class Here(Executor):
        """Works in this process."""

        def run(self, function, tasks, split):  # type: ignore[no-untyped-def]
            yield from ((task, function(task)) for task in tasks)

    for name in ("goes", "changes", "stays"):
        write_video(tmp_path / f"{name}.mkv", size=32, seed=len(name))
    config = compose_run(["raw"], "folder", metrics=["psnr"], overrides=[f"data.root={tmp_path}"])
    plan = build_plan(config, "folder", "compression")
    (tmp_path / "goes.mkv").unlink()
    write_video(tmp_path / "changes.mkv", size=32, seed=77)
    outcome = execute(plan, tmp_path / "run", Here(1), ["bench"])
    reasons = {failure.clip: failure.message for failure in outcome.failures}
    assert set(reasons) == {"goes", "changes"}
    assert "cannot be opened" in reasons["goes"]
    assert "has changed since the run began" in reasons["changes"]
    assert list(read_scores(tmp_path / "run")["clip"]) == ["stays"]
    assert in_order(tmp_path / "run")


@pytest.mark.parametrize(
    ("names", "words"),
    [
        ((), "holds no videos"),
        (("notes.txt",), "holds no videos"),
        (("a.mp4", "a.mkv"), "two clips are called 'a'"),
    ],
)
def test_folders_that_make_no_data_set(
    bench: Bench, tmp_path: Path, names: tuple[str, ...], words: str
) -> None:
    root = tmp_path / "calls"
    root.mkdir()
    for name in names:
        (root / name).touch()
    out = tmp_path / "run"
    arguments = ("run", "--methods", "raw", "--dataset", "folder", f"data.root={root}", "--out", out)
    assert words in one_line(bench(*arguments))
    assert not out.exists()


def test_a_folder_that_cannot_be_written(bench: Bench, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for out in (tmp_path / "file", tmp_path / "file" / "run", Path("/proc/run")):
        assert "cannot write" in one_line(bench(*TINY, "--out", out))


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


def test_a_full_disk(bench: Bench, little_room: Path) -> None:
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


def test_what_is_damaged_is_made_again_and_nothing_else(bench: Bench, copied: Path) -> None:
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


def start(*arguments: object) -> subprocess.Popen[str]:
    """The command in a session of its own, as a terminal would start it."""
    command = [sys.executable, "-m", "talkbench", *map(str, arguments)]
    return subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # background jobs are deaf to it
    )  # fmt: skip


def running(session: int) -> dict[int, str]:
    """Command lines of a session's processes."""
    found = {}
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            state, _, _, owner = (folder / "stat").read_text().rpartition(")")[2].split()[:4]
            if int(owner) == session and state != "Z":
                found[int(folder.name)] = (folder / "cmdline").read_text()
        except OSError:
            continue
    return found


def wait_for(what: Callable[[], object]) -> object:
    """What is awaited, once it is there."""
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        if found := what():
            return found
        time.sleep(0.02)
    raise AssertionError("waited in vain")


LONG = ("run", "--methods", "h264", "--dataset", "testcard", "data.clips=9", "--frames", "40", "--size", "64")
LONG += ("methods.h264.crf=[20,30,40]", "--metrics", "psnr,bpp", "run.videos=false", "run.workers=2", "--out")


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="processes are looked up in /proc")
@pytest.mark.parametrize(
    ("number", "victim", "code"),
    [
        (signal.SIGINT, "all", 130),
        (signal.SIGTERM, "parent", 143),
        (signal.SIGHUP, "all", 129),
        (signal.SIGKILL, "spawn_main", 0),
        (signal.SIGKILL, "talkbench.benchmarks.sealed", None),
    ],
)
def test_signals(bench: Bench, tmp_path: Path, number: signal.Signals, victim: str, code: int | None) -> None:
    out = tmp_path / "run"
    process = start(*LONG, out)
    wait_for(lambda: len(list(out.glob("units/[!.]*.json"))) >= 2)
    if victim == "all":
        os.killpg(process.pid, number)
    elif victim == "parent":
        os.kill(process.pid, number)
    else:
        found = wait_for(
            lambda: [
                pid for pid, line in running(process.pid).items() if victim in line and pid != process.pid
            ]
        )
        os.kill(found[0], number)  # type: ignore[index]
    _, error = process.communicate(timeout=120)
    # A decoder that dies at work costs its unit, an idle one nothing.
    assert process.returncode in ((0, 1) if code is None else (code,)), error
    assert "Traceback" not in error
    wait_for(lambda: not running(process.pid))
    assert in_order(out)
    done = bench(*LONG, out)
    assert done.returncode == 0, done.stderr
    assert len(read_scores(out)) == 9 * 3 * 4
    assert bench("verify", out).returncode == 0


def test_two_runs_into_one_folder_at_once(bench: Bench, tmp_path: Path) -> None:
    out = tmp_path / "run"
    first = start(*LONG, out)
    wait_for(lambda: (out / "manifest.json").exists())
    assert "another run is writing" in one_line(bench(*LONG, out))
    first.communicate(timeout=120)
    assert first.returncode == 0
    assert len(read_scores(out)) == 9 * 3 * 4


@pytest.mark.parametrize(
    ("redirection", "code"), [("| head -n 1", 0), (">&-", 0), ("2>&-", 0), ("<&-", 0), (">/dev/full", 2)]
)
def test_output_that_nobody_takes(redirection: str, code: int) -> None:
    command = f"set -o pipefail; {sys.executable} -m talkbench list metrics {redirection}"
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True)
    assert done.returncode == code, done.stderr
    assert len(done.stderr.splitlines()) == (code > 0)


@pytest.mark.parametrize(
    ("variable", "words"),
    [("TALKBENCH_FFMPEG", "cannot be run as ffmpeg"), ("IMAGEIO_FFMPEG_EXE", "cannot be run")],
)
def test_an_ffmpeg_that_is_none(bench: Bench, tmp_path: Path, variable: str, words: str) -> None:
    fake = tmp_path / "ffmpeg"
    fake.write_text("no program")
    fake.chmod(0o755)
    arguments = (
        "run",
        "--methods",
        "h264",
        "--dataset",
        "testcard",
        "--out",
        tmp_path / "run",
        "--metrics",
        "psnr",
    )
    assert words in one_line(bench(*arguments, **{variable: str(fake)}))


def test_without_network_and_without_a_home(bench: Bench, tmp_path: Path) -> None:
    nothing = {"HOME": "/proc/none", "XDG_CACHE_HOME": "", "TALKBENCH_CACHE": ""}
    done = bench(*TINY, "--out", tmp_path / "run", **nothing)
    assert (done.returncode, done.stderr) == (0, "")
    unwritable = one_line(bench("assets", "fetch", "lpips_alex_v0.1.pt", **nothing))
    assert "name another folder in TALKBENCH_CACHE" in unwritable
