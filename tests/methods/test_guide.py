"""The page that a newcomer follows: its commands are understood, its YAMLs and CSVs are read."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest
from talkbench.benchmarks.plan import compose_run
from talkbench.command_line import parsed, parser
from talkbench.core.config import compose
from talkbench.core.points import points
from talkbench.core.registry import find
from talkbench.datasets.folder import Folder
from talkbench.methods.external import DECODER_GAPS, ENCODER_GAPS
from talkbench.methods.precomputed import Precomputed
from talkbench.methods.uncompressed import INPUTS

PAGE = find("methods", "external").yaml.with_name("README.md")


def blocks(kind: str) -> list[str]:
    """The page's code blocks of a language, without their indentation."""
    found = re.findall(rf"^( *)```{kind}\n(.*?)^\1```", PAGE.read_text("utf-8"), re.M | re.S)
    return [re.sub(rf"^{indent}", "", body, flags=re.M) for indent, body in found]


def commands() -> list[str]:
    """The page's `bench` commands, in the text too."""
    shown = [line[2:] for block in blocks("console") for line in block.splitlines()]
    spoken = re.findall(r"`(bench \w+ [^`]+ [^`]+)`", PAGE.read_text("utf-8"))
    return [line for line in [*shown, *spoken] if line.startswith("bench ")]


@pytest.fixture
def here(tmp_path, monkeypatch):
    """A folder with the page's YAMLs."""
    for block in blocks("yaml"):
        (tmp_path / block.splitlines()[0].removeprefix("# ")).write_text(block)
    assert {path.name for path in tmp_path.iterdir()} == {"my_codec.yaml", "theirs.yaml", "nvidia.yaml"}
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize("line", commands())
def test_every_command_is_understood(line, here):
    args = parsed(parser(), shlex.split(line)[1:])
    if args.command == "run":
        config = compose_run(args.methods, args.dataset, args.benchmark, args.metrics, args.overrides)
        for name, settings in config["methods"].items():
            assert points(name, settings)[0].build()
    elif args.command in ("encode", "decode"):
        method = args.method
        ((name, settings),) = compose([method], "testcard", "compression", [])["methods"].items()
        assert getattr(args, "point", None) in (None, *(point.name for point in points(name, settings)))
    elif args.command == "data":
        find("datasets", args.dataset)
    else:
        assert args.command in ("doctor", "score", "verify")


def test_there_are_enough_of_them():
    assert len(commands()) >= 12


def test_the_csvs_are_read(tmp_path, write_video):
    crops, sizes = blocks("csv")
    (tmp_path / "team").mkdir()
    for name in ("anna.mp4", "team/ben.mov"):
        write_video(
            tmp_path / name, "-c:v libx264 -pix_fmt yuv420p", width=1280, height=720, frames=None, fps=25
        )
    (tmp_path / "crops.csv").write_text(crops)
    clips = Folder(root=str(tmp_path), csv="crops.csv", size=64).clips()
    assert [(clip.name, clip.identity) for clip in clips] == [("anna", "anna"), ("team/ben", "ben")]
    (tmp_path / "sizes.csv").write_text(sizes)
    rows = Precomputed(root=str(tmp_path), folder=None, streams=None, table="sizes.csv")._rows
    assert rows["anna"].source == 9800
    assert (rows["team/ben"].bytes, rows["team/ben"].source) == (58000, 0)


def test_every_gap_and_form_is_told():
    text = PAGE.read_text("utf-8")
    assert [
        gap for gap in {*ENCODER_GAPS, *DECODER_GAPS} if f"{{{gap}}}" not in text and f"{gap}}}" not in text
    ] == []
    assert [form for form in INPUTS if form not in text] == []


def test_every_example_is_named():
    examples = sorted((PAGE.parent / "examples").glob("*.yaml"))
    assert len(examples) >= 4
    assert [path.name for path in examples if path.name not in PAGE.read_text("utf-8")] == []


def test_links_lead_somewhere():
    links = re.findall(r"\]\(([^)#:]+)\)", PAGE.read_text("utf-8"))
    assert links
    assert [link for link in links if not Path(PAGE.parent, link).exists()] == []
