"""The report as files: all parts there, hostile names harmless, nothing fetched from anywhere."""

import base64
import gzip
import json
import re
import subprocess
import sys
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlparse

import matplotlib
import numpy as np
import pandas as pd
import pytest
from plotly.offline import get_plotlyjs
from talkbench import reports
from talkbench.core.store import read_frames, read_json
from talkbench.reports.aggregate import load
from talkbench.reports.comparison import compare
from talkbench.reports.frame_packs import pack
from talkbench.reports.html import SCRIPTS, write_page
from talkbench.reports.palette import looks
from talkbench.reports.speed import speed_rows

MakeRun = Callable[..., Path]


class Page(HTMLParser):
    """What a browser would make of the page: elements, addresses, the text of scripts, and all other text."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.scripts: list[str] = []
        self.text = ""
        self._inside = ""
        self.feed(path.read_text("utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        self._inside = tag
        if tag == "script":
            self.scripts.append("")

    def handle_endtag(self, tag: str) -> None:
        self._inside = ""

    def handle_data(self, data: str) -> None:
        if self._inside == "script":
            self.scripts[-1] += data
        elif self._inside != "style":
            self.text += data

    @property
    def ids(self) -> list[str]:
        return [attributes["id"] or "" for _, attributes in self.elements if "id" in attributes]

    @property
    def addresses(self) -> list[str]:
        return [
            attributes[name] or ""
            for _, attributes in self.elements
            for name in ("href", "src", "poster", "action", "data")
            if name in attributes
        ]

    @property
    def data(self) -> Any:
        refuse = pytest.fail
        return json.loads(self.scripts[0], parse_constant=lambda name: refuse(f"{name} is no JSON"))


def build_page(run: Path) -> Path:
    """The page alone: plots take seconds."""
    results = load(run)
    return write_page(results, compare(results), [])


def test_page_holds_every_part(make_run: MakeRun) -> None:
    run = make_run()
    path = build_page(run)
    assert path == run / "report" / "index.html"
    page = Page(path)
    sections = [
        "headline",
        "compared",
        "rd",
        "equal",
        "table",
        "bits",
        "speed",
        "clips",
        "viewer",
        "failures",
        "definitions",
        "made",
    ]
    assert [name for name in page.ids if name in sections] == sections
    assert len(page.ids) == len(set(page.ids))
    manifest = read_json(run / "manifest.json")
    for column, about in manifest["metrics"].items():
        assert column in page.text
        assert about["signature"] in page.text
        assert about["definition"] in page.text
    for shown in (
        "bench run --methods h264,h265,ours,freeze --out 'results/a <b>'",
        "a <fast> one",
        "3.11.2",
    ):
        assert shown in page.text
    for accounting in ("motion", "total", "amortised"):
        assert accounting in page.text
    assert "None." in page.text


def test_table_shows_mean_and_interval(make_run: MakeRun) -> None:
    page = Page(build_page(make_run()))
    words = " ".join(page.text.split())
    k20 = page.data["points"].index(next(point for point in page.data["points"] if point["name"] == "k20"))
    found = page.data["aggregates"]["all"]["lpips"][k20]
    places = page.data["metrics"]["lpips"]["decimals"]
    shown = f"{found['mean']:.{places}f} [{found['low']:.{places}f}, {found['high']:.{places}f}]"
    assert shown in words
    assert found["low"] < found["mean"] < found["high"]


def test_one_clip_shows_that_there_is_no_interval(make_run: MakeRun) -> None:
    page = Page(build_page(make_run(clips=("only",))))
    assert all(
        found["low"] is None and found["high"] is None
        for by_point in page.data["aggregates"]["all"].values()
        for found in by_point
    )
    assert not re.search(r"\[[\d.]+, [\d.]+\]", page.text)
    assert "n/a" in page.text


def test_what_has_no_value_is_shown_with_its_reason(make_run: MakeRun) -> None:
    words = " ".join(Page(build_page(make_run())).text.split())
    assert "No value" in words
    assert words.count("it is too small <b>") == 1  # a row for all that have one reason
    assert "No value" not in Page(build_page(make_run(clips=("only",)))).text


def test_hostile_names_stay_text(make_run: MakeRun) -> None:
    run = make_run(failures=True)
    page = Page(build_page(run))
    ours = (run / "report" / "index.html").read_text("utf-8").replace(get_plotlyjs(), "")
    clips = [clip["name"] for clip in read_json(run / "manifest.json")["dataset"]["clips"]]
    assert [clip["name"] for clip in page.data["clips"]] == clips
    assert all(name in page.text for name in clips)
    assert "<script>document" not in ours
    assert not any(tag in ("img", "b") for tag, _ in page.elements)
    assert not any(name.startswith("on") for _, attributes in page.elements for name in attributes)
    assert len(page.scripts) == 1 + len(clips) + 1 + len(SCRIPTS)  # data, values by frame, plotly, our own


def test_page_needs_nothing_but_files_beside_it(make_run: MakeRun) -> None:
    run = make_run(videos=True, pictures=("psnr",))
    path = reports.build(run)
    page = Page(path)
    clips = page.data["clips"]
    named = [clip["video"] for clip in clips] + [video for row in page.data["videos"] for video in row]
    beside = [*page.addresses, *page.data["plots"].values(), *filter(None, named)]
    files = [address for address in beside if not address.startswith(("#", "data:,"))]
    assert len(files) >= 1 + 2 * 2 + 3 * 3
    for address in files:
        parts = urlparse(address)
        assert (parts.scheme, parts.netloc) == ("", "")
        assert (path.parent / unquote(parts.path)).is_file(), address
        assert ".." not in parts.path
    style = re.findall(r"<style>.*?</style>", path.read_text("utf-8"), re.DOTALL)[0]
    assert "url(" not in style
    assert "@import" not in style


def test_videos_that_are_not_there_are_not_named(make_run: MakeRun) -> None:
    page = Page(build_page(make_run()))
    assert all(clip["video"] is None for clip in page.data["clips"])
    assert all(video is None for row in page.data["videos"] for video in row)


def test_failures_are_shown_and_counted(make_run: MakeRun) -> None:
    page = Page(build_page(make_run(failures=True)))
    assert "CodecError: ffmpeg ended with code 1: <img src=x onerror=alert(1)>" in page.text
    assert "2 of 3 clips" in page.text
    assert "Failures (1)" in page.text


def unpacked(packet: str) -> dict[str, dict[str, np.ndarray]]:
    """A packet's columns by point and name, read as frame_packs says that they are written."""
    header, planes = gzip.decompress(base64.b64decode(packet)).split(b"\n", 1)
    named = json.loads(header)
    bytes_of = np.frombuffer(planes, np.uint8).reshape(4, -1).T
    columns = np.ascontiguousarray(bytes_of).view("<f4").reshape(sum(map(len, named.values())), -1)
    rest = iter(columns)
    return {point: {name: next(rest) for name in names} for point, names in named.items()}


