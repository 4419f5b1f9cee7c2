"""Who carries a plan: processes of this machine, or a ray cluster. The plan does not know which."""

from __future__ import annotations

import multiprocessing
import multiprocessing.process
import os
import signal
import threading
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable, Generator, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from multiprocessing import resource_tracker
from typing import Any, TypeVar

from ..core.errors import CodecError, UsageError, unknown

T = TypeVar("T")
R = TypeVar("R")


def cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


class Executor(ABC):
    """Runs a function on tasks, several at a time."""

    def __init__(self, workers: int) -> None:
        self.workers = workers

    @abstractmethod
    def run(
        self, function: Callable[[T], R], tasks: Sequence[T], split: Callable[[T], Sequence[T]]
    ) -> Generator[tuple[T, R | BaseException], None, None]:
        """Run tasks as workers become free.

        Args:
            function: importable by name.
            tasks: picklable, in the order in which they are to begin.
            split: the parts of a task, tried one by one when its worker has died.

        Yields:
            each task, or part of one, with its result or the error that ended it, as they finish.
        """


def _end_with(parent: multiprocessing.process.BaseProcess) -> None:
    parent.join()
    os._exit(1)


def _begin(threads: int) -> None:
    """A worker's first act."""
    for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
        os.environ[name] = str(threads)
    parent = multiprocessing.parent_process()
    if parent is not None:
        # A killed parent must not leave workers behind that write into a folder it no longer locks.
        threading.Thread(target=_end_with, args=(parent,), daemon=True).start()


@contextmanager
def _uninterrupted() -> Iterator[None]:
    """Processes started meanwhile, and theirs, are deaf to Ctrl-C: what it means is for the parent to say."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGHUP})
    resource_tracker.ensure_running()  # when it is started, it lifts a block of SIGINT
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


class LocalExecutor(Executor):
    """Processes of this machine, each with its share of the cores."""

    def _pool(self, workers: int) -> ProcessPoolExecutor:
        return ProcessPoolExecutor(
            workers,
            mp_context=multiprocessing.get_context("spawn"),
            initializer=_begin,
            initargs=(max(1, cores() // self.workers),),
        )

    def run(
        self, function: Callable[[T], R], tasks: Sequence[T], split: Callable[[T], Sequence[T]]
    ) -> Generator[tuple[T, R | BaseException], None, None]:
        queue = deque(tasks)
        while queue:
            suspects: list[T] = []
            yield from self._attempt(function, queue, self.workers, suspects)
            # One of these killed its worker: each part alone shows whether it was the one.
            for part in [part for task in suspects for part in split(task)]:
                guilty: list[T] = []
                yield from self._attempt(function, deque([part]), 1, guilty)
                for task in guilty:
                    yield (
                        task,
                        CodecError("its worker process died (out of memory, or a crash in native code)"),
                    )

    def _attempt(
        self, function: Callable[[T], R], queue: deque[T], workers: int, suspects: list[T]
    ) -> Generator[tuple[T, R | BaseException], None, None]:
        """Empty the queue, unless a worker dies: then what was under way goes to `suspects`."""
        with _uninterrupted():
            pool = self._pool(min(workers, len(queue)))
        running: dict[Future[R], T] = {}
        try:
            broken = False
            while (queue or running) and not suspects and not broken:
                try:
                    while queue and len(running) < workers:
                        with _uninterrupted():
                            running[pool.submit(function, queue[0])] = queue[0]
                        queue.popleft()
                except BrokenProcessPool:  # a worker died while nothing was waited for
                    broken = True
                for future in wait(running, return_when=FIRST_COMPLETED).done:
                    task = running.pop(future)
                    error = future.exception()
                    if isinstance(error, BrokenProcessPool):
                        suspects.append(task)
                    else:
                        yield task, error if error is not None else future.result()
            suspects += running.values()
        except BaseException:
            for process in list((pool._processes or {}).values()):
                process.terminate()
            raise
        finally:
            pool.shutdown(wait=True, cancel_futures=True)


class RayExecutor(Executor):
    """A ray cluster: the one that RAY_ADDRESS names, or one of this machine.

    The results folder must be on storage that all of its machines share.
    """

    def run(
        self, function: Callable[[T], R], tasks: Sequence[T], split: Callable[[T], Sequence[T]]
    ) -> Generator[tuple[T, R | BaseException], None, None]:
        try:
            import ray
        except ImportError:
            raise UsageError(
                "the ray executor needs ray; install it with: pip install 'talkbench[ray]'"
            ) from None
        if not ray.is_initialized():
            ray.init(num_cpus=None if os.environ.get("RAY_ADDRESS") else self.workers, log_to_driver=False)
        remote: Any = ray.remote(function)
        left = {remote.remote(task): task for task in tasks}
        try:
            while left:
                done, _ = ray.wait(list(left), num_returns=1)
                for reference in done:
                    task = left.pop(reference)
                    try:
                        yield task, ray.get(reference)
                    except Exception as error:  # ray wraps whatever the task raised, or the worker's death
                        yield task, error
        finally:
            ray.shutdown()


EXECUTORS: dict[str, type[Executor]] = {"local": LocalExecutor, "ray": RayExecutor}


def executor(name: str, workers: int | None) -> Executor:
    """The executor of that name.

    Raises:
        UsageError: unknown name.
    """
    if str(name) not in EXECUTORS:
        raise unknown("executor", str(name), EXECUTORS)
    return EXECUTORS[name](workers or cores())
