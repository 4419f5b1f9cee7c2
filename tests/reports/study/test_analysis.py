"""From result files to what they say: simulated voters with known preferences, and hostile names."""

from __future__ import annotations

import csv
import json
import math
import random
import re
from collections.abc import Callable
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from talkbench.cli import main
from talkbench.core.errors import StoreError, UsageError
from talkbench.reports import build
from talkbench.reports.aggregate import load
from talkbench.reports.comparison import compare
from talkbench.reports.html import write_page
from talkbench.reports.study.account import accounts, write_account
from talkbench.reports.study.analysis import Analysis, analyse, evaluate
from talkbench.reports.study.findings import findings, notes
from talkbench.reports.study.manifest import Question, Shown, write_study
from talkbench.reports.study.selection import ORIGINAL, Asked
from talkbench.reports.study.votes import read_votes
from talkbench.reports.wording import digits

OURS, FOMM = ("ours", "adaptive"), ("fomm", "fp16")
CRFS = (26, 31, 36, 41, 46)
TRUTH = 35.0
"""CRF of h264 that is as good as ours."""
OWN = 0.01
"""Bits a pixel of ours."""


def rate(crf: float) -> float:
    """Bits a pixel of h264: half with each six of its CRF."""
    return 0.2 * 2 ** ((26 - crf) / 6)


def quality(shown: Shown) -> float:
    """What people see, in log-odds."""
    if shown.point.startswith("crf"):
        return 0.2 * (TRUTH - float(shown.point[3:]))
    return {"ours": 0.0, "fomm": -0.1, "reference": 5.0}[shown.method]


class Voter:
    """Chooses by quality, and by what a clip does to the block codec."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)
        self._of_clip: dict[str, float] = {}

    def __call__(self, question: Question) -> str:
        if question.winner:
            return question.winner
        ahead = quality(question.left) - quality(question.right)
        offset = self._of_clip.setdefault(question.clip, self._random.gauss(0, 0.5))
        ahead += offset * ((question.left.method == "h264") - (question.right.method == "h264"))
        return "left" if self._random.random() < 1 / (1 + math.exp(-ahead)) else "right"


def results_of(made: Any, clips: int) -> Any:
    """A run whose rates are known in closed form; clips cost 1, 2, 3, … times as much."""
    by = [1.0 + k for k in range(clips)]

    def column(value: float) -> list[float]:
        return [value * times for times in by]

    def point(psnr: float, motion: float, total: float) -> tuple[list[float], list[float], list[float]]:
        return column(psnr), column(motion), column(total)

    return made(
        {
            "ours": {"adaptive": point(30, OWN, 2 * OWN)},
            "fomm": {"fp16": point(29, OWN, OWN)},
            "h264": {f"crf{crf}": point(60 - crf, 0.8 * rate(crf), rate(crf)) for crf in (*CRFS, 51)},
        }
    )


def asked_of(clips: int) -> list[Asked]:
    sweep = [("h264", f"crf{crf}") for crf in CRFS]
    return [Asked(f"clip {k}", OURS, other) for k in range(clips) for other in (*sweep, FOMM)]


def simulated(votes: Any, results: Any, voters: int = 3, bad: int = 0) -> Analysis:
    """An analysis of as many honest voters of each HIT, and others who always choose the left."""
    voter = Voter(2)
    rows = [row for number in range(voters) for row in votes.by(f"A{number}", voter)]
    rows += [row for number in range(bad) for row in votes.by(f"B{number}", lambda _: "left")]
    return evaluate(results, votes.study, read_votes(votes.study, [votes.write(rows)]))


def test_known_preferences_are_recovered(lay_out_votes: Any, made: Any) -> None:
    results = results_of(made, 40)
    found = simulated(lay_out_votes("pair", asked_of(40)), results)
    assert len(found.votes) == 40 * 6 * 3
    assert [one.pair[1] for one in found.preferences] == [FOMM, *(("h264", f"crf{crf}") for crf in CRFS)]
    assert all(one.votes == 120 for one in found.preferences)
    (crossed,) = found.crossed
    assert (crossed.point, crossed.codec, crossed.setting) == (OURS, "h264", "crf")
    at = crossed.found.at
    assert at.low is not None
    assert at.high is not None
    assert at.low < TRUTH < at.high < at.low + 5
    scores = {one.point: one.score.mean for one in found.strengths}
    assert scores[OURS] - scores["h264", "crf46"] == pytest.approx(0.2 * (46 - TRUTH), abs=0.6)
    assert found.strengths[0].point == ("h264", "crf26")
    (choices,) = found.agreements
    assert choices.questions == 240
    assert 0.05 < choices.alpha.mean < 0.5


def test_bandwidth_is_that_of_the_rates_at_the_crossing(lay_out_votes: Any, made: Any) -> None:
    """All clips' rates are proportional, so that only the crossing is uncertain."""
    (crossed,) = simulated(lay_out_votes("pair", asked_of(12)), results_of(made, 12)).crossed
    at = crossed.found.at
    assert at.low is not None
    assert at.high is not None
    found = {one.pairing: one for one in crossed.bandwidths}
    for pairing, own, share in (("motion", OWN, 0.8), ("total", 2 * OWN, 1), ("as published", OWN, 1)):
        ratio = found[pairing].ratio
        expected = [share * rate(crf) / own for crf in (at.mean, at.high, at.low)]
        assert [ratio.mean, ratio.low, ratio.high] == pytest.approx(expected)
        assert (found[pairing].bound, ratio.clips) == ("", 12)


