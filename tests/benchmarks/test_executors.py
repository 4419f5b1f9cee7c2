"""The local executor when a worker dies at an awkward moment."""

from __future__ import annotations

from concurrent.futures import Future
from concurrent.futures.process import BrokenProcessPool
from typing import Any

import pytest
from talkbench.benchmarks import executors


def test_a_pool_that_breaks_between_two_tasks_is_replaced(monkeypatch: pytest.MonkeyPatch) -> None:
    pools: list[Any] = []

    class Pool:
        """The first one made takes one task and is then broken."""

        def __init__(self) -> None:
            self.taken = 0
            self._processes: dict[int, Any] = {}
            pools.append(self)

        def submit(self, function: Any, task: Any) -> Future[Any]:
            self.taken += 1
            if len(pools) == 1 and self.taken > 1:
                raise BrokenProcessPool("a worker died")
            future: Future[Any] = Future()
            future.set_result(function(task))
            return future

        def shutdown(self, **_: Any) -> None:
            pass

    monkeypatch.setattr(executors.LocalExecutor, "_pool", lambda self, workers: Pool())
    results = list(executors.LocalExecutor(1).run(abs, [-1, -2, -3], lambda task: [task]))
    assert results == [(-1, 1), (-2, 2), (-3, 3)]
    assert len(pools) == 2
