"""MediaPipe's face mesh."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
from talkbench.core.errors import AssetError
from talkbench.core.face_landmarks import POINTS, FaceLandmarks


def test_a_missing_model_is_named(monkeypatch, tmp_path):
    monkeypatch.setenv("TALKBENCH_CACHE", str(tmp_path))
    with pytest.raises(AssetError, match=r"bench assets fetch face_landmarker\.task"):
        FaceLandmarks()


def test_listing_does_not_import_the_library():
    asked = "import sys; from talkbench.cli import main; main(['list', '--json']); print(sorted(sys.modules))"
    listed = subprocess.run(
        [sys.executable, "-c", asked], check=True, capture_output=True, text=True, cwd="/"
    )
    assert "'talkbench.core'" in listed.stdout
    assert "'mediapipe'" not in listed.stdout


@pytest.mark.network
@pytest.mark.slow
def test_a_face_is_found_where_it_is_and_nowhere_else(face, capfd):
    with FaceLandmarks() as landmarks:
        points = landmarks(face)
        assert points is not None
        assert points.shape == (POINTS, 2)
        assert points.dtype == np.float32
        assert np.array_equal(landmarks(face), points)
        assert landmarks(np.full_like(face, 128)) is None

        # Moved by whole pixels, the face is found as much farther on.
        moved = landmarks(np.roll(face, (8, 16), (0, 1)))
        assert np.abs(moved - points - (16, 8)).mean() < 1.0

        # Beside a smaller copy of itself, the larger face counts, on whichever side it is.
        small = np.full_like(face, 128)
        small[:128, :128] = face[::2, ::2]
        for pair, shift in (([face, small], 0), ([small, face], 256)):
            largest = landmarks(np.concatenate(pair, 1))
            assert np.abs(largest - points - (shift, 0)).mean() < 2.0
    assert capfd.readouterr() == ("", "")
