"""The steady box around a face, and the table that holds it."""

from __future__ import annotations

import csv
from fractions import Fraction

import numpy as np
import pytest
from talkbench.cli import main
from talkbench.core.errors import UsageError
from talkbench.core.preparation import Preparation
from talkbench.datasets import folder
from talkbench.datasets.face_boxes import SIDE, seen_faces, steady_box
from talkbench.datasets.folder import Folder


def face(x, y, width=60, height=80):
    """A face's points: the corners of its box."""
    return np.array([[x, y], [x + width, y + height]], np.float32)


def test_a_still_face_stands_in_the_middle_a_little_below():
    x, y, width, height = steady_box([face(300, 200)] * 5, 640, 480)
    assert width == height == round(SIDE * 80)
    assert x + width / 2 == pytest.approx(330, abs=1)
    assert 0 < (200 + 40) - (y + height / 2) < 10


def test_the_box_holds_all_that_the_face_moves_over():
    faces = [face(200 + 2 * step, 150 + step) for step in range(60)]
    x, y, width, height = steady_box(faces, 640, 480)
    # but for the two hundredths that may stray
    assert x <= 204
    assert x + width >= 200 + 2 * 58 + 60
    assert y <= 152
    assert y + height >= 150 + 58 + 80


def test_somebody_else_s_face_now_and_then_moves_nothing():
    steady = [face(300, 200)] * 20
    assert steady_box([*steady, face(20, 20), face(560, 380)], 640, 480) == steady_box(steady, 640, 480)


@pytest.mark.parametrize(("x", "y"), [(0, 0), (580, 0), (0, 400), (580, 400), (290, 200)])
def test_the_box_stays_inside_the_picture(x, y):
    left, top, width, height = steady_box([face(x, y)], 640, 480)
    assert 0 <= left <= left + width <= 640
    assert 0 <= top <= top + height <= 480
    assert width == height


def test_a_face_as_large_as_the_picture_gets_the_largest_square():
    assert steady_box([face(100, 0, 440, 480)], 640, 480)[2:] == (480, 480)


def test_pixels_that_are_not_square_make_a_box_that_is_square_as_shown():
    x, _, width, height = steady_box([face(300, 200, 45, 80)], 640, 480, Fraction(4, 3))
    assert (width, height) == (108, 144)
    assert x + width / 2 == pytest.approx(322.5, abs=1)


def test_no_face_no_box():
    assert steady_box([], 640, 480) is None


def test_a_picture_a_second_is_looked_at(make_testcard):
    looked = []
    seen_faces(make_testcard(size=32, frames=60, fps=25), lambda frame: looked.append(frame))
    assert len(looked) == 3


class Finder:
    """Finds a face in large pictures only."""

    def __enter__(self):
        return self

    def __exit__(self, *error):
        return None

    def __call__(self, frame):
        return face(20, 20, 12, 16) if len(frame) >= 64 else None


@pytest.fixture
def finder(monkeypatch):
    monkeypatch.setattr("talkbench.core.face_landmarks.FaceLandmarks", Finder)
    monkeypatch.setattr(folder, "fetch", lambda *assets: [])


def test_the_table_can_be_edited_and_is_added_to(tmp_path, write_video, finder, capsys):
    write_video(tmp_path / "b.mkv", size=64)
    (tmp_path / "in ner").mkdir()
    write_video(tmp_path / "in ner" / "a.mkv", size=32)
    assert main(["data", "prepare", "folder", "--root", str(tmp_path)]) == 1, "no face in one of them"
    table = tmp_path / "data.csv"
    rows = {row["file"]: row for row in csv.DictReader(table.read_text().splitlines())}
    assert set(rows) == {"b.mkv", "in ner/a.mkv"}
    assert rows["in ner/a.mkv"]["x"] == ""
    assert "in ner/a.mkv: no face found" in capsys.readouterr().out
    crop = tuple(int(rows["b.mkv"][column]) for column in ("x", "y", "width", "height"))
    whole, cut = Folder(root=str(tmp_path), csv="data.csv", size=32).clips()[::-1]
    assert whole.source.crop == (0, 0, 32, 32)
    assert cut.source.crop == crop
    table.write_text("file,x,y,width,height,identity\nb.mkv,1,2,30,30,Anna\n")
    write_video(tmp_path / "c.mkv", size=64)
    main(["data", "prepare", "folder", "--root", str(tmp_path)])
    rows = {row["file"]: row for row in csv.DictReader(table.read_text().splitlines())}
    assert (rows["b.mkv"]["x"], rows["b.mkv"]["identity"]) == ("1", "Anna")
    assert set(rows) == {"b.mkv", "c.mkv", "in ner/a.mkv"}


def test_a_video_that_cannot_be_read_is_said(tmp_path, write_video, finder):
    (tmp_path / "bad.mp4").write_text("no video")
    write_video(tmp_path / "good.mkv", size=64)
    said = []
    assert not Folder(root=str(tmp_path)).prepare(Preparation(), said.append)
    assert said[0].startswith("left out: ")
    assert "bad.mp4" in said[0]


def test_options_for_downloads_are_refused(tmp_path):
    with pytest.raises(UsageError, match="downloads and cuts nothing"):
        Folder(root=str(tmp_path)).prepare(Preparation(again=True), print)


@pytest.mark.network
def test_a_real_face_is_cut_out(tmp_path, face):
    """The picture of a real face, small in the corner of a larger one."""
    from talkbench.core import ffmpeg

    picture = np.zeros((360, 640, 3), np.uint8)
    picture[40:296, 340:596] = face
    raw = ["-f", "rawvideo", "-pix_fmt", "rgb24", "-s", "640x360", "-r", "5", "-i", "pipe:"]
    coded = ["-c:v", "ffv1", "-pix_fmt", "gbrp"]
    command = [ffmpeg.binary(), "-v", "error", *raw, *coded, str(tmp_path / "a.mkv")]
    ffmpeg.collect(command, [np.stack([picture] * 6).data])
    assert Folder(root=str(tmp_path)).prepare(Preparation(), print)
    (row,) = csv.DictReader((tmp_path / "data.csv").read_text().splitlines())
    x, y, width, height = (int(row[column]) for column in ("x", "y", "width", "height"))
    assert width == height
    assert 100 < width < 360
    assert 340 < x + width / 2 < 596
    assert 40 < y + height / 2 < 296