@pytest.mark.parametrize(
    ("shift", "bound", "words"),
    [
        (30, "at least", "prefer ours (adaptive) to h264 even at CRF 26"),
        (-30, "at most", "prefer h264 even at CRF 46"),
    ],
)
def test_votes_that_do_not_cross_give_a_bound(
    lay_out_votes: Any,
    made: Any,
    monkeypatch: pytest.MonkeyPatch,
    shift: float,
    bound: str,
    words: str,
) -> None:
    monkeypatch.setitem(globals(), "TRUTH", TRUTH - shift)
    analysis = simulated(lay_out_votes("pair", asked_of(12)), results_of(made, 12))
    (crossed,) = analysis.crossed
    assert crossed.found.at.mean == (-math.inf if bound == "at least" else math.inf)
    total = next(one for one in crossed.bandwidths if one.pairing == "total")
    end = rate(26) if bound == "at least" else rate(46)
    assert (total.bound, total.ratio.mean) == (bound, pytest.approx(end / (2 * OWN)))
    said = findings(analysis)[0]
    assert words in said
    assert f"{bound} {digits(end / (2 * OWN))}× (total)" in said


def test_bad_voters_are_excluded_and_the_difference_shown(lay_out_votes: Any, made: Any) -> None:
    found = simulated(lay_out_votes("pair", asked_of(12)), results_of(made, 12), bad=2)
    broken = [worker.broken for worker in found.workers.values()]
    assert broken[:3] == [()] * 3
    assert all("side" in rules for rules in broken[3:])
    best = found.preferences[-1]
    assert best.pair == (OURS, ("h264", "crf46"))
    assert best.votes == 36
    assert found.unfiltered[best.pair] < best.share.mean  # two of five chose by the side alone
    assert any("2 workers (side)" in note for note in notes(found))


def test_sentences_hold_in_both_directions(lay_out_votes: Any, made: Any) -> None:
    analysis = simulated(lay_out_votes("pair", asked_of(40)), results_of(made, 40))
    said = findings(analysis)
    assert said[0].startswith("ours (adaptive) and h264 at CRF 3")
    assert re.search(
        r"There h264 needs [\d.]+× \[.*?\] the bits of ours \(adaptive\) \(as published\); ", said[0]
    )
    assert said[1].startswith("Votes cannot tell ours (adaptive) from fomm (fp16): ")
    assert said[2].startswith("Votes cannot tell ours (adaptive) from h264 at crf36 (120 votes each)")


