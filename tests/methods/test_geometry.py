"""Rotations, keypoints and flows of face-vid2vid."""

from __future__ import annotations

import pytest
import torch
from talkbench.methods.face_vid2vid import geometry


def random_rotation(count: int) -> torch.Tensor:
    return geometry.euler_to_matrix(torch.randn(count, 3) * 25)


def test_bins_to_degrees_of_a_certain_bin():
    logits = torch.full((3, 66), -100.0)
    logits[0, 0] = logits[1, 33] = logits[2, 65] = 100.0
    assert torch.allclose(geometry.bins_to_degrees(logits), torch.tensor([-99.0, 0.0, 96.0]))


def test_euler_angles_survive_the_matrix():
    angles = torch.randn(50, 3) * 25
    back = geometry.matrix_to_euler(geometry.euler_to_matrix(angles))
    assert torch.allclose(back, angles, atol=1e-3)


def test_rotation_is_orthonormal():
    r = random_rotation(5)
    assert torch.allclose(r @ r.transpose(1, 2), torch.eye(3).expand(5, 3, 3), atol=1e-5)
    assert torch.allclose(torch.det(r), torch.ones(5), atol=1e-5)


def test_each_candidate_flow_carries_its_driving_keypoint_to_its_source_keypoint():
    source, driving = torch.rand(2, 4, 3) - 0.5, torch.rand(2, 4, 3) - 0.5
    jacobian = random_rotation(2)
    for k in range(4):
        grid = driving[:1, k].reshape(1, 1, 1, 3)
        flows = geometry.candidate_flows(grid, source[:1], driving[:1], jacobian[:1])
        assert torch.allclose(flows[0, k + 1, 0, 0, 0], source[0, k], atol=1e-5)
        assert torch.equal(flows[0, 0], grid)


def test_composed_flow_equals_the_weighted_sum_of_candidates():
    grid = geometry.cell_grid(3, 5, 6, device=torch.device("cpu"))
    source, driving, jacobian = torch.randn(2, 7, 3), torch.randn(2, 7, 3), random_rotation(2)
    masks = torch.randn(2, 8, 3, 5, 6).softmax(1)
    flows = geometry.candidate_flows(grid, source, driving, jacobian)
    expected = torch.einsum("bkdhw,bkdhwc->bdhwc", masks, flows)
    found = geometry.compose_flow(masks, grid, source, driving, jacobian)
    assert torch.allclose(found, expected, atol=1e-5)


def test_gaussians_equal_their_definition():
    points = torch.rand(2, 3, 3) * 2 - 1
    grid = geometry.cell_grid(4, 5, 6, device=torch.device("cpu"))
    squared = (grid[None, None] - points[:, :, None, None, None]).square().sum(-1)
    assert torch.allclose(geometry.gaussians(4, 5, 6, points, 0.02), torch.exp(-squared / 0.04), atol=1e-6)


@pytest.mark.parametrize("shape", [(2, 3, 8, 8), (2, 3, 4, 8, 8)])
def test_the_identity_flow_changes_nothing(shape):
    features = torch.rand(shape)
    flow = geometry.cell_grid(*shape[2:], device=torch.device("cpu")).expand(2, *shape[2:], len(shape) - 2)
    assert torch.allclose(geometry.warp(features, flow), features, atol=1e-5)


def test_an_enlarged_identity_flow_is_the_identity_inside():
    flow = geometry.cell_grid(8, 8, device=torch.device("cpu"))[None]
    large = geometry.resize_flow(flow, 32, 32)
    inside = slice(4, 28)
    exact = geometry.cell_grid(32, 32, device=torch.device("cpu"))[None]
    assert torch.allclose(large[:, inside, inside], exact[:, inside, inside], atol=1e-5)
