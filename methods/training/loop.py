"""The training loop: resumable, with a running average, a log, and pictures to look at."""

from __future__ import annotations

import math
import pickle
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Generic

import numpy as np
import torch
from torch import Tensor, nn

from ...core.errors import UsageError
from ...core.store import writing
from . import log
from .adversary import Adversary
from .average import Average
from .batch import Batch
from .card import Past
from .clips import TrainingClip
from .contract import M, S, Training
from .perceptual import Perceptual
from .sampler import batches
from .schedule import phase_at
from .sheet import HeldOut
from .workers import Workers

LARGEST_LOOK = 256
"""Held-out pictures are painted at the last phase's size, but not larger."""
COUNTERS = ("step", "pictures", "seconds", "best", "origin")
"""What a checkpoint says beside tensors and settings."""


class Trainer(Generic[M, S]):
    """Trains one model in one folder.

    `out` holds `latest.pt` and `best.pt` (all that is needed to go on), `losses.csv` (means of all
    terms over each report), `held_out.csv`, and `sheets/` of pictures.

    Args:
        training: what the model brings.
        settings: of this training.
        model: that is to be trained.
        clips: to train on, and of other people to judge by.
        perceptual: file of LPIPS-alex' trunk.
        out: the folder.
        origin: weights that training begins with, for the card; '' where it begins with none.
        workers: that train it together.
        say: told of progress.
    """

    def __init__(
        self,
        training: Training[M, S],
        settings: S,
        model: M,
        clips: tuple[Sequence[TrainingClip], Sequence[TrainingClip]],
        perceptual: Path,
        out: Path,
        origin: str,
        workers: Workers,
        say: Callable[[str], None],
    ) -> None:
        self.training, self.settings, self.clips = training, settings, clips
        self.out, self.workers, self.say = out, workers, say
        self.step = self.pictures = 0
        self.seconds, self.best, self.origin = 0.0, math.inf, origin
        device = workers.device
        self.model: M = workers.prepared(model).train().requires_grad_(True)
        half = torch.bfloat16 if settings.autocast else torch.float32
        self.objective = training.objective(
            settings, self.model, Perceptual(perceptual, half).to(device), clips[0]
        )
        self.objective.beside.to(device)
        workers.follow(self.model, self.objective.beside)
        self.average = Average(self.model, settings.ema)
        groups: list[dict[str, Any]] = [
            {"params": list(parameters)} for parameters, _ in training.groups(self.model, settings)
        ]
        groups[-1]["params"] += self.objective.beside.parameters()
        self.shares = [share for _, share in training.groups(self.model, settings)]
        self.learnt = [parameter for group in groups for parameter in group["params"]]
        betas = settings.betas[0], settings.betas[1]
        self.optimiser = torch.optim.Adam(groups, lr=1e-4, betas=betas)
        self.adversary = Adversary(device, settings.betas) if settings.weights.adversarial > 0 else None
        if self.adversary is not None:
            workers.follow(self.adversary.network)
        size = min(settings.phases[-1].size, LARGEST_LOOK)
        self.held_out = HeldOut(training, clips[1], size, Perceptual(perceptual).to(device), device)

    # Checkpoints ---------------------------------------------------------------------------

    def _parts(self) -> dict[str, Any]:
        """What has a state of its own."""
        parts: dict[str, Any] = {
            "model": self.model,
            "average": self.average.model,
            "beside": self.objective.beside,
            "optimiser": self.optimiser,
        }
        if self.adversary is not None:
            parts["adversary"] = self.adversary.network
            parts["adversary_optimiser"] = self.adversary.optimiser
        return parts

    def save(self, name: str) -> None:
        """Write a checkpoint, as tensors and plain values; a kill leaves the old one."""
        state = {part: value.state_dict() for part, value in self._parts().items()}
        counters = {name: getattr(self, name) for name in COUNTERS}
        plain = {"config": _config(self.model), "settings": self.settings.to_dict()}
        with writing(self.out / f"{name}.pt") as file:
            torch.save({**state, **counters, **plain}, file)

    def resume(self) -> bool:
        """Go on from `latest.pt`; returns whether it is there.

        Raises:
            UsageError: it is damaged, or of other networks than those of the settings.
        """
        path = self.out / "latest.pt"
        if not path.exists():
            return False
        another = f"choose another --out, or take {path.name} away to begin anew"
        try:
            state = torch.load(path, map_location=self.workers.device, weights_only=True)
            if state["config"] != _config(self.model):
                raise UsageError(f"{path} holds other networks than these settings define; {another}")
            for name, part in self._parts().items():
                if name in state:  # an adversary may join later
                    part.load_state_dict(state[name])
            for name in COUNTERS:
                setattr(self, name, state[name])
        except (RuntimeError, KeyError, ValueError, TypeError, EOFError, pickle.UnpicklingError) as error:
            reason = " ".join(str(error).split())[:200]
            raise UsageError(f"{path} is no checkpoint to go on from ({reason}); {another}") from None
        if self.workers.first:
            for table in ("losses.csv", "held_out.csv"):
                log.forget_after(self.out / table, self.step)
        return True

    def exportable(self) -> tuple[M, Past]:
        """The average closest to the held-out pictures, and its past; the last one if none was judged."""
        model, past = self.average.model, Past(self.step, self.pictures, self.seconds, self.origin)
        best = self.out / "best.pt"
        if best.exists():
            state = torch.load(best, map_location=self.workers.device, weights_only=True)
            model.load_state_dict(state["average"])
            past = Past(state["step"], state["pictures"], state["seconds"], state["origin"])
        return model, past

    # Steps ---------------------------------------------------------------------------------

    def pretrain(self, stopping: Callable[[], bool]) -> bool:
        """What is taught before the whole, in one worker; whether it is done."""
        done = True
        if self.workers.first:
            file = self.out / "pretrained.pt"
            done = self.training.pretrain(
                self.model, self.objective, self.settings, *self.clips, file, stopping, self.say
            )
        done = self.workers.follow(self.model, self.objective.beside, flag=done)
        self.average.model.load_state_dict(self.model.state_dict())
        return done

    def train_step(self, batch: Batch, stop: bool = False) -> tuple[dict[str, float], bool]:
        """One step; returns the unweighted terms and measures, and whether to stop here."""
        _, rate = phase_at(self.settings, self.step)
        for group, share in zip(self.optimiser.param_groups, self.shares, strict=True):
            group["lr"] = rate * share
        seeds = np.random.SeedSequence([self.settings.seed, self.step, self.workers.rank, 1])
        generator = torch.Generator().manual_seed(int(seeds.generate_state(1)[0]))
        device = self.workers.device.type
        with torch.autocast(device, dtype=torch.bfloat16, enabled=self.settings.autocast):
            result = self.objective(self.model, batch, generator)
            terms = dict(result.terms)
            if self.adversary is not None:
                terms |= self.adversary.terms(result.picture, batch.driving, rate, self.workers)
            total = self._weigh(terms)
        self.optimiser.zero_grad(set_to_none=True)
        torch.autograd.backward(total)
        stop = self.workers.average(self.learnt, stop)
        norm = nn.utils.clip_grad_norm_(self.learnt, self.settings.grad_norm)
        if torch.isfinite(norm):
            self.optimiser.step()
            self.average.update(self.model, self.step)
        self.step += 1
        self.pictures += len(batch.source) * self.workers.count
        values = {name: float(value.detach()) for name, value in terms.items()}
        if self.adversary is not None:
            values["discriminator"] = self.adversary.judged
        values.update(result.measures, total=float(total.detach()), grad_norm=float(norm))
        return values, stop

    def _weigh(self, terms: dict[str, Tensor]) -> Tensor:
        total = torch.zeros((), device=self.workers.device)
        for name, value in terms.items():
            weight = getattr(self.settings.weights, name) * self.objective.share(name, self.step)
            if weight:
                total = total + weight * value
        return total

    def train(self, stopping: Callable[[], bool]) -> None:
        """Train to the end of the last phase, or until `stopping`; then write a checkpoint."""
        looked = started = time.monotonic()
        sums: dict[str, float] = {}
        since, stop = self.pictures, self.workers.follow(flag=stopping())
        every, end = self.settings.report_every, self.settings.phases[-1].until
        coming = batches(self.clips[0], self.settings, self.step, self.workers)
        while not stop and self.step < end:
            values, stop = self.train_step(next(coming).to(self.workers.device), stopping())
            for name, value in values.items():
                sums[name] = sums.get(name, 0.0) + value / every
            if self.step % every == 0:
                took = time.monotonic() - started
                self.seconds += took
                if self.workers.first:
                    self._report(sums, (self.pictures - since) / took)
                sums, started, since = {}, time.monotonic(), self.pictures
                if time.monotonic() - looked > 60 * self.settings.look_every:
                    self.look()
                    looked = started = time.monotonic()
        self.workers.wait()
        if self.workers.first:
            self.save("latest")

    def _report(self, sums: dict[str, float], rate: float) -> None:
        row = {
            "step": self.step,
            "pictures": self.pictures,
            "hours": round(self.seconds / 3600, 4),
            "pictures_per_second": round(rate, 2),
            **{name: float(f"{value:.5g}") for name, value in sums.items()},
        }
        log.append(self.out / "losses.csv", row)
        shown = "  ".join(f"{name} {sums[name]:.3f}" for name in self.training.shown if name in sums)
        end = self.settings.phases[-1].until
        self.say(f"step {self.step} of {end}  {rate:.1f} pictures/s  {shown}")

    def look(self) -> None:
        """Judge the average on the held-out people, and write checkpoints; the first worker does."""
        if not self.workers.first:
            return
        found = self.held_out.look(self.average.model, self.out / "sheets" / f"{self.step:07}.png")
        row = {"step": self.step, "hours": round(self.seconds / 3600, 4), **found}
        log.append(self.out / "held_out.csv", row)
        self.say("held out: " + "  ".join(f"{name} {value}" for name, value in found.items()))
        score = found["lpips"] + found["regions"]
        better = score < self.best
        self.best = min(self.best, score)
        if better:
            self.save("best")
        self.save("latest")


def _config(model: nn.Module) -> dict[str, Any]:
    config: Any = model.config
    plain: dict[str, Any] = config.to_dict()
    return plain