def test_nobody_is_left(lay_out_votes: Any, made: Any) -> None:
    found = simulated(lay_out_votes("pair", asked_of(12)), results_of(made, 12), voters=0, bad=2)
    assert findings(found) == ["No vote counts: 2 workers voted, and all are excluded."]
    assert found.preferences == ()


# The whole way, from files to files.

HOSTILE = "=HYPERLINK(1)<script>alert(1)</script>"


def units_of(run: Path) -> dict[tuple[str, str, str], str]:
    units = json.loads((run / "manifest.json").read_text())["units"]
    return {(unit["method"], unit["point"], unit["clip"]): unit["key"] for unit in units}


@pytest.fixture
def study_of_a_run(make_run: Callable[..., Path], lay_out_votes: Any) -> tuple[Path, Any]:
    """A run with a study of hostile names, and its votes."""
    run = make_run(clips=(HOSTILE, "-two"), pictures=("lpips",), methods=("h264", "ours", "freeze"))
    points = [("h264", "crf30"), ("h264", "crf44"), ("freeze", "default")]
    asked = [Asked(clip, ("ours", "k20"), point) for clip in (HOSTILE, "-two") for point in points]
    votes = lay_out_votes("pair", asked, units_of(run))
    votes.study = replace(votes.study, pairs=(HOSTILE,))
    write_study(run / "study", votes.study)
    return run, votes


def some_votes(votes: Any) -> Path:
    """By six workers at random, and a row that does not count."""
    rng = random.Random(0)
    rows = [
        row
        for number in range(6)
        for row in votes.by(
            f"AMTURK{number}", lambda question: question.winner or rng.choice(["left", "right"])
        )
    ]
    rows.append(
        votes.row(next(iter(votes.study.hits)), "A1", AssignmentStatus="<img src=x onerror=alert(1)>")
    )
    path: Path = votes.write(rows, "=1+1.csv")
    return path


def written(run: Path, votes: Any) -> None:
    """What `analyse` does but for the report."""
    results, folder = load(run), run / "study"
    write_account(
        results, folder, evaluate(results, votes.study, read_votes(votes.study, [some_votes(votes)]))
    )


def test_files_hold_no_formula_and_no_workers_id(study_of_a_run: tuple[Path, Any]) -> None:
    run, votes = study_of_a_run
    written(run, votes)
    out = run / "report" / "study"
    names = {path.name for path in out.iterdir()}
    tables = {"crossing", "preference", "scores", "agreement", "workers", "left_out", "answers"}
    drawn = {f"{stem}.{ending}" for stem in ("votes_h264", "scores") for ending in ("svg", "pdf")}
    assert names == {f"{table}.csv" for table in tables} | drawn | {"summary.md"}
    cells = set()
    for path in (*out.glob("*.csv"), run / "study" / "worker_ids.csv"):
        with path.open(newline="") as file:
            cells |= {cell for row in csv.reader(file) for cell in row}
    assert {f"'{HOSTILE}", "'-two", "'=1+1.csv"} <= cells
    for cell in cells:
        assert not cell.startswith(("=", "+", "-", "@", "\t", "\r")) or not math.isnan(float(cell))
    for path in (*out.iterdir(), run / "study" / "analysis.json"):
        assert b"AMTURK" not in path.read_bytes()
    with (run / "study" / "worker_ids.csv").open(newline="") as file:
        ids = {row["worker"]: row["id"] for row in csv.DictReader(file)}
    assert ids == {f"w{number + 1}": f"AMTURK{number}" for number in range(6)}
    assert "<script" not in (out / "summary.md").read_text()


