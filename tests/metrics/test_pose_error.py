"""pose_error: rotations of known angle, another network, a frozen number."""

from __future__ import annotations

import numpy as np
import pytest
from talkbench.core.assets import Asset, fetch, locate
from talkbench.core.errors import AssetError
from talkbench.core.video import Frame
from talkbench.metrics import head_pose, pose_error
from talkbench.metrics.head_pose import HEAD_POSE, angle, crop, euler

WHENET = Asset(
    name="WHENet.onnx",
    what="WHENet: yaw, pitch and roll of the head",
    package="faceangle",
    version="0.3.0",
    member="faceangle/models/WHENet.onnx",
    sha256="7ab89f63f13047d61d4d8955f33c7e31af6030ade4211fc5e078dae2db1ef5fc",
    bytes=17305831,
    licence="none stated by the package; the authors' own is BSD-3-Clause",
    paper="Zhou and Gregson, WHENet: real-time fine-grained estimation for wide range head pose, BMVC 2020",
)


def rotation(yaw: float, pitch: float, roll: float) -> np.ndarray:
    """Of angles in degrees, by another library."""
    from scipy.spatial.transform import Rotation

    return Rotation.from_euler("ZYX", [roll, yaw, pitch], degrees=True).as_matrix()


@pytest.fixture(scope="module")
def network() -> None:
    """Fetches the networks."""
    fetch(HEAD_POSE, WHENET)


def turned(frame: Frame, degrees: float) -> Frame:
    """The picture turned clockwise about its centre, its border repeated."""
    import cv2

    height, width = frame.shape[:2]
    turn = cv2.getRotationMatrix2D(((width - 1) / 2, (height - 1) / 2), -degrees, 1)
    border = cv2.BORDER_REPLICATE
    return cv2.warpAffine(frame, turn, (width, height), flags=cv2.INTER_CUBIC, borderMode=border)


@pytest.mark.parametrize("angles", [(0, 0, 0), (10, -20, 30), (-80, 40, 170), (5, 0, -90)])
def test_angles_are_read_off_a_rotation(angles):
    assert euler(rotation(*angles)) == pytest.approx(angles)


@pytest.mark.parametrize("degrees", [0, 1e-3, 1, 25, 90, 179])
def test_the_angle_between_rotations(degrees):
    base = rotation(20, -10, 5)
    for one in (rotation(degrees, 0, 0), rotation(0, degrees, 0), rotation(0, 0, degrees)):
        assert angle(base, one @ base) == pytest.approx(degrees, abs=1e-6)
        assert angle(one @ base, base) == pytest.approx(degrees, abs=1e-6)
    assert angle(base, base) == 0


def told(block: np.ndarray) -> list[np.ndarray | None]:
    """A head whose roll in degrees is a frame's first byte; 255 is nobody."""
    return [None if byte == 255 else rotation(0, 10, float(byte) * 2) for byte in block[:, 0, 0, 0]]


@pytest.fixture
def heads(monkeypatch) -> None:
    """Heads are turned as frames say."""
    monkeypatch.setattr(pose_error.head_pose, "rotations", told)


def clip(*rolls: int) -> np.ndarray:
    frames = np.zeros((len(rolls), 16, 16, 3), np.uint8)
    frames[:, 0, 0, 0] = rolls
    return frames


@pytest.mark.usefixtures("heads")
def test_a_roll_is_a_roll_and_the_mean_is_over_the_frames_that_count(metric, score):
    found = score(metric("pose_error"), clip(0, 0, 0, 0), clip(20, 5, 0, 10))
    assert found.values == {
        "pose_error": pytest.approx(10), "pose_error_yaw": pytest.approx(0, abs=1e-9),
        "pose_error_pitch": pytest.approx(0, abs=1e-9), "pose_error_roll": pytest.approx(10),
        "pose_error_miss": 0, "pose_error_unseen": 0,
    }  # fmt: skip
    assert found.frames["pose_error"] == pytest.approx([40, 10, 0, 20])


@pytest.mark.usefixtures("heads")
def test_angles_go_round(metric, score):
    found = score(metric("pose_error"), clip(0, 89, 89), clip(0, 91, 89)).frames["pose_error_roll"]
    assert found == pytest.approx([0, 4, 0])  # 178 and 182, which is -178, degrees


