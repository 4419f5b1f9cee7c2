"""MFCC: what follows from the definition, and numbers that equal those of python_speech_features 0.6."""

from __future__ import annotations

import numpy as np
import pytest
from talkbench.metrics.mfcc import mfcc

T = np.arange(16000)
CHIRP = np.rint(9000 * np.sin(2 * np.pi * (100 * T + 0.2 * T**2) / 16000) * np.cos(T / 900)).astype(np.int16)
"""A second of a tone that rises from 100 Hz and swells five times."""


@pytest.mark.parametrize(
    ("samples", "windows"), [(0, 1), (399, 1), (400, 1), (401, 2), (560, 2), (16000, 99)]
)
def test_windows_of_25_ms_every_10_ms(samples, windows):
    assert mfcc(np.ones(samples, np.int16)).shape == (windows, 13)


def test_silence_has_the_least_energy_and_no_shape():
    cepstra = mfcc(np.zeros(1000, np.int16))
    assert cepstra[:, 0] == pytest.approx(np.log(np.finfo(float).eps))
    assert cepstra[:, 1:] == pytest.approx(0, abs=1e-12)


def test_the_first_number_is_the_energy_and_the_others_do_not_know_loudness():
    loud, soft = mfcc(2 * CHIRP[:8000]), mfcc(CHIRP[:8000])
    assert loud[:, 0] - soft[:, 0] == pytest.approx(2 * np.log(2))
    assert loud[:, 1:] == pytest.approx(soft[:, 1:])


def test_a_window_is_its_own_samples_alone():
    whole = mfcc(CHIRP)
    assert mfcc(CHIRP[:4000])[:20] == pytest.approx(whole[:20])  # but for the order of sums


def test_frozen(frozen):
    cepstra = mfcc(CHIRP)
    frozen("mfcc_energy", float(cepstra[40, 0]), 1e-9)
    frozen("mfcc_second", float(cepstra[40, 1]), 1e-9)
    frozen("mfcc_last", float(cepstra[40, 12]), 1e-9)
    frozen("mfcc_spread", float(cepstra.std()), 1e-9)