def test_values_by_frame_are_embedded(make_run: MakeRun) -> None:
    run = make_run()
    page = Page(build_page(run))
    results = load(run)
    packets = page.scripts[1:4]
    assert not (run / "report" / "data").exists()
    for clip, packet in zip(results.clips, packets, strict=True):
        found = unpacked(packet)
        assert len(found) == len(results.points)
        for number, point in enumerate(results.points):
            stored = read_frames(run, results.units[point, clip]["key"])
            own = found[str(number)]
            assert set(own) == set(stored) - {"frame"}
            for name, values in own.items():
                np.testing.assert_allclose(values, stored[name], rtol=2e-4)
    assert "vmaf" not in unpacked(packets[2])["0"]  # does not apply to the third clip


def test_many_values_by_frame_lie_beside_the_page(make_run: MakeRun, monkeypatch: pytest.MonkeyPatch) -> None:
    run = make_run()
    inside = Page(build_page(run)).scripts[1:4]
    monkeypatch.setattr("talkbench.reports.frame_packs.INSIDE", 100)
    assert not set(inside) & set(Page(build_page(run)).scripts)
    for number, packet in enumerate(inside):
        text = (run / "report" / "data" / f"{number}.js").read_text()
        assert text == f'frameValues.put({number},"{packet}")\n'
    monkeypatch.undo()
    build_page(run)
    assert not (run / "report" / "data").exists()


