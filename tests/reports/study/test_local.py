"""The study's page on this machine, over real connections."""

from __future__ import annotations

import csv
import http.client
import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import parse_qsl, urlencode, urlsplit

import pytest
from talkbench.cli import main
from talkbench.core.errors import StoreError, UsageError
from talkbench.reports.study.ballot_box import answer_names
from talkbench.reports.study.local import Server
from talkbench.reports.study.manifest import Question, Study, read_study
from talkbench.reports.study.videos import file_of
from talkbench.reports.study.votes import read_votes

Answer = tuple[int, "http.client.HTTPMessage", bytes]


@contextmanager
def serving(folder: Path, workers: int = 3, port: int = 0) -> Iterator[Server]:
    with Server(folder, workers, port) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()


@pytest.fixture
def folder(tmp_path: Path, local_study: Path) -> Path:
    """A study's folder of one's own."""
    return Path(shutil.copytree(local_study, tmp_path / "study"))


@pytest.fixture
def server(folder: Path) -> Iterator[Server]:
    with serving(folder) as server:
        yield server


def ask(server: Server, path: str, method: str = "GET", body: str | None = None, **headers: str) -> Answer:
    connection = http.client.HTTPConnection("127.0.0.1", server.server_port, timeout=20)
    try:
        connection.request(method, path, body, headers)
        answer = connection.getresponse()
        return answer.status, answer.headers, answer.read()
    finally:
        connection.close()


def next_page(server: Server, worker: str) -> str:
    """Where a worker's link leads: to the page of a HIT, or nowhere."""
    return str(ask(server, urlsplit(server.links[worker]).path)[1].get("Location", ""))


def begin(server: Server, worker: str) -> tuple[str, dict[str, str]]:
    """Open a worker's link; the page's path and its parameters."""
    where = next_page(server, worker)
    return where, dict(parse_qsl(urlsplit(where).query))


def form(study: Study, assignment: str, **changes: str) -> str:
    given = {"answer": "right", "seconds": "3.0", "plays": "1", "video": "400"}
    fields = {name: given[name.rpartition("_")[0]] for name in answer_names(study)}
    return urlencode({"assignmentId": assignment, **fields, **changes})


def submit(server: Server, body: str) -> Answer:
    kind = {"Content-Type": "application/x-www-form-urlencoded"}
    return ask(server, "/mturk/externalSubmit", "POST", body, **kind)


