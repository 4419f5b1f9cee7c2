"""What a stranger may hand in: told in one line, or recorded."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from talkbench.core.store import read_failures, read_scores

Bench = Callable[..., "subprocess.CompletedProcess[str]"]
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
    bench: Bench, tmp_path: Path, write_video: Callable[..., Path], in_order: Callable[[Path], bool]
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


def test_a_clip_that_goes_or_changes_after_the_plan(
    tmp_path: Path, write_video: Callable[..., Path], in_order: Callable[[Path], bool]
) -> None:
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
    bench: Bench, tmp_path: Path, names: tuple[str, ...], words: str, one_line: Callable[..., str]
) -> None:
    root = tmp_path / "calls"
    root.mkdir()
    for name in names:
        (root / name).touch()
    out = tmp_path / "run"
    arguments = ("run", "--methods", "raw", "--dataset", "folder", f"data.root={root}", "--out", out)
    assert words in one_line(bench(*arguments))
    assert not out.exists()


def test_a_folder_that_cannot_be_written(bench: Bench, tmp_path: Path, one_line: Callable[..., str]) -> None:
    (tmp_path / "file").touch()
    for out in (tmp_path / "file", tmp_path / "file" / "run", Path("/proc/run")):
        assert "cannot write" in one_line(bench(*TINY, "--out", out))


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
def test_an_ffmpeg_that_is_none(
    bench: Bench, tmp_path: Path, variable: str, words: str, one_line: Callable[..., str]
) -> None:
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


def test_without_network_and_without_a_home(
    bench: Bench, tmp_path: Path, one_line: Callable[..., str]
) -> None:
    nothing = {"HOME": "/proc/none", "XDG_CACHE_HOME": "", "TALKBENCH_CACHE": ""}
    done = bench(*TINY, "--out", tmp_path / "run", **nothing)
    assert (done.returncode, done.stderr) == (0, "")
    unwritable = one_line(bench("assets", "fetch", "lpips_alex_v0.1.pt", **nothing))
    assert "name another folder in TALKBENCH_CACHE" in unwritable
