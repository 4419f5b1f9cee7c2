"""Assets: fetched from an index, checked, placed whole or not at all."""

from __future__ import annotations

import contextlib
import hashlib
import io
import json
import tarfile
import threading
import zipfile
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from talkbench.core import assets, package_index
from talkbench.core.assets import Asset, fetch, locate, path, present
from talkbench.core.errors import AssetError

CONTENT = bytes(range(256)) * 40


def asset(name="a.bin", package="toy", member="toy/a.bin", content=CONTENT, version="1.0"):
    sha256 = hashlib.sha256(content).hexdigest()
    return Asset(name, "a toy", package, version, member, sha256, len(content), "CC0")


def wheel(**members):
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return data.getvalue()


def sdist(top, members, links=()):
    data = io.BytesIO()
    with tarfile.open(fileobj=data, mode="w:gz") as archive:
        for name, content in members.items():
            info = tarfile.TarInfo(f"{top}/{name}")
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
        for name, target in links:
            info = tarfile.TarInfo(f"{top}/{name}")
            info.type, info.linkname = tarfile.SYMTYPE, target
            archive.addfile(info)
    return data.getvalue()


class Index:
    """A package index on this machine: packages to files, and how often each was asked for."""

    def __init__(self):
        self.files, self.asked, self.fail, self.cut, self.digest = {}, [], 0, 0, {}

    def add(self, package, name, data):
        self.files.setdefault(package, {})[name] = data

    def answer(self, request):
        parts = request.path.strip("/").split("/")
        self.asked.append(parts[-1])
        if self.fail:
            self.fail -= 1
            return request.send_error(503)
        if parts[0] == "simple" and parts[1] in self.files:
            files = [
                {"filename": name, "url": f"/files/{parts[1]}/{name}",
                 "hashes": self.digest.get(name, {"sha256": hashlib.sha256(data).hexdigest()})}
                for name, data in self.files[parts[1]].items()
            ]  # fmt: skip
            body = json.dumps({"meta": {"api-version": "1.0"}, "name": parts[1], "files": files}).encode()
            kind = "application/vnd.pypi.simple.v1+json"
        elif parts[0] == "files" and parts[2] in self.files.get(parts[1], {}):
            body, kind = self.files[parts[1]][parts[2]], "application/octet-stream"
        else:
            return request.send_error(404)
        request.send_response(200)
        request.send_header("Content-Type", kind)
        request.send_header("Content-Length", str(len(body)))
        request.end_headers()
        if parts[0] == "files" and self.cut:
            self.cut -= 1
            body = body[: len(body) // 2]
            request.close_connection = True
        with contextlib.suppress(ConnectionError):
            request.wfile.write(body)
        return None


@pytest.fixture
def index(monkeypatch, tmp_path):
    table = Index()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            table.answer(self)

        def log_message(self, *words):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    monkeypatch.setenv("PIP_INDEX_URL", f"http://127.0.0.1:{server.server_port}/simple/")
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setenv("TALKBENCH_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(package_index, "WAITS", (0.01, 0.01, 0.01))
    yield table
    server.shutdown()
    server.server_close()
    thread.join()


def left_over():
    folder = assets.cache() / "assets"
    return (
        [file.name for file in folder.iterdir() if not file.name.endswith(".lock")] if folder.exists() else []
    )


def test_from_a_wheel(index):
    index.add(
        "toy", "toy-1.0-py3-none-any.whl", wheel(**{"toy/a.bin": CONTENT, "toy/b.py": b"raise SystemExit"})
    )
    assert not present(asset())
    assert fetch(asset()) == [path(asset())]
    assert locate(asset()).read_bytes() == CONTENT
    assert left_over() == ["a.bin"]


def test_the_source_archive_is_asked_where_the_wheel_lacks_it(index):
    index.add("toy", "toy-1.0-py3-none-any.whl", wheel(**{"toy/b.bin": b"x"}))
    index.add("toy", "toy-1.0.tar.gz", sdist("toy-1.0", {"toy/a.bin": CONTENT}))
    index.add("toy", "toy-2.0.tar.gz", sdist("toy-2.0", {"toy/a.bin": b"other"}))
    fetch(asset())
    assert locate(asset()).read_bytes() == CONTENT
    assert "toy-2.0.tar.gz" not in index.asked


def addressed(file, member="", name="a.bin", content=CONTENT):
    base = package_index.configured().removesuffix("/simple/")
    return replace(asset(name, "", member, content, ""), url=f"{base}/files/lists/{file}")


def test_a_file_and_a_member_of_an_archive_at_an_address(index):
    index.add("lists", "a.csv", CONTENT)
    index.add("lists", "lists.zip", wheel(**{"data_list/b.txt": b"bee", "data_list/c.txt": b"sea"}))
    plain = addressed("a.csv")
    bee = addressed("lists.zip", "b.txt", "b.txt", b"bee")
    sea = addressed("lists.zip", "c.txt", "c.txt", b"sea")
    assert [file.read_bytes() for file in fetch(plain, bee, sea)] == [CONTENT, b"bee", b"sea"]
    assert index.asked.count("lists.zip") == 1
    assert sorted(left_over()) == ["a.bin", "b.txt", "c.txt"]


def test_an_address_that_leads_nowhere_or_to_another_file(index):
    gone = addressed("none.csv")
    with pytest.raises(AssetError, match=r"none\.csv could not be fetched .* put by hand"):
        fetch(gone)
    index.add("lists", "a.csv", b"another")
    with pytest.raises(AssetError, match="is not the declared one"):
        fetch(addressed("a.csv"))
    index.add("lists", "b.csv", CONTENT)
    index.fail = 2
    fetch(addressed("b.csv"))
    assert left_over() == ["a.bin"]


def test_one_archive_is_downloaded_once_for_two_members(index):
    index.add("toy", "toy-1.0.tar.gz", sdist("toy-1.0", {"toy/a.bin": CONTENT, "toy/b.bin": b"bee"}))
    other = asset("b.bin", member="toy/b.bin", content=b"bee")
    assert [file.read_bytes() for file in fetch(asset(), other, asset())] == [CONTENT, b"bee", CONTENT]
    assert index.asked.count("toy-1.0.tar.gz") == 1
    index.asked.clear()
    fetch(asset(), other)
    assert index.asked == []


def test_progress_is_told(index):
    data = sdist("toy-1.0", {"toy/a.bin": CONTENT})
    index.add("toy", "toy-1.0.tar.gz", data)
    told = []
    fetch(asset(), progress=lambda *words: told.append(words))
    assert told[-1] == ("toy-1.0.tar.gz", len(data), len(data))


def test_a_link_in_an_archive_is_not_followed(index, tmp_path):
    secret = tmp_path / "secret"
    secret.write_bytes(CONTENT)
    index.add("toy", "toy-1.0.tar.gz", sdist("toy-1.0", {}, [("toy/a.bin", str(secret))]))
    with pytest.raises(AssetError, match=r"toy 1\.0 holds no toy/a\.bin"):
        fetch(asset())
    assert left_over() == []


def test_another_content_is_refused_and_leaves_nothing(index):
    index.add("toy", "toy-1.0.tar.gz", sdist("toy-1.0", {"toy/a.bin": CONTENT[:-1] + b"!"}))
    with pytest.raises(AssetError) as caught:
        fetch(asset())
    text = str(caught.value)
    assert asset().sha256 in text
    assert hashlib.sha256(CONTENT[:-1] + b"!").hexdigest() in text
    assert "bench assets fetch a.bin" in text
    assert str(path(asset())) in text
    assert left_over() == []


def test_a_member_that_never_ends_is_not_taken(index):
    index.add("toy", "toy-1.0.tar.gz", sdist("toy-1.0", {"toy/a.bin": CONTENT * 100}))
    with pytest.raises(AssetError, match=f"{len(CONTENT) + 1} bytes found"):
        fetch(asset())
    assert left_over() == []


def test_the_index_digest_is_checked_too(index):
    index.add("toy", "toy-1.0.tar.gz", sdist("toy-1.0", {"toy/a.bin": CONTENT}))
    index.digest["toy-1.0.tar.gz"] = {"sha256": "0" * 64}
    with pytest.raises(AssetError, match="came damaged"):
        fetch(asset())
    assert left_over() == []


def test_an_index_without_digests_will_do(index):
    index.add("toy", "toy-1.0.tar.gz", sdist("toy-1.0", {"toy/a.bin": CONTENT}))
    index.digest["toy-1.0.tar.gz"] = {}
    fetch(asset())
    assert present(asset())


@pytest.mark.parametrize("data", [b"", b"no archive", sdist("toy-1.0", {"toy/a.bin": CONTENT})[:60]])
def test_what_is_no_archive_is_refused(index, data):
    index.add("toy", "toy-1.0.tar.gz", data)
    with pytest.raises(AssetError, match="no archive that can be read"):
        fetch(asset())
    assert left_over() == []


def test_passing_errors_are_outlived(index):
    index.add("toy", "toy-1.0.tar.gz", sdist("toy-1.0", {"toy/a.bin": CONTENT}))
    index.fail, index.cut = 2, 1
    fetch(asset())
    assert present(asset())


def test_lasting_errors_are_told(index, monkeypatch):
    index.fail = 100
    with pytest.raises(AssetError, match=r"503.*bench assets fetch a\.bin"):
        fetch(asset())
    assert len(index.asked) == 4
    index.fail = 0
    with pytest.raises(AssetError, match="not on the package index"):
        fetch(asset())
    index.add("toy", "toy-2.0.tar.gz", b"")
    with pytest.raises(AssetError, match="other versions of toy"):
        fetch(asset())
    monkeypatch.setenv("PIP_INDEX_URL", "http://user:secret@127.0.0.1:9/simple/")
    with pytest.raises(AssetError, match="could not be fetched") as caught:
        fetch(asset())
    assert "secret" not in str(caught.value)


def test_what_came_well_is_kept_when_another_fails(index):
    index.add("toy", "toy-1.0.tar.gz", sdist("toy-1.0", {"toy/a.bin": CONTENT}))
    with pytest.raises(AssetError, match=r"holds no toy/c\.bin"):
        fetch(asset(), asset("c.bin", member="toy/c.bin"))
    assert left_over() == ["a.bin"]


def test_two_can_fetch_at_once(index):
    index.add("toy", "toy-1.0.tar.gz", sdist("toy-1.0", {"toy/a.bin": CONTENT}))
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda _: fetch(asset()), range(4)))
    assert index.asked.count("toy-1.0.tar.gz") == 1
    assert present(asset())


