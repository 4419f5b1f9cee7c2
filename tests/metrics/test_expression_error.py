"""expression_error: closed forms, the library called plainly, real faces, a frozen number."""

from __future__ import annotations

import numpy as np
import pytest
from talkbench.core.face_landmarks import BLENDSHAPES, Face
from talkbench.metrics.expression_error import PARTS

EYES, MOUTH = "expression_error_eyes", "expression_error_mouth"


def read(block: np.ndarray) -> list[Face | None]:
    """A face whose blendshapes are the first bytes of a frame, in hundredths; 255 is nobody."""
    values = block.reshape(len(block), -1)[:, :52]
    points = np.zeros((478, 2), np.float32)
    return [None if row[0] == 255 else Face(points, row.astype(np.float32) / 100) for row in values]


@pytest.fixture
def told(monkeypatch) -> None:
    """Faces are read off a frame's first bytes."""
    monkeypatch.setattr("talkbench.metrics.expression_error.faces", read)


def clip(*changes: dict[str, int] | None) -> np.ndarray:
    """Frames of a face with some blendshapes, in hundredths; None for no face."""
    frames = np.zeros((len(changes), 16, 16, 3), np.uint8)
    for frame, change in zip(frames.reshape(len(changes), -1), changes, strict=True):
        for name, value in (change or {}).items():
            frame[BLENDSHAPES.index(name)] = value
        if change is None:
            frame[0] = 255
    return frames


def test_parts_are_the_shapes_of_eyes_and_of_mouth():
    assert [len(part) for part in PARTS.values()] == [51, 14, 27]
    assert all(0 not in part for part in PARTS.values())


@pytest.mark.usefixtures("told")
def test_a_difference_counts_as_its_share(metric, score):
    blink = clip({}, {"eyeBlinkLeft": 50, "eyeBlinkRight": 50}, {"jawOpen": 27}, {"neutral": 90})
    found = score(metric("expression_error"), clip({}, {}, {}, {}), blink)
    assert found.frames["expression_error"] == pytest.approx([0, 1 / 51, 0.27 / 51, 0])
    assert found.frames[EYES] == pytest.approx([0, 1 / 14, 0, 0])
    assert found.frames[MOUTH] == pytest.approx([0, 0, 0.01, 0])
    assert found.values["expression_error"] == pytest.approx(1.27 / 51 / 3)
    assert (found.values["expression_error_miss"], found.values["expression_error_unseen"]) == (0, 0)


@pytest.mark.usefixtures("told")
def test_missing_faces_are_counted_and_left_out(metric, score):
    found = score(metric("expression_error"), clip({}, {}, None, {}), clip({}, {"jawOpen": 51}, {}, None))
    assert found.values["expression_error"] == pytest.approx(0.01)
    assert found.values["expression_error_miss"] == 1 / 2
    assert found.values["expression_error_unseen"] == pytest.approx(1 / 3)
    lost = score(metric("expression_error"), clip({}, {}), clip({}, None))
    assert lost.absent[MOUTH].startswith("MediaPipe finds no face in any of the 1 decoded frames")
    assert "expression_error" not in lost.values


@pytest.mark.network
@pytest.mark.slow
def test_real_faces(metric, score, acting, frozen):
    """Eyes that close differ in the eyes; equal frames in nothing; all as the library says."""
    import mediapipe
    from mediapipe.tasks.python import BaseOptions, vision
    from talkbench.core.assets import locate
    from talkbench.core.face_landmarks import CONFIDENCE
    from talkbench.core.shared_assets import FACE_LANDMARKER

    built = metric("expression_error")
    same = score(built, acting[:3], acting[:3]).values
    assert [same[column] for column in built.columns] == [0] * 5

    reference, decoded = acting[[0, 0, 0]], acting[[0, 2, 13]]
    options = vision.FaceLandmarkerOptions(
        base_options=BaseOptions(model_asset_path=str(locate(FACE_LANDMARKER))),
        min_face_detection_confidence=CONFIDENCE,
        output_face_blendshapes=True,
    )
    with vision.FaceLandmarker.create_from_options(options) as plain:
        shapes = [
            [
                shape.score
                for shape in plain.detect(
                    mediapipe.Image(mediapipe.ImageFormat.SRGB, np.ascontiguousarray(frame))
                ).face_blendshapes[0]
            ]
            for frame in decoded
        ]
    expected = np.abs(np.subtract(shapes, shapes[0]))[:, 1:].mean(-1)
    found = score(built, reference, decoded)
    assert found.frames["expression_error"] == pytest.approx(expected, abs=1e-6)
    assert found.frames[EYES][2] > 2 * found.frames[EYES][1]
    frozen("expression_error", found.values["expression_error"], 2e-3)
