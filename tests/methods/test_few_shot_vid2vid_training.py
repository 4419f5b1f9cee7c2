"""How few-shot vid2vid's models are trained."""

from __future__ import annotations

from dataclasses import asdict, replace
from pathlib import Path

import pytest
import torch
from talkbench.methods.few_shot_vid2vid.config import SMALL
from talkbench.methods.few_shot_vid2vid.paper_config import PAPER
from talkbench.methods.few_shot_vid2vid.training.few_shot import FewShotTraining
from talkbench.methods.few_shot_vid2vid.training.objective import FewShotObjective, rendered
from talkbench.methods.training.batch import Batch
from talkbench.methods.training.settings import configured, read_settings

THIN = {
    "small": replace(
        SMALL,
        motion_size=32,
        flow_widths=(8, 16),
        flow_blocks=1,
        appearance_widths=(8, 16),
        code_widths=(8, 8),
        code=4,
        generator_width=16,
        generator_blocks=1,
        generator_widths=(8, 8),
    ),
    "paper": replace(PAPER, width=8, most=32, halvings=3, adaptive_layers=2, flow_halvings=1, flow_blocks=1),
}


@pytest.fixture(autouse=True)
def seed():
    with torch.random.fork_rng():
        torch.manual_seed(0)
        yield


@pytest.fixture(params=list(THIN))
def size(request):
    return request.param


@pytest.fixture
def training() -> FewShotTraining:
    return FewShotTraining()


@pytest.fixture
def batch() -> Batch:
    boxes = torch.tensor([[0.0, -0.2, 0.5, 0.2], [0.0, 0.3, 0.4, 0.3]]).expand(3, 2, 4)
    pictures = torch.rand(2, 3, 3, 64, 64)
    landmarks, rotation = torch.rand(3, 2, 478, 2) - 0.5, torch.eye(3).expand(3, 2, 3, 3)
    return Batch(*pictures, landmarks, rotation, torch.rand(3, 2, 55), boxes)


def distance(a, b):
    """Stands for LPIPS: mean squared error of each pair."""
    return (a - b).square().mean((1, 2, 3))


def test_every_term_has_a_weight_and_reaches_all_networks(size, training, batch):
    settings = read_settings(training, [f"recipe={size}"])
    assert configured(training, settings) == {"small": SMALL, "paper": PAPER}[size]
    model = training.build(THIN[size]).train()
    # What adapts SPADE begins with zeros, behind which nothing learns in the first step.
    for name, parameter in model.named_parameters():
        if "adapt" in name or "flow.last" in name:
            torch.nn.init.normal_(parameter, std=0.1)
    step = FewShotObjective(distance)(model, batch, torch.Generator())
    weights = asdict(settings.weights)
    assert set(step.terms) <= set(weights)
    assert step.picture.shape == (3, 3, 64, 64)
    sum(weights[name] * value for name, value in step.terms.items()).backward()
    unseen = "weight_generator.picture.up.0", "weight_generator.labels.up.0"
    still = [name for name, p in model.named_parameters() if p.grad is None or not p.grad.abs().sum()]
    assert [name for name in still if not name.startswith(unseen)] == []


def test_a_model_learns_a_pair(size, training, batch):
    model = training.build(THIN[size]).train()
    objective, optimiser = FewShotObjective(distance), torch.optim.Adam(model.parameters(), 3e-3)
    pixel = []
    for _ in range(24):
        step = objective(model, batch, torch.Generator())
        optimiser.zero_grad()
        sum(step.terms.values()).backward()
        optimiser.step()
        pixel.append(float(step.terms["pixel"].detach()))
    assert pixel[-1] < 0.9 * pixel[0]


def test_what_is_looked_at_is_what_the_codec_paints(size, training, batch, tmp_path: Path):
    model = training.build(THIN[size]).eval()
    look = training.look(model, batch)
    assert [len(shown) for shown in look.beside] == [3, 3, 3]
    torch.testing.assert_close(look.picture, rendered(model, batch).picture)
    if size == "small":
        training.save(model, tmp_path / "w.safetensors", {})
        again = training.load(tmp_path / "w.safetensors")
        assert all(parameter.requires_grad for parameter in again.parameters())
        assert (training.look(again.eval(), batch).picture - look.picture).abs().max() < 0.02
    assert all(sentence.endswith(".") for sentence in training.departures(model, read_settings(training, [])))