def votes(folder: Path) -> list[dict[str, str]]:
    with (folder / "votes.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def test_a_worker_is_led_through_every_hit_once(server: Server) -> None:
    study, seen = server.study, []
    for _ in study.hits:
        path, given = begin(server, "local-002")
        assert given["workerId"] == "local-002"
        assert given["turkSubmitTo"] == f"http://127.0.0.1:{server.server_port}"
        status, _, page = ask(server, path)
        assert status == 200
        for question in study.hits[given["hitId"]]:
            for text in (question.id, question.left.video, question.right.video):
                assert f'"{text}"'.encode() in page
        assert b"${" not in page
        status, _, said = submit(server, form(study, given["assignmentId"]))
        assert status == 200
        assert b"Your answers are saved" in said
        seen.append(given["hitId"])
    assert sorted(seen) == sorted(study.hits)
    status, _, said = ask(server, urlsplit(server.links["local-002"]).path)
    assert (status, b"That was all" in said) == (200, True)


def test_a_vote_counts_once(server: Server) -> None:
    _, given = begin(server, "local-001")
    assert submit(server, form(server.study, given["assignmentId"]))[0] == 200
    status, _, said = submit(server, form(server.study, given["assignmentId"], answer_1="left"))
    assert (status, b"first answers count" in said) == (409, True)
    assert [row["Answer.answer_1"] for row in votes(server.folder)] == ["right"]


def test_nothing_is_lost_over_a_restart(folder: Path) -> None:
    with serving(folder) as first:
        study, links = first.study, [link.rpartition("/")[2] for link in first.links.values()]
        _, done = begin(first, "local-001")
        submit(first, form(study, done["assignmentId"]))
        path, begun = begin(first, "local-002")
    with serving(folder, workers=4) as again:
        assert [link.rpartition("/")[2] for link in again.links.values()][:3] == links
        assert ask(again, path)[0] == 200  # the page that is still open
        assert submit(again, form(study, done["assignmentId"]))[0] == 409
        assert submit(again, form(study, begun["assignmentId"]))[0] == 200
    assert [row["WorkerId"] for row in votes(folder)] == ["local-001", "local-002"]
    ballots = read_votes(read_study(folder), [folder / "votes.csv"])
    assert (len(ballots.assignments), ballots.left_out) == (2, ())


def test_videos_come_in_the_parts_that_are_asked_for(server: Server) -> None:
    video = server.study.videos[0]
    path, whole = f"/videos/{video.name}.mp4", file_of(server.folder, video).read_bytes()
    size = len(whole)
    status, headers, body = ask(server, path)
    assert (status, body, headers["Content-Type"], headers["Accept-Ranges"]) == (
        200,
        whole,
        "video/mp4",
        "bytes",
    )
    for asked, first, last in (
        ("bytes=0-", 0, size - 1),
        ("bytes=10-19", 10, 19),
        ("bytes=-7", size - 7, size - 1),
        (f"bytes=5-{size + 100}", 5, size - 1),
        (f"bytes=-{size + 100}", 0, size - 1),
    ):
        status, headers, body = ask(server, path, Range=asked)
        assert (status, body) == (206, whole[first : last + 1]), asked
        assert headers["Content-Range"] == f"bytes {first}-{last}/{size}"
    for asked in (f"bytes={size}-", "bytes=9-8", "bytes=-0"):
        status, headers, body = ask(server, path, Range=asked)
        assert (status, headers["Content-Range"], body) == (416, f"bytes */{size}", b""), asked
    for asked in ("bytes=-", "lines=1-2", "bytes=0-1,4-5"):  # what is not understood is as if not asked for
        assert ask(server, path, Range=asked)[0] == 200
    status, headers, body = ask(server, path, "HEAD")
    assert (status, headers["Content-Length"], body) == (200, str(size), b"")


@pytest.mark.parametrize(
    "path",
    [
        "/manifest.json", "/videos/../manifest.json", "/videos/%2e%2e/manifest.json", "/videos/no.mp4",
        "/w/no", "/hit/no", "/votes.csv",
    ],
)  # fmt: skip
def test_nothing_else_is_served(server: Server, path: str) -> None:
    status, headers, body = ask(server, path)
    assert status == 404
    assert headers["Content-Type"].startswith("text/html")
    assert server.study.secret.encode() not in body


def test_only_this_machine_s_own_pages_are_answered(server: Server) -> None:
    assert server.server_address[0] == "127.0.0.1"
    path = urlsplit(server.links["local-001"]).path
    for host in ("evil.example", "127.0.0.1", f"evil.example:{server.server_port}"):
        assert ask(server, path, Host=host)[0] == 403
    assert ask(server, path, Host=f"localhost:{server.server_port}")[0] == 303


def test_wrong_answers_are_refused_in_a_line(server: Server) -> None:
    _, given = begin(server, "local-001")
    for body, words in (
        (form(server.study, given["assignmentId"], answer_1="<script>"), b"&#x27;answer_1&#x27; is missing"),
        (form(server.study, "a000"), b"belong to no HIT"),
        ("", b"belong to no HIT"),
        ("assignmentId=" + "x" * 70000, b"no task"),
        ("%ff=%ff", b"belong to no HIT"),
        ("&".join(f"a{number}=1" for number in range(3000)), b"cannot be read"),
    ):
        status, _, said = submit(server, body)
        assert (status, words in said) == (400, True), body[:60]
        assert b"<script>" not in said
    assert ask(server, "/elsewhere", "POST", "a=b")[0] == 400
    assert votes(server.folder) == []


def test_a_browser_that_leaves_in_the_middle_disturbs_nobody(
    server: Server, capsys: pytest.CaptureFixture[str]
) -> None:
    name = server.study.videos[0].name
    for _ in range(3):
        connection = http.client.HTTPConnection("127.0.0.1", server.server_port, timeout=20)
        connection.request("GET", f"/videos/{name}.mp4")
        connection.close()
    assert ask(server, "/")[0] == 200
    assert capsys.readouterr().err == ""


def test_what_cannot_be_served_is_said(tmp_path: Path, folder: Path) -> None:
    with pytest.raises(StoreError, match="bench study export"):
        Server(tmp_path / "none", 1, 0)
    with pytest.raises(UsageError, match="--workers 0"):
        Server(folder, 0, 0)
    with pytest.raises(UsageError, match="port 70000 cannot be had"):
        Server(folder, 1, 70000)
    with serving(folder) as server, pytest.raises(UsageError, match="name another in --port"):
        Server(folder, 1, server.server_port)
    next((folder / "videos").iterdir()).unlink()
    with pytest.raises(StoreError, match="is not complete; repeat the command"):
        Server(folder, 1, 0)


def test_the_command_serves_until_it_is_interrupted(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(self: Server) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(Server, "serve_forever", interrupted)
    assert main(["study", "serve", str(folder.parent), "--workers", "2", "--port", "0"]) == 130
    out, err = capsys.readouterr()
    assert out.count("/w/w") == 2
    assert "local-002: http://127.0.0.1:" in out
    assert "the same command goes on from here" in err


def test_what_was_collected_is_analysed_by_the_command(
    tmp_path: Path, coded_run: Path, local_study: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = Path(shutil.copytree(coded_run, tmp_path / "run"))
    shutil.copytree(local_study, run / "study", dirs_exist_ok=True)
    quality = {"reference": 4, "crf20": 3, "crf51": 2, "default": 1}

    def better(question: Question) -> str:
        left, right = (quality[side.point or side.method] for side in (question.left, question.right))
        return "left" if left > right else "right"

    with serving(run / "study") as server:
        for worker in server.links:
            # Begun a while ago, for nobody watches videos in no time.
            while taken := server.box.take(worker, datetime.now(UTC) - timedelta(minutes=1)):
                chosen = {f"answer_{one.slot}": better(one) for one in server.study.hits[taken[0]]}
                assert submit(server, form(server.study, taken[1], **chosen))[0] == 200
    assert main(["study", "analyse", str(run), str(run / "study" / "votes.csv")]) == 0
    assert "report: " in capsys.readouterr().out
    page = (run / "report" / "index.html").read_text("utf-8")
    assert 'id="votes"' in page
    summary = (run / "report" / "study" / "summary.md").read_text("utf-8")
    assert "12 votes of 2 workers count" in summary
    assert main(["study", "analyse", str(run), str(tmp_path / "none.csv")]) == 2
    assert "none.csv cannot be read" in capsys.readouterr().err