def test_what_a_killed_process_left_is_cleared(index):
    index.add("toy", "toy-1.0.tar.gz", sdist("toy-1.0", {"toy/a.bin": CONTENT}))
    left = assets.cache() / "assets" / ".toy-1.0"
    left.mkdir(parents=True)
    (left / "toy-1.0.tar.gz").write_bytes(b"half")
    fetch(asset())
    assert left_over() == ["a.bin"]


def test_missing_file_is_told_with_all_that_helps(index):
    with pytest.raises(AssetError) as caught:
        locate(asset())
    for word in ("a.bin", "toy 1.0", "toy/a.bin", "bench assets fetch a.bin", str(path(asset()))):
        assert word in str(caught.value)


def test_a_file_put_by_hand_counts_and_a_wrong_one_does_not(index):
    path(asset()).parent.mkdir(parents=True)
    path(asset()).write_bytes(CONTENT)
    assert locate(asset()) == path(asset())
    path(asset()).write_bytes(b"wrong")
    with pytest.raises(AssetError, match="is not the declared file"):
        locate(asset())
    index.add("toy", "toy-1.0.tar.gz", sdist("toy-1.0", {"toy/a.bin": CONTENT}))
    fetch(asset())
    assert path(asset()).read_bytes() == CONTENT


def test_a_cache_that_cannot_be_written_is_told(index, monkeypatch, tmp_path):
    (tmp_path / "file").write_bytes(b"")
    monkeypatch.setenv("TALKBENCH_CACHE", str(tmp_path / "file"))
    with pytest.raises(AssetError, match="TALKBENCH_CACHE"):
        fetch(asset())


