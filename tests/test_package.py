"""The package as it is installed: nothing forgotten, floors kept, the README true."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
SHELVES = ("core", "datasets", "methods", "metrics", "benchmarks", "reports")
SHIPPED = (".py", ".yaml", ".html", ".css", ".js", ".safetensors", ".npz", ".md")


@pytest.mark.slow
def test_the_wheel_holds_every_file_of_the_shelves(tmp_path: Path) -> None:
    source = tmp_path / "source"
    skip = shutil.ignore_patterns(".*", "__pycache__", "*.egg-info", "results", "build", "tests")
    shutil.copytree(ROOT, source, ignore=skip)
    command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation"]
    subprocess.run([*command, "--wheel-dir", str(tmp_path), str(source)], check=True, capture_output=True)
    (wheel,) = tmp_path.glob("*.whl")
    held = {name for name in zipfile.ZipFile(wheel).namelist() if name.startswith("talkbench/")}
    files = [path for shelf in SHELVES for path in (ROOT / shelf).rglob("*") if path.suffix in SHIPPED]
    files += [path for path in ROOT.iterdir() if path.suffix in (".py", ".yaml")]
    expected = {f"talkbench/{path.relative_to(ROOT).as_posix()}" for path in files}
    assert held == expected


def test_every_plugin_has_a_module_and_settings_of_one_stem() -> None:
    for shelf in ("methods", "metrics", "datasets", "benchmarks"):
        for settings in (ROOT / shelf).glob("*.yaml"):
            assert settings.with_suffix(".py").is_file(), settings


def blocks(kind: str) -> list[str]:
    """The README's code blocks of a language, without their indentation."""
    found = re.findall(rf"^( *)```{kind}\n(.*?)^\1```", (ROOT / "README.md").read_text(), re.M | re.S)
    return [re.sub(rf"^{indent}", "", body, flags=re.M) for indent, body in found]


def commands() -> list[str]:
    """The README's command lines, in order."""
    return [line[2:] for block in blocks("console") for line in block.splitlines() if line.startswith("$ ")]


def run(command: str, folder: Path, **env: str) -> None:
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        shlex.split(command),
        cwd=folder,
        capture_output=True,
        text=True,
        env={**os.environ, "PATH": path, **env},
    )
    assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"


@pytest.mark.slow
def test_the_readme_s_method_in_four_steps(tmp_path: Path) -> None:
    for block in [*blocks("python"), *blocks("yaml"), *blocks("toml")]:
        name = block.splitlines()[0].removeprefix("# ")
        (tmp_path / name).write_text(block)
    assert {path.name for path in tmp_path.iterdir()} == {"thumbs.py", "thumbs.yaml", "pyproject.toml"}
    install, use = (line for line in commands() if line.startswith("pip") or "thumbs" in line)
    site = tmp_path / "site"
    # As written, but into a folder of its own and with the setuptools that is here.
    run(f"{install} --quiet --no-deps --no-build-isolation --target {site}", tmp_path)
    (tmp_path / "sitecustomize.py").write_text(f"import site\nsite.addsitedir({str(site)!r})\n")
    run(use, tmp_path, PYTHONPATH=f"{tmp_path}")
    scores = (tmp_path / "results" / "thumbs" / "scores.csv").read_text()
    assert "thumbs,step4" in scores
    assert "h264,crf" in scores


@pytest.mark.slow
@pytest.mark.network
def test_the_readme_s_commands_run_as_written(tmp_path: Path) -> None:
    plain = [line for line in commands() if line.startswith("bench") and "thumbs" not in line]
    assert len(plain) >= 7
    for line in plain:
        run(line, tmp_path)


def test_no_module_is_too_long_to_read() -> None:
    long = {
        path.relative_to(ROOT).as_posix(): lines
        for shelf in SHELVES
        for path in (ROOT / shelf).rglob("*.py")
        if (lines := len(path.read_text().splitlines())) > 400
    }
    assert long == {}
