"""Teach the detector from labels alone, before the whole model is trained.

A step of the whole model costs several of this one, and its pictures say little about where lids are;
landmarks say it directly. Only a start, from which the whole training may depart.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from ....core.store import writing
from ...training.clips import TrainingClip
from ...training.labelled_frames import LabelledFrames
from ..detector import KeypointDetector
from .losses import Mesh
from .settings import FirstOrderMotionSettings

JACOBIAN_SHARE = 0.2
"""Weight of the Jacobians' distance beside that of the places."""


class Pretrainer:
    """The detector, taught from landmarks; goes on from `file` if it is there.

    Args:
        detector: what is taught, in place.
        mesh: what landmarks say of keypoints and Jacobians.
        clips: to learn from.
        file: where it stands, written when it stops.
        say: told of progress.
    """

    def __init__(
        self,
        detector: KeypointDetector,
        mesh: Mesh,
        settings: FirstOrderMotionSettings,
        clips: Sequence[TrainingClip],
        file: Path,
        say: Callable[[str], None],
    ) -> None:
        self.detector, self.mesh, self.settings = detector, mesh, settings
        self.plan, self.file, self.say = settings.pretraining, file, say
        self.step = 0
        self.device = next(detector.parameters()).device
        self.optimiser = torch.optim.Adam(detector.parameters(), lr=self.plan.rate)
        if file.exists():
            state = torch.load(file, map_location=self.device, weights_only=True)
            for name, part in self._parts().items():
                part.load_state_dict(state[name])
            self.step = state["step"]
        self.clips = clips

    def _parts(self) -> dict[str, Any]:
        return {"detector": self.detector, "optimiser": self.optimiser}

    def run(self, stopping: Callable[[], bool]) -> bool:
        """Teach to the end of the plan, or until `stopping`; returns whether it came to the end."""
        if self.step >= self.plan.steps:
            return True
        began, every = time.monotonic(), self.settings.report_every
        frames = LabelledFrames(self.clips, self.detector.config.motion_size, self.settings.seed + self.step)
        sums = [0.0, 0.0]
        while self.step < self.plan.steps and not stopping():
            pictures, _, landmarks, _ = (x.to(self.device) for x in frames.draw(self.plan.batch))
            places, jacobians = self._teach(pictures, landmarks)
            sums = [sums[0] + places / every, sums[1] + jacobians / every]
            self.step += 1
            if self.step % every == 0:
                took = time.monotonic() - began
                self.say(
                    f"detector, step {self.step} of {self.plan.steps}  {took:.0f} s  "
                    f"places {sums[0]:.4f}  jacobians {sums[1]:.3f}"
                )
                sums = [0.0, 0.0]
        with writing(self.file) as temporary:
            parts = {name: part.state_dict() for name, part in self._parts().items()}
            torch.save({**parts, "step": self.step}, temporary)
        return self.step >= self.plan.steps

    def _teach(self, pictures: Tensor, landmarks: Tensor) -> tuple[float, float]:
        """One step; returns the distances of places and of Jacobians."""
        done = self.step / self.plan.steps
        for group in self.optimiser.param_groups:
            cosine = 0.02 + 0.98 * 0.5 * (1 + math.cos(math.pi * done))
            group["lr"] = self.plan.rate * min(1, (self.step + 1) / 50) * cosine
        with torch.autocast(self.device.type, dtype=torch.bfloat16, enabled=self.settings.autocast):
            found = self.detector(pictures.contiguous(memory_format=torch.channels_last))
            places, jacobians = self.mesh.anchor(found, landmarks)
        self.optimiser.zero_grad(set_to_none=True)
        torch.autograd.backward(places + JACOBIAN_SHARE * jacobians)
        self.optimiser.step()
        return float(places.detach()), float(jacobians.detach())
