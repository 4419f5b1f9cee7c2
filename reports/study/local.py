"""The page of a study, served on this machine as MTurk would serve it.

A worker is a link, ``/w/TOKEN``: whoever has it is that worker, and answers each HIT once. The page of a HIT
is the one for MTurk: filled in from the same row, opened with the same parameters, posting to the same path.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from html import escape
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from io import BufferedIOBase
from pathlib import Path
from typing import BinaryIO
from urllib.parse import parse_qs, quote, urlencode, urlsplit

from ...core.errors import StoreError, TalkbenchError, UsageError
from .ballot_box import BallotBox
from .hit import batch_row, filled
from .manifest import Study, read_study
from .questions import token
from .videos import file_of

HOST = "127.0.0.1"
MOST_BYTES = 1 << 16
"""Of what a page posts."""
BASE_URL = "/videos/"


def worker_links(study: Study, workers: int, port: int) -> dict[str, str]:
    """Workers' links by their names; those of a study are always the same."""
    return {
        f"local-{number:03}": f"http://{HOST}:{port}/w/{token(study.secret, 'worker', number)}"
        for number in range(1, workers + 1)
    }


class Server(ThreadingHTTPServer):
    """Serves one study on the loopback interface."""

    daemon_threads = True

    def __init__(self, folder: Path, workers: int, port: int) -> None:
        """Bind to a port (0: any), and open the votes.

        Raises:
            StoreError: there is no study in the folder, or it is not complete.
            UsageError: the port or the number of workers cannot be had.
        """
        self.study = read_study(folder)
        self.folder = folder
        files = [file_of(folder, video) for video in self.study.videos]
        self.files = {path.name: path for path in files}
        if (
            not all(path.is_file() for path in files)
            or not (folder / "hit.html").is_file()
            or not (folder / "batch.csv").is_file()
        ):
            raise StoreError(
                f"{folder} is not complete; repeat the command `bench study export` that began it"
            )
        if workers < 1:
            raise UsageError(f"--workers {workers} is out of range; give 1 or more")
        self.page = (folder / "hit.html").read_text("utf-8")
        try:
            super().__init__((HOST, port), Handler)
        except (OSError, OverflowError) as error:
            raise UsageError(f"port {port} cannot be had ({error}); name another in --port") from None
        self.box = BallotBox(folder, self.study, BASE_URL)
        self.links = worker_links(self.study, workers, self.server_port)
        self.workers = {link.rpartition("/")[2]: worker for worker, link in self.links.items()}

    @property
    def origin(self) -> str:
        """The address that it is reached by."""
        return f"http://{HOST}:{self.server_port}"

    def handle_error(self, request: object, client_address: object) -> None:
        # A browser that has seen enough of a video closes the connection, which is no error.
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)  # type: ignore[arg-type]

    def server_close(self) -> None:
        super().server_close()
        if hasattr(self, "box"):
            self.box.close()


