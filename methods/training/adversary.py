"""The adversary: a patch discriminator, its losses and its training (Wang et al., appendix A.2)."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils.parametrizations import spectral_norm

from .workers import Workers


class PatchDiscriminator(nn.Module):
    """Picture (B, 3, S, S) in [0, 1] → features of every layer, the last being patch scores."""

    def __init__(self, width: int = 48, layers: int = 3) -> None:
        super().__init__()
        self.layers = nn.ModuleList()
        inputs = 3
        for index in range(layers):
            outputs = width << index
            self.layers.append(spectral_norm(nn.Conv2d(inputs, outputs, 4, 2, 1)))
            inputs = outputs
        self.layers.append(spectral_norm(nn.Conv2d(inputs, 1, 4, 1, 1)))

    def forward(self, picture: Tensor) -> list[Tensor]:
        x = picture * 2 - 1
        features = []
        for layer in self.layers[:-1]:
            x = F.leaky_relu(layer(x), 0.2)
            features.append(x)
        features.append(self.layers[-1](x).float())
        return features


def discriminator_hinge(real: Tensor, fake: Tensor) -> Tensor:
    """Hinge loss of the discriminator on patch scores."""
    return F.relu(1 - real).mean() + F.relu(1 + fake).mean()


def generator_terms(real: list[Tensor], fake: list[Tensor]) -> tuple[Tensor, Tensor]:
    """The generator's hinge loss, and feature matching (mean L1 over the inner layers)."""
    matching = torch.stack(
        [F.l1_loss(f.float(), r.detach().float()) for r, f in zip(real[:-1], fake[:-1], strict=True)]
    ).mean()
    return -fake[-1].mean(), matching


class Adversary:
    """A discriminator that learns beside a model.

    Attributes:
        network: the discriminator.
        optimiser: its own.
        judged: its loss in the last step.
    """

    def __init__(self, device: torch.device, betas: Sequence[float]) -> None:
        self.network = PatchDiscriminator().to(device)
        self.judged = 0.0
        self.optimiser = torch.optim.Adam(self.network.parameters(), lr=1e-4, betas=(betas[0], betas[1]))

    def terms(self, picture: Tensor, target: Tensor, rate: float, workers: Workers) -> dict[str, Tensor]:
        """Learn from a batch, then judge it: the model's terms `adversarial` and `features`.

        Args:
            picture: (B, 3, S, S) what the model painted, with its gradient.
            target: (B, 3, S, S) what it should have.
            rate: learning rate of this step.
            workers: that learn together.
        """
        judged = discriminator_hinge(self.network(target)[-1], self.network(picture.detach())[-1])
        for group in self.optimiser.param_groups:
            group["lr"] = rate
        self.optimiser.zero_grad(set_to_none=True)
        torch.autograd.backward(judged)
        workers.average(self.network.parameters())
        self.optimiser.step()
        self.judged = float(judged.detach())
        self.network.requires_grad_(False)
        hinge, matching = generator_terms(self.network(target), self.network(picture))
        self.network.requires_grad_(True)
        return {"adversarial": hinge, "features": matching}
