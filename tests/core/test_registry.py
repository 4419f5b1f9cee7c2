from __future__ import annotations

from importlib.metadata import EntryPoint
from pathlib import Path

import pytest
from talkbench.core import config, registry
from talkbench.core.errors import UsageError
from talkbench.core.points import points


@pytest.fixture
def entry(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    """Installs entry points `name = "module:attribute"` for the methods; their modules lie in tmp_path."""

    def install(**entries: str) -> Path:
        found = [EntryPoint(name, value, "talkbench.methods") for name, value in entries.items()]
        monkeypatch.setattr(
            registry, "entry_points", lambda group: found if group == "talkbench.methods" else []
        )
        monkeypatch.syspath_prepend(tmp_path)
        registry.plugins.cache_clear()
        return tmp_path

    yield install
    registry.plugins.cache_clear()


def test_a_third_party_s_plugin_joins_and_is_composed(entry) -> None:
    folder = entry(odd="odd_one:Odd")
    (folder / "odd_one.py").write_text("class Odd:\n    name = 'odd'\n")
    (folder / "odd.yaml").write_text("odd: {sweep: level, level: [1, 2], mode: a}\n")
    assert registry.load("methods", "odd").name == "odd"
    composed = config.compose(["odd", "h264"], "testcard", "compression", ["psnr"], ["methods.odd.mode=b"])
    assert composed["methods"]["odd"] == {"sweep": "level", "level": [1, 2], "mode": "b"}
    assert [point.name for point in points("odd", composed["methods"]["odd"])] == ["level1", "level2"]


def test_a_name_taken_twice_is_refused(entry) -> None:
    entry(h264="odd_two:Odd")
    with pytest.raises(UsageError, match="two methods are called 'h264'"):
        registry.plugins("methods")


def test_a_plugin_without_settings_or_module_is_refused(entry) -> None:
    folder = entry(bare="odd_three:Odd")
    (folder / "odd_three.py").write_text("")
    with pytest.raises(UsageError, match=r"bare\.yaml"):
        registry.plugins("methods")
    entry(lost="no_such_module_anywhere:Odd")
    with pytest.raises(UsageError, match="no_such_module_anywhere"):
        registry.plugins("methods")


@pytest.mark.parametrize("shelf", registry.SHELVES)
def test_every_plugin_of_the_tree_loads_under_its_name(shelf: str) -> None:
    assert registry.plugins(shelf)
    for name in registry.plugins(shelf):
        assert registry.load(shelf, name).name == name


def test_a_misspelling_is_answered_with_near_names() -> None:
    with pytest.raises(UsageError, match="unknown method 'h246x'; did you mean h26"):
        registry.find("methods", "h246x")


def test_the_benchmark_s_metrics_are_the_default_and_overrides_reach_every_group() -> None:
    composed = config.compose(
        ["h264"], "testcard", "compression", None, ["metrics.bpp.call_seconds=9", "data.seed=3", "run.seed=7"]
    )
    assert list(composed["metrics"]) == composed["benchmark"]["metrics"]
    assert composed["metrics"]["bpp"]["call_seconds"] == 9
    assert (composed["data"]["seed"], composed["run"]["seed"]) == (3, 7)


@pytest.mark.parametrize(
    ("override", "words"),
    [
        ("methods.h264.crv=[1]", "did you mean methods.h264.crf"),
        ("metric.bpp.call_seconds=1", "metrics.bpp.call_seconds"),
        ("run.worker=1", "run.workers"),
        ("++run.new=1", "KEY=VALUE"),
        ("run.seed", "KEY=VALUE"),
        ("methods.h264.crf=1,2", "write a list"),
        ("methods.h264=3", "a group of settings"),
        ("data.size=${no}", "cannot be made"),
    ],
)
def test_a_wrong_setting_is_refused(override: str, words: str) -> None:
    with pytest.raises(UsageError) as refused:
        config.compose(["h264"], "testcard", "compression", ["bpp"], [override])
    assert words in str(refused.value)
