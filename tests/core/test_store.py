from __future__ import annotations

import json
from pathlib import Path

import pytest
from talkbench.core import store
from talkbench.core.errors import StoreError


@pytest.mark.parametrize("name", ["plain", "a.b-c_d", "crf23", "ours-k20"])
def test_harmless_names_stay_as_they_are(name: str) -> None:
    assert store.file_stem(name) == name


HOSTILE = [
    "a b",
    "../up",
    "a/b",
    "",
    ".",
    "..",
    "con;rm -rf",
    "'quoted\"",
    "ünï",
    "x" * 300,
    "-dash",
    "a\nb",
    ".",
]


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_names_become_one_short_path_component(name: str) -> None:
    stem = store.file_stem(name)
    assert Path(stem).name == stem
    assert stem.isascii()
    assert 0 < len(stem) <= 100
    assert stem[0] not in ".-"


def test_names_do_not_collide_by_being_cleaned() -> None:
    assert len({store.file_stem(name) for name in [*HOSTILE, "a  b", "a;b", "a-b"]}) == len(set(HOSTILE)) + 3


def test_a_file_is_whole_or_not_there(tmp_path: Path) -> None:
    target = tmp_path / "deep" / "file.json"
    store.write_json(target, {"schema": store.SCHEMA})

    def broken() -> None:
        with store.writing(target) as temporary:
            temporary.write_text("half")
            raise KeyError("stopped")

    with pytest.raises(KeyError):
        broken()
    assert store.read_json(target) == {"schema": store.SCHEMA}
    assert [path.name for path in target.parent.iterdir()] == ["file.json"]


def test_a_full_disk_says_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(store.os, "fsync", full)
    with pytest.raises(StoreError, match=r"No space left on device\); make room"):
        store.write_json(tmp_path / "a.json", {})
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("text", ["", "{", "[]", '{"schema": 99}', "\x00\xff"])
def test_a_damaged_or_newer_file_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "manifest.json").write_text(text)
    with pytest.raises(StoreError, match=r"manifest\.json"):
        store.read_manifest(tmp_path)


def test_units_that_never_finished_are_not_read(tmp_path: Path) -> None:
    done = dict.fromkeys(store.UNIT_KEYS, "") | {"schema": store.SCHEMA, "key": "a"}
    units = [{"key": "a"}, {"key": "b"}]
    manifest = dict.fromkeys(store.MANIFEST_KEYS, "") | {"schema": store.SCHEMA, "units": units}
    store.write_json(tmp_path / "manifest.json", manifest)
    store.write_json(tmp_path / "units" / "a.json", done)
    assert store.read_units(tmp_path) == [done]
    assert json.loads((tmp_path / "units" / "a.json").read_text()) == done
    assert store.read_failures(tmp_path) == []
    with pytest.raises(StoreError, match=r"scores\.parquet is missing"):
        store.read_scores(tmp_path)
