"""A picture moved by somebody else's clip, and a head turned by hand."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from talkbench.core.errors import UsageError
from talkbench.core.method import Animator
from talkbench.core.motion_coding import Parameters
from talkbench.core.registry import load, plugins
from talkbench.methods.face_vid2vid.geometry import euler_to_matrix, transform_keypoints
from talkbench.methods.face_vid2vid.retargeting import head_rotations, redirected, relative_motion
from torch import Tensor

ANIMATORS = [name for name in sorted(plugins("methods")) if issubclass(load("methods", name), Animator)]


@pytest.fixture(params=ANIMATORS)
def animator(request, make_method):
    return make_method(request.param)


@pytest.fixture
def portrait(make_testcard):
    """A source picture, not square."""
    return next(make_testcard(width=72, height=64, frames=9).frames())[8]


def numbers(*seeds: int) -> Parameters:
    """A frame a seed, of four keypoints; angles within 30 degrees."""
    scales = np.array([30.0] * 3 + [0.3] * 3 + [0.05] * 12)
    rows = [np.random.default_rng(seed).uniform(-scales, scales) for seed in seeds]
    return np.stack(rows).astype(np.float32)


def keypoints(frames: Parameters, canonical: Tensor) -> Tensor:
    """Eq. 1 of each frame."""
    every = torch.from_numpy(frames)
    turn = euler_to_matrix(every[:, :3])
    return transform_keypoints(canonical, turn, every[:, 3:6], every[:, 6:].reshape(len(frames), -1, 3))


def test_every_frame_of_the_driving_clip_gives_one_of_the_source(animator, portrait, make_testcard):
    driving = make_testcard(size=64, frames=11)
    for relative in (False, True):
        blocks = list(animator.animate(portrait, driving, relative=relative))
        assert all(len(block) and block.dtype == np.uint8 for block in blocks)
        assert np.concatenate(blocks).shape == (11, 64, 72, 3)


def test_motion_is_the_same_where_the_source_begins_the_clip(animator, make_testcard, whole):
    clip = make_testcard(size=64, frames=6)
    source = next(clip.frames())[0]
    absolute, relative = (whole(animator.animate(source, clip, kind)) for kind in (False, True))
    assert np.abs(absolute.astype(int) - relative).max() <= 1
    assert np.ptp(absolute.astype(int), axis=0).max() > 1


def test_a_clip_that_stands_still_leaves_the_source_still(animator, portrait, make_testcard, whole):
    still = make_testcard(size=64, frames=1)
    relative = whole(animator.animate(portrait, still, relative=True))
    own = whole(animator.animate(portrait, _one(portrait, make_testcard)))
    assert np.abs(relative.astype(int) - own).max() <= 1
    absolute = whole(animator.animate(portrait, still))
    assert np.abs(absolute.astype(int) - own).max() > 1


def _one(picture, make_testcard):
    """A clip of one picture."""
    from dataclasses import dataclass, replace

    from talkbench.core.video import Source

    @dataclass(frozen=True)
    class Still(Source):
        def frames(self):
            yield picture[None]

        def fingerprint(self):
            return "still"

    card = make_testcard(width=picture.shape[1], height=picture.shape[0], frames=1)
    return replace(card, source=Still(), limit=None)


def test_a_pose_is_set_or_said_to_be_missing(animator, portrait):
    if type(animator).redirect is Animator.redirect:
        with pytest.raises(UsageError, match=f"{animator.name} has no head pose"):
            animator.redirect(portrait, np.eye(3), np.zeros(3))
        return
    same = animator.redirect(portrait, np.eye(3), np.zeros(3))
    assert same.shape == portrait.shape
    assert same.dtype == np.uint8
    turned = animator.redirect(portrait, euler_to_matrix(torch.tensor([20.0, 0, 0])).numpy(), np.zeros(3))
    moved = animator.redirect(portrait, np.eye(3), np.array([0.1, 0, 0]))
    for other in (turned, moved):
        assert np.abs(same.astype(int) - other).max() > 1


@pytest.mark.parametrize(
    ("rotation", "translation", "message"),
    [
        (np.diag([1, 1, 2]), np.zeros(3), "is no rotation"),
        (np.diag([1, 1, -1]), np.zeros(3), "is no rotation"),
        (np.full((3, 3), np.nan), np.zeros(3), "is no rotation"),
        (np.zeros(3), np.zeros(3), "is no rotation"),
        (np.eye(3), np.zeros(2), "is no translation"),
        (np.eye(3), np.full(3, np.inf), "is no translation"),
    ],
)
def test_what_is_no_pose_is_refused(rotation, translation, message, make_method, portrait):
    with pytest.raises(UsageError, match=message):
        make_method("ours").redirect(portrait, rotation, translation)


def test_relative_motion_is_what_happened_since_the_first_frame():
    source, driving, first = numbers(0), numbers(1, 2, 3), numbers(4)
    moved = relative_motion(source, driving, first)
    now, then, own, turned = (
        euler_to_matrix(torch.from_numpy(one[:, :3])) for one in (driving, first, source, moved)
    )
    torch.testing.assert_close(turned @ own.mT, now @ then.mT, rtol=0, atol=1e-5)
    np.testing.assert_allclose(moved[:, 3:] - source[:, 3:], driving[:, 3:] - first[:, 3:], atol=1e-6)
    np.testing.assert_allclose(relative_motion(first, driving, first), driving, atol=1e-4)


@pytest.mark.parametrize("yaw", [0.0, 60.0, 110.0, -150.0])
def test_a_head_is_turned_after_its_own_rotation_and_about_its_own_place(yaw):
    head, canonical = numbers(5), torch.rand(1, 4, 3)
    turn, shift = euler_to_matrix(torch.tensor([yaw, 10.0, -5.0])), torch.tensor([0.1, -0.2, 0.3])
    moved = redirected(head, turn.numpy(), shift.numpy())
    resting = keypoints(np.concatenate([head[:, :3], np.zeros_like(head[:, 3:])], 1), canonical)
    place, deformation = torch.from_numpy(head[:, 3:6]), torch.from_numpy(head[0, 6:].reshape(4, 3))
    expected = resting @ turn.T + place + shift + deformation
    torch.testing.assert_close(keypoints(moved, canonical), expected, rtol=0, atol=1e-5)


def test_the_inverse_of_a_head_s_rotation_makes_it_look_straight_ahead():
    head = numbers(6)
    ahead = redirected(head, head_rotations(head)[0].T, np.zeros(3))
    np.testing.assert_allclose(ahead[:, :3], 0, atol=1e-4)
    np.testing.assert_array_equal(ahead[:, 3:], head[:, 3:])


def test_what_a_method_sees_of_a_head_is_told_or_said_to_be_missing(animator, portrait):
    if type(animator).canonical_keypoints is Animator.canonical_keypoints:
        with pytest.raises(UsageError, match=f"{animator.name} has no canonical keypoints"):
            animator.canonical_keypoints(portrait)
        with pytest.raises(UsageError, match=f"{animator.name} has no head pose"):
            animator.head_rotation(portrait)
        return
    keypoints = animator.canonical_keypoints(portrait)
    assert keypoints.shape[1:] == (3,)
    assert np.isfinite(keypoints).all()
    rotation = animator.head_rotation(portrait)
    np.testing.assert_allclose(rotation @ rotation.T, np.eye(3), atol=1e-6)
