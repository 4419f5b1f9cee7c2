"""lpips: the `lpips` package on the same frames, what loading refuses, a frozen number."""

from __future__ import annotations

import pickle
import warnings
from dataclasses import replace

import numpy as np
import pytest
from talkbench.core.errors import AssetError, MetricError, UsageError
from talkbench.metrics import lpips_network
from talkbench.metrics.lpips_network import BACKBONES, Network, network


def _package(net: str):
    """The `lpips` package's own module, its trunk filled with the same convolutions."""
    import lpips
    import torch

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torchvision's, on the package's way of asking for a model
        module = lpips.LPIPS(net=net, pnet_rand=True, verbose=False)
    layers = [layer for layer in module.net.modules() if isinstance(layer, torch.nn.Conv2d)]
    for layer, (weight, bias) in zip(layers, network(net).convolutions, strict=True):
        layer.weight.data, layer.bias.data = weight.cpu(), bias.cpu()
    return module


def _by_package(net: str, reference, decoded, scale=lambda x: x / 127.5 - 1) -> np.ndarray:
    import torch

    x, y = (
        scale(torch.from_numpy(np.ascontiguousarray(frames)).permute(0, 3, 1, 2).float())
        for frames in (reference, decoded)
    )
    with torch.inference_mode():
        return _package(net)(x, y).ravel().numpy()


@pytest.mark.network
@pytest.mark.parametrize(("net", "frames"), [("alex", 6), ("vgg", 1)])
def test_lpips_agrees_with_the_package(metric, score, pair, net, frames):
    reference, decoded = (clip[-frames:] for clip in pair)
    values = score(metric("lpips", net=net, count_first=True), reference, decoded).frames["lpips"]
    assert values == pytest.approx(_by_package(net, reference, decoded), abs=1e-6)


@pytest.mark.network
def test_inputs_on_0_to_1_would_give_another_number(metric, score, pair):
    values = score(metric("lpips"), *pair).frames["lpips"]
    other = _by_package("alex", *pair, scale=lambda x: x / 255)
    assert np.abs(values - other).max() > 0.01


@pytest.mark.network
@pytest.mark.parametrize("size", [(31, 31), (64, 47)])
def test_odd_and_small_pictures(metric, score, pair, size):
    reference, decoded = (clip[:2, : size[0], : size[1]] for clip in pair)
    values = score(metric("lpips"), reference, decoded).frames["lpips"]
    assert values == pytest.approx(_by_package("alex", reference, decoded), abs=1e-6)


@pytest.mark.parametrize(("net", "size"), [("alex", 30), ("vgg", 15)])
def test_pictures_that_do_not_reach_the_last_layer_are_refused(metric, score, net, size):
    frames = np.zeros((2, size, 64, 3), np.uint8)
    with pytest.raises(MetricError, match=f"lpips {net} needs sides of at least {size + 1} pixels"):
        score(metric("lpips", net=net), frames, frames)


@pytest.mark.parametrize("net", ["squeeze", None, ["alex"]])
def test_other_networks_are_refused(metric, net):
    with pytest.raises(UsageError, match=r"unknown metrics\.lpips\.net"):
        metric("lpips", net=net)


def test_a_misspelt_network_is_answered_with_the_nearest(metric):
    with pytest.raises(UsageError, match=r"unknown metrics\.lpips\.net 'alexnet'; did you mean alex"):
        metric("lpips", net="alexnet")


def test_the_signature_names_network_and_weights(metric):
    for net, backbone in BACKBONES.items():
        built = metric("lpips", net=net)
        assert f"|net:{net}|lpips:0.1|weights:{backbone.tensors[:12]}|" in built.signature
        assert built.needs() == (backbone.asset,)


def test_missing_weights_are_an_error_that_says_what_to_do(tmp_path, monkeypatch):
    monkeypatch.setenv("TALKBENCH_CACHE", str(tmp_path))
    with pytest.raises(AssetError, match=r"bench assets fetch lpips_alex_v0\.1\.pt"):
        Network("alex")


@pytest.mark.network
@pytest.mark.parametrize("net", ["alex", "vgg"])
def test_other_tensors_are_refused(monkeypatch, net):
    monkeypatch.setitem(BACKBONES, net, replace(BACKBONES[net], tensors="0" * 64))
    with pytest.raises(AssetError, match=f"LPIPS {net} weights hash to {'[0-9a-f]' * 64}, expected 0000"):
        Network(net)


class _Trap:
    def __reduce__(self):
        return print, ("executed",)


@pytest.mark.parametrize("net", ["alex", "vgg"])
def test_loading_executes_nothing(monkeypatch, tmp_path, capsys, net):
    import torch

    path = tmp_path / "weights"
    if net == "alex":
        torch.save({"trunk": _Trap()}, path)
    else:
        path.write_bytes(pickle.dumps({"VGG16_0": _Trap()}))
    monkeypatch.setattr(lpips_network, "locate", lambda asset: path)
    with pytest.raises(AssetError, match="holds no weights of LPIPS"):
        Network(net)
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize("content", [b"", b"not weights at all", pickle.dumps({"trunk": 1, "VGG16_0": {}})])
@pytest.mark.parametrize("net", ["alex", "vgg"])
def test_damaged_weights_are_one_line(monkeypatch, tmp_path, net, content):
    path = tmp_path / "weights"
    path.write_bytes(content)
    monkeypatch.setattr(lpips_network, "locate", lambda asset: path)
    with pytest.raises(AssetError, match="holds no weights of LPIPS") as caught:
        Network(net)
    assert "\n" not in str(caught.value)


@pytest.mark.network
@pytest.mark.parametrize("net", ["alex", "vgg"])
def test_frozen(metric, score, pair, frozen, net):
    one = [frames[-2:] for frames in pair]
    frozen(f"lpips_{net}", score(metric("lpips", net=net), *one).values["lpips"], 1e-5)


@pytest.mark.network
def test_cuda_agrees_with_the_processor(metric, score, pair, monkeypatch):
    import torch

    if not torch.cuda.is_available():
        pytest.skip("no CUDA device")
    network.cache_clear()
    on_cuda = score(metric("lpips"), *pair).frames["lpips"]
    monkeypatch.setattr(lpips_network, "_device", lambda: "cpu")
    network.cache_clear()
    assert on_cuda == pytest.approx(score(metric("lpips"), *pair).frames["lpips"], abs=1e-4)
    network.cache_clear()
