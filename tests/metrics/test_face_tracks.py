"""Crops of a face that moves and is missed now and then."""

from __future__ import annotations

import numpy as np
import pytest
from talkbench.metrics import face_tracks
from talkbench.metrics.face_tracks import FaceTracks, box, crop


@pytest.fixture
def follow(monkeypatch):
    """The boxes at which frames are cropped, None for frames that are not, given the boxes that are found."""
    monkeypatch.setattr(face_tracks, "crop", lambda frame, box: (int(frame[0, 0, 0]), tuple(box)))

    def run(found):
        tracks, out, late = FaceTracks(), [], 0
        for number, place in enumerate(found):
            frame = np.full((1, 1, 3), number, np.uint8)
            out += tracks.take(frame, None if place is None else np.array(place, float))
            late = max(late, number + 1 - len(out))
        out += tracks.end()
        assert [number for number, one in enumerate(out) if one] == [one[0] for one in out if one]
        assert len(out) == len(found)
        return [one and one[1] for one in out], late

    return run


def test_a_box_is_the_middle_and_half_the_longer_side():
    assert box(np.array([[10, 20], [30, 80], [12, 50]], np.float32)).tolist() == [20, 50, 30]


def test_a_crop_reaches_further_below_than_above():
    y, x = np.mgrid[:224, :224]
    frame = np.stack([x, y, 0 * x], axis=2).astype(np.uint8)
    cut = crop(frame, np.array([100, 60, 40.0]))  # x from 44 to 156, y from 20 to 132: enlarged by two
    assert cut.shape == (224, 224, 3)
    expected = np.arange(224) / 2 - 0.25
    assert cut[100, 1:-1, 0] == pytest.approx(44 + expected[1:-1], abs=0.51)
    assert cut[1:-1, 100, 1] == pytest.approx(20 + expected[1:-1], abs=0.51)


def test_beyond_the_picture_a_crop_is_grey():
    white = np.full((100, 100, 3), 255, np.uint8)
    cut = crop(white, np.array([0, 50, 80.0]))  # x from -112 to 112, y from -30 to 194: not scaled
    assert (cut[30:130, 112:212] == 255).all()
    assert set(np.unique(cut)) == {110, 255}
    assert (cut == 255).sum() == 100 * 100 * 3
    assert (crop(white, np.array([500, 50, 9.0])) == 110).all()


def test_still_faces_stay_and_moving_ones_are_followed(follow):
    boxes, late = follow([(50, 40, 20)] * 30)
    assert boxes == [(50, 40, 20)] * 30
    assert late == 6  # half of the median's window
    moving, _ = follow([(k, 2 * k, 30) for k in range(30)])
    assert moving[6:24] == [(k, 2 * k, 30) for k in range(6, 24)]


def test_a_wrong_box_is_outvoted(follow):
    found = [(50, 40, 20)] * 30
    found[14] = found[15] = (90, 10, 70)
    assert follow(found)[0] == [(50, 40, 20)] * 30


def test_missed_faces_are_between_those_that_are_found(follow):
    found = [(k, k, 10) for k in range(60)]
    boxes, late = follow([None if 20 <= k < 44 else place for k, place in enumerate(found)])
    assert np.allclose(boxes[6:54], found[6:54])
    assert late <= 24 + 6


def test_a_track_ends_where_the_face_is_missed_for_longer(follow):
    found = [None] * 3 + [(10, 10, 5)] * 20 + [None] * 25 + [(40, 40, 9)] * 20 + [None] * 40
    boxes, late = follow(found)
    assert boxes == found
    assert late <= 25 + 6
    assert follow([None] * 9)[0] == [None] * 9
