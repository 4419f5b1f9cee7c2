"""One look per method, the same in every plot: a colour-blind-safe colour, a marker and a dash."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

# Okabe and Ito, 'Color Universal Design', 2008, with grey and olive in place of black and yellow, each
# of which vanishes on one of the page's two grounds.
COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#56b4e9", "#e69f00", "#808080", "#999933")
MARKERS = (("circle", "o"), ("square", "s"), ("diamond", "D"), ("triangle-up", "^"), ("x", "X"))
DASHES = (("solid", "-"), ("dash", "--"), ("dot", ":"), ("dashdot", "-."))


@dataclass(frozen=True)
class Look:
    """How a method is drawn: by plotly's names, and by matplotlib's."""

    colour: str
    symbol: str
    dash: str
    marker: str
    line: str


def looks(methods: Sequence[str]) -> dict[str, Look]:
    """A look for each method; forty methods go by before colour and marker repeat together."""
    found = {}
    for number, method in enumerate(methods):
        symbol, marker = MARKERS[number % len(MARKERS)]
        dash, line = DASHES[number // len(COLOURS) % len(DASHES)]
        found[method] = Look(COLOURS[number % len(COLOURS)], symbol, dash, marker, line)
    return found
