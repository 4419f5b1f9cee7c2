"""Where and how exactly the receiver's networks run does not change what was sent, and pictures hardly."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from talkbench.core.errors import UsageError
from talkbench.core.registry import load, plugins
from talkbench.methods.compute import Compute
from talkbench.methods.neural_codec import NeuralCodec

NEURAL = [name for name in sorted(plugins("methods")) if issubclass(load("methods", name), NeuralCodec)]
AGREEMENT = 40
"""PSNR in dB, as `Compute` promises it."""

OTHERS = [
    {"precision": "bfloat16"},
    pytest.param(
        {"device": "cuda"}, marks=pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
    ),
    pytest.param(
        {"device": "cuda", "precision": "bfloat16"},
        marks=pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device"),
    ),
]


@pytest.mark.parametrize("settings", OTHERS, ids=lambda settings: " ".join(settings.values()))
@pytest.mark.parametrize("name", NEURAL)
def test_another_receiver_shows_the_same(name, settings, make_method, testcard, whole, psnr, monkeypatch):
    sender, receiver = make_method(name), make_method(name, **settings)
    stream = sender.encode(testcard)
    arrived = {}
    for method in (sender, receiver):
        paint = method.paint

        def note(source, numbers, paint=paint, method=method):
            arrived.setdefault(method, []).append(numbers)
            return paint(source, numbers)

        monkeypatch.setattr(method, "paint", note)
    first, second = whole(sender.decode(stream)), whole(receiver.decode(stream))
    assert np.array_equal(np.concatenate(arrived[sender]), np.concatenate(arrived[receiver]))
    assert np.array_equal(first[0], second[0])
    assert not np.array_equal(first, second)
    assert psnr(first, second) >= AGREEMENT


@pytest.mark.parametrize("name", NEURAL)
def test_the_sender_does_not_round(name, make_method, testcard):
    exact, reduced = make_method(name), make_method(name, precision="bfloat16")
    assert exact.encode(testcard) == reduced.encode(testcard)


def test_settings_are_described(make_method):
    method = make_method("ours", precision="bfloat16", threads=2)
    assert {"device": "cpu", "precision": "bfloat16", "threads": "2"}.items() <= method.describe().items()


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (("gpu", "float32", 1), r"unknown methods\.ours\.device 'gpu'; "),
        (("cpu", "float16", 1), r"unknown methods\.ours\.precision 'float16'; did you mean"),
        (("cpu", "float32", 0), r"methods\.ours\.threads=0 is out of range"),
    ],
)
def test_settings_out_of_range_are_refused(settings, message):
    with pytest.raises(UsageError, match=message):
        Compute(*settings).check("methods.ours")


def test_a_device_that_is_not_there_is_told_before_a_run(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(UsageError, match=r"methods\.ours\.device=cuda is not there: .*; choose cpu"):
        Compute("cuda", "float32", 1).check("methods.ours")


def test_threads_are_given_back():
    before = torch.get_num_threads()
    with Compute("cpu", "float32", before + 1).painting():
        assert torch.get_num_threads() == before + 1
        assert torch.is_inference_mode_enabled()
    assert torch.get_num_threads() == before
