"""Values over a sweep's setting, such as a CRF: read at a setting, and read backwards."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from ..core.errors import TalkbenchError
from .resampling import Reals

ROUNDING = 1e-9
"""Of what a series spans: values that differ by less are equal."""
HALVINGS = 30
"""Of an interval between two settings: to a billionth of it."""


class Sweep:
    """m series over the p settings of a sweep, each monotone: piecewise cubics (PCHIP) through its points.

    A series that is not monotone, such as a share of votes with its noise, is first replaced by the nearest
    one that is (least squares; isotonic regression).

    Attributes:
        settings: (p,), rising.
        values: (p, m), as interpolated.

    Source: Fritsch and Butland, SIAM J. Sci. Stat. Comput. 5, 1984; Best and Chakravarti, Math. Program. 47,
    1990; both by scipy.
    """

    def __init__(self, settings: ArrayLike, values: ArrayLike, rising: bool) -> None:
        """Fit the series.

        Args:
            settings: (p,), distinct, in any order; p is 2 or more.
            values: (p,) or (p, m), finite.
            rising: whether the values rise with the setting; else they fall.

        Raises:
            TalkbenchError: too few settings, equal ones, or values that are not finite.
        """
        from scipy.interpolate import PchipInterpolator

        given = np.asarray(settings, np.float64)
        order = np.argsort(given)
        self.settings = given[order]
        series = np.asarray(values, np.float64)[order].reshape(len(given), -1)
        if len(given) < 2 or not (np.diff(self.settings) > 0).all():
            raise TalkbenchError(f"a sweep over {given.tolist()} is no curve; give two distinct ones or more")
        if not np.isfinite(series).all():
            raise TalkbenchError("a value of the sweep is not finite; leave its clip or its setting out")
        self._sign = 1.0 if rising else -1.0
        self.values = self._sign * _rising(self._sign * series)
        self._pieces = PchipInterpolator(self.settings, self._sign * self.values).c  # (4, p - 1, m)

    def at(self, settings: ArrayLike) -> Reals:
        """Each series' value (m,) at its own setting (m,) or at one for all; beyond the sweep, at its end."""
        asked = np.broadcast_to(np.asarray(settings, np.float64), self.values.shape[1:])
        inside = np.clip(asked, self.settings[0], self.settings[-1])
        piece = np.clip(np.searchsorted(self.settings, inside, "right") - 1, 0, len(self.settings) - 2)
        return self._sign * _cubic(self._piece(piece), inside - self.settings[piece])

    def crossing(self, targets: ArrayLike) -> Reals:
        """The setting (m,) at which each series has its target, (m,) or one for all.

        It is -inf where the target lies beyond the value at the lowest setting, inf where it lies beyond the
        one at the highest, and the middle of the stretch where a series keeps to its target. NaN of NaN.
        """
        wanted = self._sign * np.broadcast_to(np.asarray(targets, np.float64), self.values.shape[1:])
        values = self._sign * self.values
        rounding = ROUNDING * (values[-1] - values[0])
        found = (self._first(values, wanted - rounding) + self._first(values, wanted + rounding)) / 2
        found = np.where(wanted < values[0], -np.inf, np.where(wanted > values[-1], np.inf, found))
        return np.asarray(np.where(np.isnan(wanted), np.nan, found))

    def _first(self, values: Reals, wanted: Reals) -> Reals:
        """The setting at which a rising series reaches what is wanted, or else the last one."""
        piece = np.sum(values[1:-1] < wanted, axis=0)
        pieces, left = self._piece(piece), self.settings[piece]
        low, high = np.zeros_like(left), self.settings[piece + 1] - left
        for _ in range(HALVINGS):
            middle = (low + high) / 2
            there = _cubic(pieces, middle) >= wanted
            low, high = np.where(there, low, middle), np.where(there, middle, high)
        return np.asarray(left + high)

    def _piece(self, piece: np.ndarray) -> Reals:
        """Each series' own coefficients, (4, m)."""
        return np.asarray(self._pieces[:, piece, np.arange(len(piece))])


def _cubic(pieces: Reals, at: Reals) -> Reals:
    return np.asarray(((pieces[0] * at + pieces[1]) * at + pieces[2]) * at + pieces[3])


def _rising(series: Reals) -> Reals:
    from scipy.optimize import isotonic_regression

    fitted = series.copy()
    for column in np.flatnonzero((np.diff(series, axis=0) < 0).any(axis=0)):
        fitted[:, column] = isotonic_regression(series[:, column]).x
    return fitted


def crossing(settings: ArrayLike, values: ArrayLike, target: ArrayLike, rising: bool) -> Reals:
    """At which setting of a sweep its values reach a target: `Sweep.crossing` of one sweep.

    The CRF at which half of the votes go to the other codec is ``crossing(crfs, shares, 0.5, rising=True)``;
    with shares (p, m) of m draws, and the percentiles of what comes back, it has its interval.
    """
    return Sweep(settings, values, rising).crossing(target)
