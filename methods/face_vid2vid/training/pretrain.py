"""Teach L, H and Δ from labels alone, before the whole model is trained.

A step of the whole model costs as much as twenty of this one, and its pictures say little about
blinks; labels say it directly. The angles learn from the bins of the labelled ones, δ through the
same linear probe that the whole training uses, x_c, t and δ together from landmarks that the keypoints
are drawn to: only a start, from which the whole training may depart.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from ....core.store import writing
from ...training.clips import TrainingClip
from ...training.labelled_frames import LabelledFrames
from ...training.labels import ANCHORS
from ..geometry import matrix_to_euler, transform_keypoints
from ..networks import CanonicalKeypoints, MotionEstimator
from . import losses
from .settings import FaceVid2VidSettings


def _correlation(a: Tensor, b: Tensor) -> float:
    """Pearson's r of two (t,) series; NaN where one of them does not move."""
    a, b = a - a.mean(), b - b.mean()
    scale = float(a.norm() * b.norm())
    return float(a @ b) / scale if scale > 1e-9 else math.nan


@torch.no_grad()
def judge(
    net: MotionEstimator, probe: losses.ExpressionProbe, clips: Sequence[TrainingClip], size: int
) -> dict[str, float]:
    """On held-out people: mean angle error in degrees, and correlation of the openings within a clip.

    A correlation is over the clips in which both move, 0 where there are none.
    """
    net.eval()
    device = next(net.parameters()).device
    errors, found = [], []
    for clip in clips:
        rows = clip.valid[::3]
        stack = torch.from_numpy(np.asarray(clip.frames[rows])).permute(0, 3, 1, 2).float() / 255
        motion, _ = net(F.interpolate(stack, size=(size, size), mode="area").to(device))
        wanted = matrix_to_euler(torch.from_numpy(clip.rotation[rows]))
        errors.append((motion.angles.cpu() - wanted).abs().mean(0))
        values = probe.read(motion.deformation)[:, :3].cpu()
        truth = torch.from_numpy(clip.expression[rows])[:, :3]
        found.append([_correlation(values[:, i], truth[:, i]) for i in range(3)])
    net.train()
    yaw, pitch, roll = torch.stack(errors).mean(0).tolist()
    right, left, mouth = (
        float(np.mean(moving)) if (moving := [r for r in column if not math.isnan(r)]) else 0.0
        for column in zip(*found, strict=True)
    )
    return {"yaw": yaw, "pitch": pitch, "roll": roll, "eyes": (right + left) / 2, "mouth": mouth}


class Pretrainer:
    """L, H and Δ with their probe, taught from labels; goes on from `file` if it is there.

    Args:
        net, canonical, probe: what is taught, in place.
        training, held_out: clips to learn from, and to judge by.
        size: side of the pictures that the motion networks see.
        file: where it stands, written every `settings.look_every` minutes and when it stops.
        say: told of progress.
    """

    def __init__(
        self,
        net: MotionEstimator,
        canonical: CanonicalKeypoints,
        probe: losses.ExpressionProbe,
        settings: FaceVid2VidSettings,
        training: Sequence[TrainingClip],
        held_out: Sequence[TrainingClip],
        size: int,
        file: Path,
        say: Callable[[str], None],
    ) -> None:
        self.net, self.canonical, self.probe = net, canonical, probe
        self.settings, self.plan = settings, settings.pretraining
        self.held_out, self.size, self.file, self.say = held_out, size, file, say
        self.step = 0
        self.device = next(net.parameters()).device
        taught = [*net.parameters(), *canonical.parameters(), *probe.parameters()]
        self.optimiser = torch.optim.Adam(taught, lr=self.plan.rate)
        if file.exists():
            self._resume()
        self.frames = LabelledFrames(training, self.size, settings.seed + self.step)

    def _parts(self) -> dict[str, Any]:
        return {
            "estimator": self.net,
            "canonical": self.canonical,
            "probe": self.probe,
            "optimiser": self.optimiser,
        }

    def _resume(self) -> None:
        state = torch.load(self.file, map_location=self.device, weights_only=True)
        for name, part in self._parts().items():
            part.load_state_dict(state[name])
        self.step = state["step"]

    def _save(self) -> None:
        with writing(self.file) as temporary:
            parts = {name: part.state_dict() for name, part in self._parts().items()}
            torch.save({**parts, "step": self.step}, temporary)

    def run(self, stopping: Callable[[], bool]) -> bool:
        """Teach to the end of the plan, or until `stopping`; returns whether it came to the end."""
        began = saved = time.monotonic()
        sums: dict[str, float] = {}
        every = self.settings.report_every
        while self.step < self.plan.steps and not stopping():
            for name, value in self._teach().items():
                sums[name] = sums.get(name, 0.0) + value / every
            self.step += 1
            if self.step % every == 0:
                shown = "  ".join(f"{name} {value:.3f}" for name, value in sums.items())
                took = time.monotonic() - began
                self.say(f"L, H and Δ, step {self.step} of {self.plan.steps}  {took:.0f} s  {shown}")
                sums = {}
                if time.monotonic() - saved > 60 * self.settings.look_every:
                    self._save()
                    saved = time.monotonic()
        found = judge(self.net, self.probe, self.held_out, self.size)
        self.say("L, H and Δ, held out: " + "  ".join(f"{name} {value:.3f}" for name, value in found.items()))
        self._save()
        return self.step >= self.plan.steps

    def _teach(self) -> dict[str, float]:
        """One step; returns its terms."""
        done = self.step / max(1, self.plan.steps)
        for group in self.optimiser.param_groups:
            cosine = 0.02 + 0.98 * 0.5 * (1 + math.cos(math.pi * done))
            group["lr"] = self.plan.rate * min(1, (self.step + 1) / 100) * cosine
        batch = max(2, self.plan.batch // 2 * 2)
        drawn = self.frames.draw(batch)
        pictures, rotation, landmarks, targets = (x.to(self.device) for x in drawn)
        angles = matrix_to_euler(rotation)
        with torch.autocast(self.device.type, dtype=torch.bfloat16, enabled=self.settings.autocast):
            motion, logits = self.net(pictures.contiguous(memory_format=torch.channels_last))
            # Ordered keypoints: the first ones alone must say most of it.
            count = self.net.keypoints
            kept = torch.randint(count // 4, count, (batch // 2,), device=self.device)
            few = motion.keep(kept.repeat(2)).deformation
            wanted = torch.stack(targets.chunk(2), 1)
            # x_c of the first picture, moved as each of the two is: as it will be used.
            shape = self.canonical(pictures[: batch // 2]).repeat(2, 1, 1)
            points = transform_keypoints(shape, motion.rotation, motion.translation, motion.deformation)
            terms: dict[str, Tensor] = {
                "pose": losses.head_pose(motion.angles, angles),
                "bins": losses.head_pose_bins(logits, angles),
                "expression": self.probe(*motion.deformation.chunk(2), wanted),
                "anchors": losses.anchor(points, landmarks),
            }
            total = 4 * terms["pose"] + terms["bins"] + 2 * terms["expression"] + 40 * terms["anchors"]
            # A loose hold: the middle of the keypoints is where t says the head is.
            total = total + F.l1_loss(motion.translation[:, :2], landmarks[:, ANCHORS].mean(1))
            total = total + self.probe(*few.chunk(2), wanted)
            total = total + 2 * losses.deformation_prior(motion.deformation)
        self.optimiser.zero_grad(set_to_none=True)
        torch.autograd.backward(total)
        self.optimiser.step()
        return {name: float(value.detach()) for name, value in terms.items()}
