"""A plugin from outside the tree, whose methods misbehave, and a small run."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import pytest

ODD_METHODS = '''
import os
import sys
import time

import numpy as np
from talkbench.core.bitstream import Header, Kind, pack, unpack
from talkbench.core.errors import CodecError
from talkbench.core.method import Method


class Odd(Method):
    """A method that goes wrong in a chosen way."""

    name = "odd"

    def __init__(self, way):
        self.way = way

    def describe(self):
        return {"way": self.way}

    def encode(self, clip):
        if self.way == "encode-refuses":
            raise CodecError("it does not want to")
        if self.way == "encode-crashes":
            os._exit(9)
        if self.way == "encode-raises":
            raise ZeroDivisionError("one by nought")
        frames = sum(len(block) for block in clip.frames())
        return pack(Header("odd", clip.width, clip.height, clip.fps, frames), [(Kind.SOURCE, b"x")])

    def decode(self, stream):
        header = unpack(stream).header
        shape = (header.frames, header.height, header.width, 3)
        if self.way == "prints":
            print("hello" * 1000)
            sys.stdout.flush()
            os.write(1, b"and hello")
        if self.way == "decode-crashes":
            os._exit(7)
        if self.way == "decode-raises":
            raise KeyError("lost")
        if self.way == "hangs":
            time.sleep(1000)
        if self.way == "too-few":
            shape = (shape[0] - 1, *shape[1:])
        if self.way == "endless":
            while True:
                yield np.zeros(shape, np.uint8)
        if self.way == "wrong-size":
            shape = (shape[0], shape[1] + 2, *shape[2:])
        if self.way == "peeks":
            assert os.listdir(".") == [], os.listdir(".")
        yield np.zeros(shape, np.uint8)
'''


MOVER = '''
import numpy as np
from talkbench.core.method import Animator


class Mover(Animator):
    """Adds the driving clip's mean brightness to a picture: motion that can be worked out by hand."""

    name = "mover"

    def __init__(self, way):
        self.way = way

    def describe(self):
        return {"way": self.way}

    def encode(self, clip):
        raise AssertionError("nothing is to be coded")

    decode = encode

    def animate(self, source, driving, relative=False):
        first = None
        for block in driving.frames():
            means = block.mean((1, 2, 3))
            first = means[0] if first is None else first
            shift = means - (first if relative else source.mean())
            yield np.clip(source[None] + shift[:, None, None, None], 0, 255).round().astype(np.uint8)
'''


def method_package(folder: Path, name: str, source: str) -> Path:
    """A folder that, on the module path, installs the method of the class that is `name`, capitalised."""
    (folder / f"{name}_codec.py").write_text(source)
    (folder / f"{name}.yaml").write_text(f"{name}:\n  sweep: way\n  way: [well]\n")
    info = folder / f"{name}_codec-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}-codec\nVersion: 1.0\n")
    entry = f"{name} = {name}_codec:{name.capitalize()}"
    (info / "entry_points.txt").write_text(f"[talkbench.methods]\n{entry}\n")
    return folder


@contextmanager
def installed(package: Path) -> Iterator[None]:
    """What a package brings is there, in this process and in its children."""
    from talkbench.core.registry import plugins

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", str(package))
        patch.syspath_prepend(str(package))
        plugins.cache_clear()
        yield
    plugins.cache_clear()


@pytest.fixture(scope="session")
def package(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str, str], Path]:
    """Make the package of a method of that name and source."""
    return lambda name, source: method_package(tmp_path_factory.mktemp(name), name, source)


@pytest.fixture(scope="session")
def install() -> Callable[[Path], AbstractContextManager[None]]:
    """Install a package for a while."""
    return installed


@pytest.fixture
def odd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """The method `odd` is installed, in this process and in its children."""
    with installed(method_package(tmp_path_factory.mktemp("odd"), "odd", ODD_METHODS)):
        yield


@pytest.fixture(scope="session")
def mover_plugin(package: Callable[[str, str], Path]) -> Path:
    """A folder that, on the module path, installs the method `mover`."""
    return package("mover", MOVER)


@pytest.fixture
def mover(install: Callable[[Path], AbstractContextManager[None]], mover_plugin: Path) -> Iterator[None]:
    """The method `mover` is installed, in this process and in its children."""
    with install(mover_plugin):
        yield


Bench = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture(scope="session")
def bench() -> Bench:
    """Runs the command in a process of its own, as a user would."""

    def call(*arguments: object, **env: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "talkbench", *map(str, arguments)],
            capture_output=True,
            text=True,
            env={**os.environ, **env},
            timeout=600,
        )

    return call


SMALL = ("--dataset", "testcard", "data.clips=2", "--frames", "6", "--size", "64", "run.workers=1")


@pytest.fixture(scope="session")
def small_run(bench: Bench, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished run: two methods, two points each, two tiny clips."""
    out = tmp_path_factory.mktemp("runs") / "small"
    done = bench(
        "run", "--methods", "h264,freeze", *SMALL, "--metrics", "psnr,bpp", "--out", out,
        "methods.h264.crf=[24,40]",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return out


@pytest.fixture(scope="session")
def in_order() -> Callable[[Path], bool]:
    """No scratch and nothing half written lies in a run's folder."""

    def look(folder: Path) -> bool:
        return not (folder / ".scratch").exists() and not list(folder.rglob(".unfinished-*"))

    return look


@pytest.fixture(scope="session")
def one_line() -> Callable[[subprocess.CompletedProcess[str]], str]:
    """The only line of a command that was refused."""

    def look(done: subprocess.CompletedProcess[str]) -> str:
        assert done.returncode == 2, done.stdout + done.stderr
        assert len(done.stderr.splitlines()) == 1, done.stderr
        return done.stderr

    return look