class _Tags(HTMLParser):
    """The tags of a page, with their attributes."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))


def test_page_shows_the_votes_and_takes_nothing_from_outside_for_markup(
    study_of_a_run: tuple[Path, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    run, votes = study_of_a_run
    assert 'id="votes"' not in build(run).read_text()
    assert main(["study", "analyse", str(run), str(some_votes(votes))]) == 0
    assert capsys.readouterr().out == f"report: {run / 'report' / 'index.html'}\n"
    text = (run / "report" / "index.html").read_text()
    section = text[text.index('<section class="votes" id="votes">') :]
    section = section[: section.index("</section>")]
    tags = _Tags()
    tags.feed(section)
    assert not {"script", "iframe"} & {tag for tag, _ in tags.found}
    assert not any(name.startswith("on") for _, attributes in tags.found for name in attributes)
    images = [attributes["src"] or "" for tag, attributes in tags.found if tag == "img"]
    assert len(images) == 2
    assert all(image.startswith("data:image/svg+xml;base64,") for image in images)
    links = [attributes["href"] or "" for tag, attributes in tags.found if tag == "a"]
    assert len(links) == 10
    assert all((run / "report" / link).is_file() for link in links)
    assert '<a href="#votes">' in text
    assert "&lt;script&gt;alert(1)" in section
    assert "Votes cannot tell" in section


@pytest.mark.slow
def test_votes_in_a_browser(study_of_a_run: tuple[Path, Any], browser: Any) -> None:
    """Figures are drawn, nothing complains, and a phone shows all of it without scrolling sideways."""
    run, votes = study_of_a_run
    written(run, votes)
    results = load(run)
    screen = {"width": 390, "height": 844, "deviceScaleFactor": 1, "mobile": True}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", screen)  # the fixture takes it back
    browser.get(write_page(results, compare(results), []).as_uri())
    images = "return [...document.querySelectorAll('.votes img')].map(image => image.naturalWidth)"
    widths = browser.execute_script(images)
    assert len(widths) == 2
    assert min(widths) > 100
    browser.execute_script("document.querySelectorAll('.votes details').forEach(one => one.open = true)")
    wide = "const all = document.getElementById('votes'); return all.scrollWidth - all.clientWidth"
    assert browser.execute_script(wide) <= 0
    assert browser.get_log("browser") == []


def test_ratings_go_the_whole_way(make_run: Callable[..., Path], lay_out_votes: Any) -> None:
    run = make_run(clips=("a", "b", "c"), pictures=("lpips",), methods=("h264", "ours", "freeze"))
    points = [("ours", "k20"), ("h264", "crf44"), ("freeze", "default")]
    votes = lay_out_votes("rating", [Asked(clip, ORIGINAL, point) for clip in "abc" for point in points])
    scores = {"ours": 4, "h264": 3, "freeze": 3, "reference": 5}
    rng = random.Random(0)

    def rated(question: Question) -> str:
        return str(min(5, max(1, scores[question.right.method] + rng.choice([0, 0, 0, 0, -1]))))

    path = votes.write([row for number in range(5) for row in votes.by(f"A{number}", rated)])
    results = load(run)
    write_account(results, run / "ratings", evaluate(results, votes.study, read_votes(votes.study, [path])))
    (account,) = accounts(run)
    assert account.findings[0].startswith("Head pose: ours (k20) is rated highest, 3.")
    assert [table.name for table in account.tables] == ["opinions", "agreement", "workers"]
    assert [figure.name for figure in account.figures] == ["opinions_head_pose", "opinions_identity"]
    assert len(list(account.images(run))) == 2


def test_what_does_not_fit_is_refused(study_of_a_run: tuple[Path, Any]) -> None:
    run, votes = study_of_a_run
    with pytest.raises(StoreError, match="holds no study"):
        analyse(run, [votes.write(votes.by("A1"))], "study-other")
    rows = votes.by("A1", Input__hit="of another study")
    with pytest.raises(UsageError, match=r"no votes of .* in 1 rows \(1 its HIT is not of this study\)"):
        analyse(run, [votes.write(rows)])
    unit = run / "units" / f"{units_of(run)['ours', 'k20', '-two']}.json"
    unit.write_text(unit.read_text().replace('"decoded_sha256": "', '"decoded_sha256": "0'))
    with pytest.raises(StoreError, match="shows 1 videos that are not this run's"):
        analyse(run, [votes.write(votes.by("A1"))])
    written(run, votes)
    path = run / "study" / "analysis.json"
    path.write_text(path.read_text().replace('"heads"', '"hats"'))
    with pytest.raises(StoreError, match="repeat `bench study analyse`"):
        accounts(run)
