from __future__ import annotations

import sys
from pathlib import Path

import pytest
from talkbench.core.signature import code, digest, signature


def test_the_digest_knows_content_and_not_the_order_of_keys() -> None:
    assert digest({"a": 1, "b": [2, "x"]}) == digest({"b": [2, "x"], "a": 1})
    assert digest({"a": 1}) != digest({"a": "1"})
    # Known answer: sha256 of the two bytes "[]".
    assert digest([]) == "4f53cda18c2baa0c0354bb5f9a3ecbe5ed12ab4d8e11ba873c2f11161202b945"


def test_a_signature_reads_in_order_and_ends_with_the_version() -> None:
    line = signature("psnr", {"space": "rgb", "range": 255}, "1.2.3")
    assert line == "psnr|space:rgb|range:255|version:1.2.3"


def test_the_hash_of_code_changes_with_a_base_s_source(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(tmp_path)
    hashes = []
    for body in ("pass", "x = 1", "pass"):
        (tmp_path / "base_of_it.py").write_text(f"class Base:\n    {body}\n")
        (tmp_path / "made_of_it.py").write_text("import base_of_it\nclass Made(base_of_it.Base):\n    pass\n")
        for name in ("base_of_it", "made_of_it"):
            sys.modules.pop(name, None)
        from made_of_it import Made

        hashes.append(code(Made))
    assert hashes[0] == hashes[2] != hashes[1]
