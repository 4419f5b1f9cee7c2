"""Where networks run, and how exactly."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ..core.errors import UsageError, unknown

if TYPE_CHECKING:
    from torch import Tensor

DEVICES = ("cpu", "cuda")
PRECISIONS = ("float32", "bfloat16")


@dataclass(frozen=True)
class Compute:
    """A device, a precision, and threads of the CPU.

    What is sent does not depend on the receiver's: motion is decoded as integers, and only painting is done
    in `bfloat16`; what is read off pictures, all geometry, and all sampling stay in `float32`. Frames that
    are painted on another device, or in the other precision, agree with these to a PSNR of 40 dB at least;
    measured with the shipped weights of `ours`: 54 dB and more.

    Attributes:
        device: ``cpu`` or ``cuda``.
        precision: ``float32`` or ``bfloat16``, which halves the time on processors that calculate in it.
        threads: of the CPU.
    """

    device: str
    precision: str
    threads: int

    def check(self, key: str) -> None:
        """Look for what this needs.

        Args:
            key: of the settings in the configuration, for messages: ``methods.ours``.

        Raises:
            UsageError: a setting is out of range, or the device is not there.
        """
        for setting, value, known in (
            ("device", self.device, DEVICES),
            ("precision", self.precision, PRECISIONS),
        ):
            if value not in known:
                raise unknown(f"{key}.{setting}", str(value), known)
        if (
            isinstance(self.threads, bool)
            or not isinstance(self.threads, int)
            or not 1 <= self.threads <= 256
        ):
            raise UsageError(f"{key}.threads={self.threads} is out of range; give an integer from 1 to 256")
        if self.device == "cuda":
            import torch

            if not torch.cuda.is_available():
                raise UsageError(f"{key}.device=cuda is not there: torch finds no such device; choose cpu")

    def tensor(self, array: NDArray[Any]) -> Tensor:
        """An array on the device."""
        import torch

        return torch.from_numpy(np.ascontiguousarray(array)).to(self.device)

    @contextmanager
    def running(self) -> Iterator[None]:
        """Inference in float32, with as many threads as set while this lasts and not in between."""
        import torch

        before = torch.get_num_threads()
        torch.set_num_threads(self.threads)
        try:
            with torch.inference_mode(), torch.backends.cudnn.flags(enabled=True, allow_tf32=False):
                yield
        finally:
            torch.set_num_threads(before)

    @contextmanager
    def painting(self) -> Iterator[None]:
        """As `running`, in the precision that is set."""
        import torch

        reduced = self.precision == "bfloat16"
        with self.running(), torch.autocast(self.device, torch.bfloat16, enabled=reduced):
            yield

    def describe(self) -> Mapping[str, str]:
        """All that changes a picture's last digits."""
        return {"device": self.device, "precision": self.precision, "threads": str(self.threads)}