def test_packed_values_keep_four_digits() -> None:
    values = np.array([0, -1.23456789, 3.3e-7, 9e7, np.nan, np.inf, -np.inf], np.float32)
    found = unpacked(pack({3: {"psnr": values}}))["3"]["psnr"]
    np.testing.assert_allclose(found, values, rtol=2**-13)


def test_bytes_by_kind_and_time_of_each_point(make_run: MakeRun) -> None:
    run = make_run(failures=True)
    page = Page(build_page(run))
    assert page.data["bytes"]["kinds"] == ["header", "source", "motion", "residual", "refresh"]
    assert page.data["bytes"]["of"][0][0] == [40, 3000, 960, 0, 0]
    assert [k for k, row in enumerate(page.data["bytes"]["of"]) if row[1] is None] == [9]
    assert page.data["failed"] == [[9, 1]]
    rows = speed_rows(load(run))
    assert (rows[0].encode_ms, rows[0].decode_ms) == pytest.approx((1000 / 48, 500 / 48))
    assert (rows[0].parameters, rows[0].macs) == (None, None)
    assert [row.clips for row in rows] == [3] * 9 + [2] + [3] * 4


def test_a_run_that_codes_nothing_speaks_of_no_rates(make_run: MakeRun) -> None:
    run = make_run()
    for file in (run / "units").glob("*.json"):
        unit = json.loads(file.read_text("utf-8"))
        unit.update(timing={"make_seconds": 1.0}, stream=None)
        file.write_text(json.dumps(unit), "utf-8")
    scores = pd.read_parquet(run / "scores.parquet")
    scores[~scores.metric.str.contains("motion|total|amortised")].to_parquet(run / "scores.parquet")
    assert speed_rows(load(run)) == []
    words = Page(build_page(run)).text
    for absent in ("Speed and size", "The three accountings", "At equal quality"):
        assert absent not in words
    assert "Intervals" in words


def test_a_run_in_which_all_failed_still_reports(make_run: MakeRun) -> None:
    run = make_run(failures=True)
    for unit in (run / "units").iterdir():
        unit.unlink()
    pd.read_parquet(run / "scores.parquet").head(0).to_parquet(run / "scores.parquet")
    manifest = read_json(run / "manifest.json")
    for clip in manifest["dataset"]["clips"]:
        clip.update(frames=None, sha256=None)
    (run / "manifest.json").write_text(json.dumps(manifest), "utf-8")
    page = Page(build_page(run))
    assert "0 of 42 units finished" in page.text
    assert "CodecError" in page.text


def test_plots_for_print(make_run: MakeRun) -> None:
    pictures = ("lpips", "psnr")
    run = make_run(failures=True, pictures=pictures)
    reports.build(run)
    folder = run / "report" / "plots"
    expected = {
        f"rd_{name}_{kind}{end}"
        for name in pictures
        for kind in ("motion", "total")
        for end in (".svg", ".pdf")
    }
    assert {path.name for path in folder.iterdir() if path.name.startswith("rd_")} == expected
    assert (folder / "rd_lpips_total.pdf").read_bytes().startswith(b"%PDF")
    first = (folder / "rd_lpips_motion.svg").read_bytes()
    assert b"<svg" in first
    reports.build(run)
    assert (folder / "rd_lpips_motion.svg").read_bytes() == first


def test_forty_methods_look_different() -> None:
    found = [(look.colour, look.marker, look.symbol) for look in looks([f"m{k}" for k in range(40)]).values()]
    assert len(set(found)) == 40
    assert len({colour for colour, _, _ in found[:8]}) == 8


def test_plots_leave_matplotlib_as_it_was(make_run: MakeRun) -> None:
    before = dict(matplotlib.rcParams)
    reports.build(make_run(pictures=("psnr",)))
    assert dict(matplotlib.rcParams) == before


def test_report_sees_the_store_and_no_other_shelf(make_run: MakeRun) -> None:
    code = (
        "import sys, pathlib, talkbench.reports as r; r.build(pathlib.Path(sys.argv[1]));"
        "print([m for m in sys.modules if m == 'torch' or m.startswith(tuple("
        "f'talkbench.{s}' for s in ('methods', 'metrics', 'datasets', 'benchmarks')))])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, make_run(pictures=("psnr",))], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"