@pytest.mark.usefixtures("heads")
def test_missing_heads_are_counted_and_left_out(metric, score):
    found = score(metric("pose_error"), clip(0, 0, 255, 0, 0), clip(0, 5, 5, 255, 255))
    assert found.values["pose_error"] == pytest.approx(10)
    assert found.values["pose_error_miss"] == pytest.approx(2 / 3)
    assert found.values["pose_error_unseen"] == pytest.approx(1 / 4)
    nobody = score(metric("pose_error"), clip(0, 0, 0), clip(0, 255, 255))
    assert nobody.absent["pose_error_yaw"] == (
        "MediaPipe finds no face in any of the 2 decoded frames whose reference has one"
    )


def test_the_crop_is_a_square_wherever_the_head_is():
    frame = np.random.default_rng(0).integers(0, 256, (80, 120, 3), np.uint8)
    for low, high in (
        ((20, 20), (60, 70)),
        ((-30, -10), (20, 30)),
        ((100, 60), (140, 120)),
        ((5, 5), (5, 5)),
    ):
        assert crop(frame, np.array([low, high], np.float32)).shape == (224, 224, 3)
    # Just the square of the mesh's larger side, 1.3 times as large.
    side = round(1.3 * 50)
    whole = crop(np.repeat(np.repeat(frame, 8, 0), 8, 1), np.array([[200, 200], [220, 250]], np.float32))
    assert whole.std() > 0
    flat = frame.copy()
    flat[40 - side // 2 : 40 - side // 2 + side, 60 - side // 2 : 60 - side // 2 + side] = 7
    assert (crop(flat, np.array([[50, 15], [70, 65]], np.float32)) == 7).all()


def test_missing_weights_are_named(monkeypatch, tmp_path):
    monkeypatch.setenv("TALKBENCH_CACHE", str(tmp_path))
    head_pose._session.cache_clear()
    with pytest.raises(AssetError, match=r"6DRepNet360\.onnx \(.* in faceangle 0\.3\.0\) is missing"):
        head_pose._session()


@pytest.mark.network
@pytest.mark.slow
@pytest.mark.usefixtures("network")
@pytest.mark.parametrize(("degrees", "tolerance"), [(-10, 2), (10, 2), (20, 4)])
def test_a_picture_turned_by_a_known_angle(metric, score, acting, degrees, tolerance):
    """The roll is what was turned, and yaw and pitch follow as the rotation says."""
    picture = acting[20]
    pair = np.stack([picture] * 2), np.stack([picture, turned(picture, degrees)])
    values = score(metric("pose_error"), *pair).values
    assert values["pose_error_roll"] == pytest.approx(abs(degrees), abs=tolerance)
    assert values["pose_error"] == pytest.approx(abs(degrees), abs=tolerance)
    before, after = head_pose.rotations(np.stack([picture, pair[1][1]]))
    assert angle(rotation(0, 0, degrees) @ before, after) < 1.5 * tolerance
    assert np.sign(euler(after)[2] - euler(before)[2]) == np.sign(degrees)


@pytest.mark.network
@pytest.mark.slow
@pytest.mark.usefixtures("network")
def test_another_network_sees_the_same(acting, face):
    """WHENet, which was trained by others on other labels, on the same crops."""
    import onnxruntime

    session = onnxruntime.InferenceSession(str(locate(WHENET)), providers=["CPUExecutionProvider"])
    mean, deviation = np.float32([[0.485, 0.456, 0.406]]), np.float32([[0.229, 0.224, 0.225]])
    frames = np.stack([*acting[::16], face, turned(face, 15)])
    apart = []
    for frame, found in zip(frames, head_pose.faces(frames), strict=True):
        (ours,) = head_pose.rotations(frame[None])
        picture = (crop(frame, found.points) / np.float32(255) - mean) / deviation
        theirs = [float(value[0]) for value in session.run(["yaw", "pitch", "roll"], {"face": picture[None]})]
        apart.append(euler(ours) - theirs)
    assert np.abs(apart).mean() < 4
    assert np.abs(apart).max() < 12


@pytest.mark.network
@pytest.mark.slow
@pytest.mark.usefixtures("network")
def test_real_heads(metric, score, acting, frozen):
    pair = acting[:4], acting[:4] // 24 * 24 + 12
    same = score(metric("pose_error"), pair[0], pair[0]).values
    assert [same[column] for column in metric("pose_error").columns] == [0] * 6
    coarse = score(metric("pose_error"), *pair).values
    frozen("pose_error", coarse["pose_error"], 0.1)
    assert 0 < coarse["pose_error"] < 5
    taken = pair[0].copy()
    taken[2] = 128
    assert score(metric("pose_error"), pair[0], taken).values["pose_error_miss"] == pytest.approx(1 / 3)
