"""Mel-frequency cepstral coefficients of speech, as the Hidden Markov Model Toolkit's book defines them.

The settings are those under which SyncNet was trained, the defaults of python_speech_features.

Source: Davis and Mermelstein, Comparison of parametric representations for monosyllabic word recognition,
IEEE TASSP 1980; Young et al., The HTK book, sec. 5.
"""

from __future__ import annotations

import functools

import numpy as np
from numpy.typing import NDArray

from ..core.video import SOUND_RATE, Sound

Array = NDArray[np.float64]

COEFFICIENTS = 13
"""Of a window; the first is the logarithm of its energy."""
STEP = SOUND_RATE // 100
"""Samples from one window to the next."""

_WINDOW = SOUND_RATE * 25 // 1000
_BINS = 512
_BANDS = 26
_EMPHASIS = 0.97
_LIFTER = 22
_LEAST = np.finfo(np.float64).eps
"""In the place of an energy of 0, which has no logarithm."""

SETTINGS = "mfcc13,25ms/10ms,26bands,lifter22"
"""What stands in a signature."""


@functools.cache
def _bands() -> Array:
    """Triangles (26, 257) that are equally wide on the mel scale, from 0 Hz to half the rate."""
    mel = np.linspace(0, 2595 * np.log10(1 + SOUND_RATE / 2 / 700), _BANDS + 2)
    edges = np.floor((_BINS + 1) * 700 * (10 ** (mel / 2595) - 1) / SOUND_RATE)
    low, middle, high = (edges[k : k + _BANDS, None] for k in range(3))
    bins = np.arange(_BINS // 2 + 1)
    rising, falling = (bins - low) / (middle - low), (high - bins) / (high - middle)
    triangles: Array = np.clip(np.where(bins < middle, rising, falling), 0, None)
    return triangles


def mfcc(sound: Sound) -> Array:
    """The coefficients of each window of 25 ms; windows begin every 10 ms, and zeros follow the sound.

    Args:
        sound: (n,) int16, 16 kHz.

    Returns:
        (windows, 13): 1 + ceil((n - 400) / 160) windows, at least one.
    """
    from scipy.fft import dct

    samples = sound.astype(np.float64)
    samples[1:] -= _EMPHASIS * samples[:-1]
    count = 1 + max(0, -((_WINDOW - len(samples)) // STEP))
    padded = np.pad(samples, (0, max(0, (count - 1) * STEP + _WINDOW - len(samples))))
    windows = np.lib.stride_tricks.sliding_window_view(padded, _WINDOW)[::STEP][:count]
    power = np.abs(np.fft.rfft(windows, _BINS)) ** 2 / _BINS
    energy, bands = power.sum(1), power @ _bands().T
    cepstra: Array = dct(np.log(np.where(bands == 0, _LEAST, bands)), norm="ortho")[:, :COEFFICIENTS]
    cepstra *= 1 + _LIFTER / 2 * np.sin(np.pi * np.arange(COEFFICIENTS) / _LIFTER)
    cepstra[:, 0] = np.log(np.where(energy == 0, _LEAST, energy))
    return cepstra