def test_index_configured_for_pip_is_used(monkeypatch, tmp_path):
    monkeypatch.delenv("PIP_INDEX_URL", raising=False)
    (tmp_path / "pip.conf").write_text("[global]\nindex-url = http://mirror.invalid/simple\n")
    monkeypatch.setenv("PIP_CONFIG_FILE", str(tmp_path / "pip.conf"))
    assert package_index.configured() == "http://mirror.invalid/simple"
    monkeypatch.setenv("PIP_INDEX_URL", "http://other.invalid/simple")
    assert package_index.configured() == "http://other.invalid/simple"


def test_declared_assets_have_all_that_is_asked():
    found = assets.declared()
    assert {"mall.mp4", "vlog.mp4", "carphone.mp4"} <= set(found)
    for name, one in found.items():
        assert name == one.name == Path(name).name
        assert len(one.sha256) == 64
        assert one.bytes > 0
        assert one.licence
        assert one.what


def test_two_files_of_one_name_are_noticed(monkeypatch):
    from talkbench.core.errors import UsageError

    class First:
        assets = (asset(),)

    class Second:
        assets = (replace(asset(), version="2.0"),)

    monkeypatch.setattr(assets, "SHELVES", ("metrics",))
    monkeypatch.setattr(assets, "plugins", lambda shelf: {"first": None, "second": None})
    monkeypatch.setattr(assets, "load", lambda shelf, name: {"first": First, "second": Second}[name])
    with pytest.raises(UsageError, match=r"a\.bin"):
        assets.declared()
