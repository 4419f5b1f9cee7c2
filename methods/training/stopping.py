"""A request to stop, which is heeded between two steps."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType


class Stopping:
    """Whether to stop: time is up, or a signal came.

    Attributes:
        asked: a signal came.
    """

    def __init__(self, hours: float) -> None:
        self.asked = False
        self.hours = hours
        self.start()

    def start(self) -> None:
        """Let the time run from now on."""
        self.end = time.monotonic() + 3600 * self.hours

    def __call__(self) -> bool:
        return self.asked or time.monotonic() > self.end

    def _heed(self, number: int, frame: FrameType | None) -> None:
        if self.asked and number == signal.SIGINT:
            raise KeyboardInterrupt
        self.asked = True


@contextmanager
def stopping(hours: float) -> Iterator[Stopping]:
    """Heed Ctrl-C and SIGTERM between two steps; a second Ctrl-C stops at once."""
    state = Stopping(hours)
    if threading.current_thread() is not threading.main_thread():
        yield state
        return
    before = {number: signal.signal(number, state._heed) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield state
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
