"""Several processes that train one model: gradients are averaged after every step.

One process a GPU; on a CPU one a core, which beats threads wherever other programs run too. The
launcher is torch's own: `torchrun --standalone --nproc-per-node N -m talkbench train ours …`.
Without it, all is as if there were one worker.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from datetime import timedelta
from typing import TypeVar

import torch
from torch import Tensor, distributed, nn

M = TypeVar("M", bound=nn.Module)


class Workers:
    """This process among its equals.

    Attributes:
        count: of the processes.
        rank: of this one, from 0.
        device: this worker's GPU, or the CPU.
    """

    def __init__(self) -> None:
        self.count = int(os.environ.get("WORLD_SIZE", "1"))
        self.rank = int(os.environ.get("RANK", "0"))
        self.device = torch.device("cpu")
        if torch.cuda.is_available():
            self.device = torch.device("cuda", int(os.environ.get("LOCAL_RANK", "0")))
            torch.cuda.set_device(self.device)
        # Threads wait for each other in every layer, processes once a step. And with several threads the
        # backward pass of torch 2.15 on CPUs corrupts memory where networks are very thin.
        torch.set_num_threads(1)
        if self.count > 1:
            # The others wait for as long as the first one prepares the clips.
            backend = "nccl" if self.device.type == "cuda" else "gloo"
            distributed.init_process_group(backend, timeout=timedelta(days=2))

    @property
    def first(self) -> bool:
        """Whether this process writes logs, pictures and checkpoints."""
        return self.rank == 0

    @property
    def loaders(self) -> int:
        """Processes that prepare this worker's batches: none beside a CPU that trains."""
        if self.device.type == "cpu":
            return 0
        here = int(os.environ.get("LOCAL_WORLD_SIZE", "1"))
        return max(1, min(12, (os.cpu_count() or 1) // here - 1))

    def prepared(self, model: M) -> M:
        """The model on this worker's device; on several GPUs its batch norms are synchronised."""
        if self.count > 1 and self.device.type == "cuda":
            model = nn.SyncBatchNorm.convert_sync_batchnorm(model)  # type: ignore[no-untyped-call]
        return model.to(self.device)

    def average(self, parameters: Iterable[Tensor], stop: bool = False) -> bool:
        """Average all gradients in one exchange; true when any worker asks to stop."""
        if self.count == 1:
            return stop
        held = [p for p in parameters if p.requires_grad]
        for p in held:
            if p.grad is None:
                p.grad = torch.zeros_like(p)
        grads = [p.grad for p in held if p.grad is not None]
        flat = torch.cat(
            [g.flatten() for g in grads] + [torch.full((1,), float(stop), device=grads[0].device)]
        )
        distributed.all_reduce(flat)
        flat /= self.count
        offset = 0
        for grad in grads:
            grad.copy_(flat[offset : offset + grad.numel()].view_as(grad))
            offset += grad.numel()
        return bool(flat[-1] > 0)

    def follow(self, *modules: nn.Module, flag: bool = True) -> bool:
        """Take all tensors of modules, and a flag, from the first worker; returns that flag."""
        if self.count == 1:
            return flag
        said = torch.tensor([float(flag)], device=self.device)
        with torch.no_grad():
            for tensor in (said, *(value for module in modules for value in module.state_dict().values())):
                distributed.broadcast(tensor, 0)
        return bool(said > 0)

    def wait(self) -> None:
        """Wait until all have come here."""
        if self.count > 1:
            distributed.barrier()

    def close(self) -> None:
        """Leave the group."""
        if self.count > 1:
            distributed.destroy_process_group()
