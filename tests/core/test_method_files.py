"""Methods that a YAML of one's own sets up."""

from __future__ import annotations

from pathlib import Path

import pytest
from talkbench.core.config import compose
from talkbench.core.errors import UsageError
from talkbench.core.points import points


def written(folder: Path, text: str, name: str = "mine.yaml") -> str:
    path = folder / name
    path.write_text(text)
    return str(path)


def composed(*methods: str, overrides: tuple[str, ...] = ()) -> dict[str, dict[str, object]]:
    found: dict[str, dict[str, object]] = compose(
        list(methods), "testcard", "compression", ["psnr"], overrides
    )["methods"]
    return found


def test_a_file_names_and_sets_up_a_method_beside_others(tmp_path: Path) -> None:
    fast = written(tmp_path, "fast: {method: h264, preset: veryfast, crf: [30, 40]}")
    plain = written(tmp_path, "tool: {method: external, encode: 'a {input} {stream}', decode: b}", "t.yml")
    methods = composed("h264", fast, plain, overrides=("methods.fast.crf=[25]", "methods.tool.timeout=9"))
    assert list(methods) == ["h264", "fast", "tool"]
    assert methods["fast"] == {**methods["h264"], "method": "h264", "preset": "veryfast", "crf": [25]}
    assert (methods["tool"]["timeout"], methods["tool"]["input"]) == (9, "y4m")
    (point,) = points("fast", methods["fast"])
    built = point.build()
    assert (built.name, built.preset, built.crf) == ("h264", "veryfast", 25)  # type: ignore[attr-defined]
    (point,) = points("tool", methods["tool"])
    assert point.build().called == "tool"  # type: ignore[attr-defined]
    assert list(composed("h264")) == ["h264"]


@pytest.mark.parametrize(
    ("root", "expected"), [("", "."), ("root: vtm, ", "vtm"), ("root: /opt/vtm, ", "/opt/vtm")]
)
def test_a_root_is_meant_from_the_file_s_folder(tmp_path: Path, root: str, expected: str) -> None:
    file = written(tmp_path, f"tool: {{method: external, {root}encode: e, decode: d}}")
    assert composed(file)["tool"]["root"] == str((tmp_path / expected).resolve())


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "one key expected"),
        ("a: {method: h264}\nb: {method: h265}", "one key expected"),
        ("mine: {crf: [3]}", "one key expected"),
        ("mine: 3", "one key expected"),
        ("[mine]", "one key expected"),
        ("mine: {method: h264", "is no YAML"),
        ("mine: {method: h246}", "did you mean h26"),
        ("mine: {method: h264, crv: [3]}", "unknown key of mine in .*'crv'; did you mean crf"),
        ("h265: {method: h264}", "the name 'h265' is taken"),
        ("my-codec: {method: h264}", "the name 'my-codec' is taken or no word"),
    ],
)
def test_a_file_that_sets_up_none_is_refused(tmp_path: Path, text: str, words: str) -> None:
    with pytest.raises(UsageError, match=words) as caught:
        composed(written(tmp_path, text))
    assert "\n" not in str(caught.value)


def test_missing_and_doubled_files_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"none\.yaml cannot be read \(No such file"):
        composed(str(tmp_path / "none.yaml"))
    (tmp_path / "latin.yaml").write_bytes(b"mine: {method: h264} # \xe9")
    with pytest.raises(UsageError, match=r"cannot be read|is no YAML"):
        composed(str(tmp_path / "latin.yaml"))
    mine = written(tmp_path, "mine: {method: h264}")
    with pytest.raises(UsageError, match="two files name their method 'mine'"):
        composed(mine, mine)
