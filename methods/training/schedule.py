"""Which phase a step belongs to, and how fast it learns."""

from __future__ import annotations

import math

from .settings import Phase, TrainSettings


def phase_at(settings: TrainSettings, step: int) -> tuple[Phase, float]:
    """The phase of a step, and its learning rate; past the last phase, that one goes on."""
    start = 0
    for phase in settings.phases:
        if step < phase.until:
            break
        start = phase.until
    else:
        phase, start = settings.phases[-1], 0
    rate = phase.rate
    if phase.final_rate is not None:
        done = min(1.0, (step - start) / max(1, phase.until - start))
        rate = phase.final_rate + (rate - phase.final_rate) * (1 + math.cos(math.pi * done)) / 2
    return phase, rate * min(1.0, (step + 1) / settings.warm_up)
