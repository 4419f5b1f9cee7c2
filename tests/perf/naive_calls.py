"""What metrics of time and of acting faces would cost, were their libraries called in the usual way.

Each does the work of a pair of clips (t, H, W, 3), reference and decoded.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from talkbench.core.assets import locate
from talkbench.core.face_landmarks import CONFIDENCE
from talkbench.core.shared_assets import FACE_LANDMARKER

Pair = tuple[np.ndarray, np.ndarray]
Run = Callable[[Pair], None]


def flicker_by_numpy(pair: Pair) -> None:
    """The formula in floating point."""
    theirs, ours = (np.diff(clip @ np.array([0.2126, 0.7152, 0.0722]), axis=0) for clip in pair)
    np.abs(ours - theirs).mean()
    np.maximum(0, np.abs(ours) - np.abs(theirs)).mean()


def warping_by_opencv(pair: Pair) -> None:
    """Flow both ways for each decoded clip anew, and the warps; the mask is left out."""
    import cv2

    search = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
    grays = [cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY) for frame in pair[0]]
    y, x = np.mgrid[: pair[0].shape[1], : pair[0].shape[2]].astype(np.float32)
    for at in range(1, len(grays)):
        backward = search.calc(grays[at], grays[at - 1], None)  # type: ignore[call-overload]
        search.calc(grays[at - 1], grays[at], None)  # type: ignore[call-overload]
        for clip in pair:
            before, frame = clip[at - 1].astype(np.float32), clip[at].astype(np.float32)
            warped = cv2.remap(before, x + backward[..., 0], y + backward[..., 1], cv2.INTER_LINEAR)
            np.square(warped - frame).mean()


def _landmarker() -> Callable[[np.ndarray], Any]:
    import mediapipe
    from mediapipe.tasks.python import BaseOptions, vision

    options = vision.FaceLandmarkerOptions(
        base_options=BaseOptions(model_asset_path=str(locate(FACE_LANDMARKER))),
        min_face_detection_confidence=CONFIDENCE,
        output_face_blendshapes=True,
    )
    found = vision.FaceLandmarker.create_from_options(options)
    return lambda frame: found.detect(mediapipe.Image(mediapipe.ImageFormat.SRGB, frame))


def by_mediapipe() -> Run:
    """The landmarker on each picture of both clips."""
    detect = _landmarker()

    def run(pair: Pair) -> None:
        for frame in np.concatenate(pair):
            detect(frame)

    return run


def pose_by_onnxruntime() -> Run:
    """The landmarker, a crop and the network on each picture of both clips."""
    import cv2
    import onnxruntime
    from talkbench.metrics.head_pose import HEAD_POSE

    detect = _landmarker()
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(
        str(locate(HEAD_POSE)), options, providers=["CPUExecutionProvider"]
    )

    def run(pair: Pair) -> None:
        for frame in np.concatenate(pair):
            detect(frame)
            picture = cv2.resize(frame, (224, 224)).transpose(2, 0, 1)[None] / np.float32(255)
            session.run(None, {"face": picture})

    return run


TEMPORAL = {
    "flicker": ("numpy", flicker_by_numpy),
    "warping_error": ("opencv", warping_by_opencv),
}
ACTING = {
    "mouth_corr": ("mediapipe", by_mediapipe),
    "eye_corr": ("mediapipe", by_mediapipe),
    "blink_recall": ("mediapipe", by_mediapipe),
    "expression_error": ("mediapipe", by_mediapipe),
    "pose_error": ("onnxruntime", pose_by_onnxruntime),
}
