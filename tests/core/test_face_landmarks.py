"""MediaPipe's face mesh."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
from talkbench.core.errors import AssetError
from talkbench.core.face_landmarks import BLENDSHAPES, CONFIDENCE, POINTS, FaceLandmarks


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
def test_the_blendshapes_have_the_models_names_and_the_points_are_the_same(face):
    """By the library called plainly, asked for nothing but points."""
    import mediapipe
    from mediapipe.tasks.python import BaseOptions, vision
    from talkbench.core.assets import locate
    from talkbench.core.shared_assets import FACE_LANDMARKER

    for asked in (True, False):
        options = vision.FaceLandmarkerOptions(
            base_options=BaseOptions(model_asset_path=str(locate(FACE_LANDMARKER))),
            min_face_detection_confidence=CONFIDENCE,
            output_face_blendshapes=asked,
        )
        with vision.FaceLandmarker.create_from_options(options) as plain, FaceLandmarks() as landmarks:
            found = plain.detect(mediapipe.Image(mediapipe.ImageFormat.SRGB, face))
            ours = landmarks.face(face)
            points = [(point.x, point.y) for point in found.face_landmarks[0]]
            assert ours.points == pytest.approx(np.array(points) * len(face), abs=1e-3)
        if asked:
            shapes = found.face_blendshapes[0]
            assert tuple(shape.category_name.lstrip("_") for shape in shapes) == BLENDSHAPES
            assert ours.blendshapes == pytest.approx([shape.score for shape in shapes])


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
