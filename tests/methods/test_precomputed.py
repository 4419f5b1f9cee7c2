"""Somebody's decoded videos: found by name, refused unless they fit, and never taken for a codec's."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from talkbench.core.errors import CodecError, UnsetError, UsageError
from talkbench.core.points import points
from talkbench.core.recorded import Recorded
from talkbench.core.video import Clip, Unreadable
from talkbench.methods.precomputed import Precomputed


@pytest.fixture
def build(tmp_path):
    def make(**settings):
        return Precomputed(
            **{"root": str(tmp_path), "folder": None, "streams": None, "table": None, **settings}
        )

    return make


def clip(name, side=64, fps=Fraction(25)):
    return Clip(name, Unreadable("it is known by its name"), side, side, fps)


def test_videos_are_found_by_name_at_any_depth_and_read_exactly(
    tmp_path, build, write_video, testcard, whole
):
    (tmp_path / "anna").mkdir()
    for name in ("card", "anna/call.1", "-dash"):
        write_video(tmp_path / f"{name}.mkv")
    method = build()
    method.check()
    for name in ("card", "anna/call.1", "-dash"):
        assert np.array_equal(whole(method.frames(clip(name))), whole(testcard.frames()))
        assert method.stated(clip(name)) is None
    assert method.describe()["rate"] == "unknown"


def test_numbered_pngs_are_videos_too(tmp_path, build, write_video, testcard, whole):
    (tmp_path / "card").mkdir()
    write_video(tmp_path / "card" / "%03d.png", "-f image2")
    assert np.array_equal(whole(build().frames(clip("card", fps=Fraction(30)))), whole(testcard.frames()))


@pytest.mark.parametrize(
    ("wanted", "words"),
    [
        (clip("nobody"), "one video of clip 'nobody' is expected in .*, none found; call it nobody.mp4"),
        (clip("../card"), "none found"),
        (clip("twice"), "twice.avi and twice.mkv found"),
        (clip("card", side=128), "card.mkv is 64x64, clip 'card' 128x128; nothing is scaled"),
        (clip("card", fps=Fraction(30)), "has 25 frames a second, clip 'card' 30"),
        (clip("broken"), "cannot be read: .*broken.mp4: no video"),
    ],
)
def test_what_does_not_fit_is_refused(wanted, words, tmp_path, build, write_video):
    write_video(tmp_path / "card.mkv")
    for name in ("twice.mkv", "twice.avi"):
        write_video(tmp_path / name)
    (tmp_path / "broken.mp4").write_bytes(b"no video at all" * 20)
    with pytest.raises(CodecError, match=words) as caught:
        list(build().frames(wanted))
    assert "\n" not in str(caught.value)


def test_coded_files_give_the_rate(tmp_path, build, write_video):
    write_video(tmp_path / "card.mkv")
    (tmp_path / "bits").mkdir()
    (tmp_path / "bits" / "card.266").write_bytes(bytes(321))
    method = build(streams="bits")
    method.check()
    stated = method.stated(clip("card"))
    assert stated.sizes == {"header": 0, "source": 0, "motion": 321, "residual": 0, "refresh": 0}
    assert "card.266, sha256 " in stated.origin
    before = method.describe()
    (tmp_path / "bits" / "card.266").write_bytes(bytes(322))
    assert build(streams="bits").describe() != before
    (tmp_path / "bits" / "empty.266").touch()
    for name in ("other", "empty"):
        with pytest.raises(CodecError, match=f"one coded file of clip '{name}', not empty, is expected"):
            method.stated(clip(name))


def test_a_table_gives_files_and_bytes(tmp_path, build, write_video):
    write_video(tmp_path / "a_0001_rec.mkv")
    (tmp_path / "sizes.csv").write_text("clip,file,bytes,source\nb,,,\na/1,a_0001_rec.mkv,1000,400\n")
    method = build(table="sizes.csv")
    method.check()
    assert sum(len(block) for block in method.frames(clip("a/1"))) == 12
    assert method.stated(clip("a/1")).sizes["source"] == 400
    assert method.stated(clip("a/1")).sizes["motion"] == 600
    assert method.stated(clip("b")) is None
    assert method.stated(clip("c")) is None
    assert method.describe()["rate"] == "as a table states it"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("name,bytes\na,1\n", "line 1: unknown column 'name'"),
        ("clip,bytes\na,1.5\n", "line 2, column bytes: '1.5' found"),
        ("clip,bytes\na,0\n", "line 2, column bytes: '0' found"),
        ("clip,bytes\na,1\na,1\n", "line 3, column clip: 'a' found; name each clip once"),
        ("clip,bytes\n,1\n", "line 2, column clip: '' found"),
        ("clip,bytes,source\na,1,2\n", "line 2, column source: more than the whole stream's 1"),
        ("clip,source\na,2\n", "more than the whole stream's None"),
        (b"clip,bytes\n\xff,1\n", "cannot be read as CSV"),
    ],
)
def test_a_wrong_table_is_told_before_a_run(text, words, tmp_path, build, write_video):
    write_video(tmp_path / "card.mkv")
    (tmp_path / "t.csv").write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(UsageError, match=words) as caught:
        build(table="t.csv").check()
    assert "\n" not in str(caught.value)


def test_wrong_settings_are_told_before_a_run(tmp_path, build, write_video):
    with pytest.raises(UnsetError, match=r"precomputed\.root is not set"):
        build(root=None).check()
    with pytest.raises(UsageError, match="there is no folder"):
        build(root=str(tmp_path / "none")).check()
    with pytest.raises(UsageError, match="holds no videos and no PNGs"):
        build().check()
    write_video(tmp_path / "card.mkv")
    with pytest.raises(UsageError, match=r"streams: there is no folder"):
        build(streams="bits").check()
    with pytest.raises(UsageError, match="cannot be read as CSV"):
        build(table="none.csv").check()
    (tmp_path / "t.csv").write_text("clip,bytes\ncard,9\n")
    with pytest.raises(UsageError, match="keep the streams, which are files that exist"):
        build(table="t.csv", streams=".").check()


def test_the_description_follows_the_pixels_not_the_place(tmp_path, build, write_video):
    for folder in ("here", "there"):
        (tmp_path / folder).mkdir()
    video = write_video(tmp_path / "here" / "card.mkv")
    (tmp_path / "there" / "card.mkv").write_bytes(video.read_bytes())
    here, there = (build(root=str(tmp_path / folder)) for folder in ("here", "there"))
    assert here.describe() == there.describe()
    write_video(tmp_path / "there" / "card.mkv", seed=1)
    assert here.describe() != there.describe()


def test_it_codes_nothing(build, testcard):
    method = build()
    assert isinstance(method, Recorded)
    for act in (lambda: method.encode(testcard), lambda: method.decode(b"")):
        with pytest.raises(UsageError, match="precomputed codes nothing"):
            act()


def test_folders_are_points(build, tmp_path):
    settings = {"root": str(tmp_path), "streams": None, "table": None, "sweep": "folder"}
    assert [point.name for point in points("precomputed", {**settings, "folder": None})] == ["default"]
    expanded = points("precomputed", {**settings, "folder": ["q22", "q27"]})
    assert [point.name for point in expanded] == ["q22", "q27"]
    assert expanded[0].build()._folder == tmp_path / "q22"
