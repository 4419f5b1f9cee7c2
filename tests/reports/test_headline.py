"""What a report says first: true in both directions, and silent where there is nothing to say."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from talkbench import reports
from talkbench.reports.aggregate import Results, load
from talkbench.reports.comparison import compare
from talkbench.reports.headline import headline
from talkbench.reports.html import write_page

MakeRun = Callable[..., Path]


def said(results: Results) -> str:
    return "\n".join(headline(results, compare(results)))


def scaled(results: Results, rate: float, lpips: float = 1.0) -> Results:
    """The same results with other rates and LPIPS of `ours`."""
    values = {
        metric: {
            point: {
                clip: value
                * (rate if metric.startswith("bpp") else lpips if metric == "lpips" else 1)
                ** (point[0] == "ours")
                for clip, value in by_clip.items()
            }
            for point, by_clip in by_point.items()
        }
        for metric, by_point in results.values.items()
    }
    return replace(results, values=values)


@pytest.fixture
def results(make_run: MakeRun) -> Results:
    return load(make_run(pictures=("lpips", "psnr")))


def test_it_says_how_many_bits_under_each_accounting(results: Results) -> None:
    motion = compare(results).by_case["lpips", "all", ("ours", "k20"), "h264", "motion"].ratio
    text = said(results)
    assert motion.low is not None
    assert motion.high is not None
    assert "At equal LPIPS, ours (k20), of its 3 points the one that does best (total), needs" in text
    assert (
        f" {motion.mean:.1f}× [{motion.low:.2f}, {motion.high:.1f}] fewer bits than h264 (medium; low delay)"
        in text
    )
    assert "with them (total, clips of 1.92 s)" in text
    assert "over a call of 10 s (amortised). Geometric means over clips. All 3 clips count." in text
    crf = compare(results).matching_by_case["lpips", "all", ("ours", "k20"), "h264"].at
    assert f"Its mean LPIPS is that of h264 at crf {crf.mean:.1f} [{crf.low:.1f}, {crf.high:.1f}]" in text
    assert "better on 3 of 3 clips (p = 1, so no difference is shown)." in text
    assert "Hardest to beat here is h265" in text
    assert "freeze, which sends no motion at all," in text


def test_it_says_which_codecs_are_not_for_calls(results: Results) -> None:
    assert "not for calls" not in said(results)
    methods = dict(results.manifest["methods"])
    methods["ours"] = {
        point: {**entry, "describe": {**entry["describe"], "structure": "whole clip: all is seen first"}}
        for point, entry in methods["ours"].items()
    }
    ahead = replace(results, manifest={**results.manifest, "methods": methods})
    assert "ours is for files, not for calls (whole clip: all is seen first)." in said(ahead)


def test_it_says_when_more_bits_are_needed_or_no_difference_is_shown(results: Results) -> None:
    found = compare(results).by_case["lpips", "all", ("ours", "k20"), "h264", "motion"].ratio
    assert "fewer" not in said(scaled(results, 20))
    assert "Its mean LPIPS is worse than h264's at every crf run." in said(scaled(results, 1, 10))
    assert f"needs {20 / found.mean:.1f}×" in said(scaled(results, 20))
    assert "bits, so no difference is shown" not in said(results)
    assert "bits, so no difference is shown" in said(scaled(results, found.mean))


def test_clips_beyond_the_curve_are_said(results: Results) -> None:
    text = said(scaled(results, 1, 2.5))
    assert "1 of 3 clips count; on 2 it is worse than h264 at its lowest rate." in text
    assert "With these at h264's lowest rate, the ratio of totals is at most" in text
    text = said(scaled(results, 1, 10))
    assert (
        "cannot be held against h264 at equal LPIPS: on 3 it is worse than h264 at its lowest rate (the "
        in text
    )


def test_still_and_moving_clips_are_apart(results: Results) -> None:
    freeze = {("freeze", "default"): dict(zip(results.clips, (0.05, 0.2, 0.3), strict=True))}
    lpips = {**results.values["lpips"], **freeze}
    text = said(replace(results, values={**results.values, "lpips": lpips}))
    assert "On the 2 moving clips (LPIPS of freeze at least 0.1)" in text
    assert "On the 1 still clip (LPIPS of freeze below 0.1; here any codec wins by sending nothing)" in text
    assert "moving clip" not in said(results)


def test_without_block_codecs_it_says_what_is_gained_over_the_others(make_run: MakeRun) -> None:
    results = load(make_run(methods=("ours", "freeze"), pictures=("psnr",)))
    mean = {point: found.mean for point, found in results.aggregates["psnr"].items()}
    best = max(mean[point] for point in mean if point[0] == "ours")
    assert said(results) == (
        f"Mean psnr (higher is better): ours (k20) {best:.3g}; against freeze "
        f"{mean['freeze', 'default']:.3g}; better on 3 of 3 clips (p = 1, so no difference is shown). "
        "Wilcoxon's test, adjusted by Holm over all pairs of points."
    )


def test_one_clip_has_no_interval(make_run: MakeRun) -> None:
    text = said(load(make_run(clips=("only",), pictures=("lpips",))))
    assert "(one clip, no interval)" in text
    assert "[" not in text


def test_block_codecs_alone_get_their_bd_rates(make_run: MakeRun) -> None:
    text = said(load(make_run(methods=("h264", "h265"), pictures=("lpips",))))
    assert "(BD-rate), against h264 (medium; low delay): h265 needs 21 % [21, 21] fewer bits." in text


@pytest.mark.parametrize(
    ("methods", "parts"),
    [
        (("ours",), ["rd", "differences"]),
        (("freeze",), []),
        (("h264",), ["rd"]),
        (("ours", "freeze"), ["rd", "differences"]),
        (("h264", "freeze"), ["rd", "equal", "differences"]),
        (("h264", "h265"), ["rd", "equal"]),
    ],
)
def test_where_nothing_can_be_compared_nothing_is_said(
    make_run: MakeRun, methods: tuple[str, ...], parts: list[str]
) -> None:
    run = make_run(methods=methods, clips=("only",), pictures=("psnr",))
    page = reports.build(run).read_text("utf-8")
    assert ('id="headline"' in page) == bool(said(load(run)))
    assert [part for part in ("rd", "equal", "differences") if f'<section id="{part}"' in page] == parts
    assert (run / "report" / "plots").is_dir() == ("rd" in parts)


def test_a_run_without_streams_has_no_part_about_rates(make_run: MakeRun) -> None:
    run = make_run(methods=("ours", "freeze"), pictures=("lpips",))
    results = load(run)
    values = {name: found for name, found in results.values.items() if name not in results.rates}
    page = write_page(replace(results, values=values), compare(replace(results, values=values)), [])
    text = page.read_text("utf-8")
    assert [part for part in ("rd", "equal", "differences") if f'<section id="{part}"' in text] == [
        "differences"
    ]


def test_without_lpips_it_speaks_of_another_metric(make_run: MakeRun) -> None:
    assert said(load(make_run(pictures=("psnr",)))).startswith("At equal psnr, ours")


def test_rates_alone_are_no_comparison(make_run: MakeRun) -> None:
    run = make_run(pictures=())
    assert said(load(run)) == ""
    reports.build(run)


def test_a_codec_whose_clips_all_failed_is_said_to_be_incomparable(make_run: MakeRun) -> None:
    results = load(make_run(pictures=("lpips",)))
    values = {
        metric: {point: by_clip for point, by_clip in by_point.items() if point[0] != "h264"}
        for metric, by_point in results.values.items()
    }
    text = said(replace(results, values=values))
    assert "cannot be held against h264: 3 clips: h264 has 0 points with lpips and a rate" in text
    assert json.dumps(text)