class Handler(BaseHTTPRequestHandler):
    """Answers one connection's requests."""

    server: Server
    protocol_version = "HTTP/1.1"
    timeout = 60

    def do_GET(self) -> None:
        self._answer(self._get)

    def do_HEAD(self) -> None:
        self._answer(self._get)

    def do_POST(self) -> None:
        self._answer(self._post)

    def log_message(self, format: str, *args: object) -> None:
        """A line a request would bury the workers' links."""

    def _answer(self, how: Callable[[], None]) -> None:
        # Another site's page may resolve its own name to this machine: only our own addresses are served.
        if self.headers.get("Host", "") not in (
            f"{HOST}:{self.server.server_port}",
            f"localhost:{self.server.server_port}",
        ):
            self._say(HTTPStatus.FORBIDDEN, "This is served to this machine only.")
            return
        try:
            how()
        except UsageError as error:
            self._say(HTTPStatus.BAD_REQUEST, str(error))
        except TalkbenchError as error:
            self._say(HTTPStatus.INTERNAL_SERVER_ERROR, str(error))

    def _get(self) -> None:
        path = urlsplit(self.path).path
        if found := re.fullmatch(r"/w/(\w+)", path):
            self._worker(found[1])
        elif found := re.fullmatch(r"/hit/(\w+)", path):
            self._hit(found[1])
        elif path.startswith(BASE_URL) and (file := self.server.files.get(path.removeprefix(BASE_URL))):
            self._file(file)
        elif path == "/":
            self._say(HTTPStatus.OK, "Open the link that you were given.")
        else:
            self._say(HTTPStatus.NOT_FOUND, "There is no such page.")

    def _worker(self, name: str) -> None:
        """Lead a worker to the next HIT."""
        worker = self.server.workers.get(name)
        if worker is None:
            self._say(HTTPStatus.NOT_FOUND, "This link is none of this study's.")
            return
        taken = self.server.box.take(worker, datetime.now(UTC))
        if taken is None:
            done = self.server.box.done(worker)
            self._say(HTTPStatus.OK, f"Thank you. That was all; tasks answered: {done}.")
            return
        hit, assignment = taken
        given = {
            "assignmentId": assignment,
            "hitId": hit,
            "workerId": worker,
            "turkSubmitTo": self.server.origin,
        }
        self._redirect(f"/hit/{hit}?{urlencode(given)}")

    def _hit(self, hit: str) -> None:
        if hit not in self.server.study.hits:
            self._say(HTTPStatus.NOT_FOUND, "There is no such task.")
            return
        self._send(HTTPStatus.OK, filled(self.server.page, batch_row(self.server.study, hit, BASE_URL)))

    def _post(self) -> None:
        length = self.headers.get("Content-Length", "")
        if (
            urlsplit(self.path).path != "/mturk/externalSubmit"
            or not length.isdigit()
            or int(length) > MOST_BYTES
        ):
            self.close_connection = True
            self._say(HTTPStatus.BAD_REQUEST, "This is no task's answer.")
            return
        try:
            fields = parse_qs(
                self.rfile.read(int(length)).decode(), keep_blank_values=True, max_num_fields=2000
            )
        except ValueError:
            raise UsageError("the answers cannot be read; nothing was counted") from None
        (assignment,) = fields.get("assignmentId", [""])[:1]
        worker, counted = self.server.box.cast(assignment, fields, datetime.now(UTC))
        link = next((f"/w/{name}" for name, own in self.server.workers.items() if own == worker), "")
        if counted:
            done = self.server.box.done(worker)
            self._say(HTTPStatus.OK, f"Thank you. Your answers are saved; tasks answered: {done}.", link)
        else:
            text = "These questions were answered before: the first answers count, nothing was added."
            self._say(HTTPStatus.CONFLICT, text, link)

    def _file(self, path: Path) -> None:
        """Send a file, or the part of it that is asked for: without that, browsers cannot seek."""
        size = path.stat().st_size
        first, last, status = 0, size - 1, HTTPStatus.OK
        asked = self.headers.get("Range")
        if asked is not None:
            found = re.fullmatch(r"bytes=(\d*)-(\d*)", asked.strip())
            if found and (found[1] or found[2]):
                status = HTTPStatus.PARTIAL_CONTENT
                first = int(found[1]) if found[1] else max(0, size - int(found[2]))
                last = min(int(found[2]), size - 1) if found[1] and found[2] else size - 1
                if first > last:
                    self.send_response(HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE)
                    self.send_header("Content-Range", f"bytes */{size}")
                    self.send_header("Content-Length", "0")
                    self.end_headers()
                    return
        self.send_response(status)
        self.send_header("Content-Type", "image/png" if path.suffix == ".png" else "video/mp4")
        self.send_header("Accept-Ranges", "bytes")
        self.send_header("Content-Length", str(last - first + 1))
        if status == HTTPStatus.PARTIAL_CONTENT:
            self.send_header("Content-Range", f"bytes {first}-{last}/{size}")
        self.end_headers()
        if self.command != "HEAD":
            with path.open("rb") as file:
                file.seek(first)
                _copy(file, self.wfile, last - first + 1)

    def _redirect(self, where: str) -> None:
        self.send_response(HTTPStatus.SEE_OTHER)
        self.send_header("Location", where)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def _say(self, status: HTTPStatus, text: str, onward: str = "") -> None:
        """Answer with a page of one line, and a link to the next task."""
        link = f'<p><a id="onward" href="{escape(quote(onward))}">Next task</a></p>' if onward else ""
        self._send(
            status,
            '<!DOCTYPE html><html lang="en"><meta charset="utf-8">'
            '<meta name="viewport" content="width=device-width"><title>Study</title>'
            '<link rel="icon" href="data:,">'
            "<style>body{margin:2rem;color:#fff;background:#3f3f3f;font:1.1rem/1.5 system-ui}"
            "a{color:#9cf}</style>"
            f'<p id="said">{escape(text)}</p>{link}</html>',
        )

    def _send(self, status: HTTPStatus, text: str) -> None:
        body = text.encode("utf-8", "replace")
        self.send_response(status)
        for name, value in (
            ("Content-Type", "text/html; charset=utf-8"),
            ("Content-Length", str(len(body))),
            ("Cache-Control", "no-store"),
            ("X-Content-Type-Options", "nosniff"),
            ("X-Frame-Options", "DENY"),
        ):
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)


def _copy(file: BinaryIO, into: BufferedIOBase, count: int) -> None:
    while count > 0 and (block := file.read(min(count, 1 << 16))):
        into.write(block)
        count -= len(block)
