"""Tables and words as Markdown."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator, Sequence

from .tables import Cell, Table


def escaped(text: str) -> str:
    """A name or sentence on one line that Markdown takes for nothing but itself."""
    one_line = html.escape(" ".join(text.split()), quote=False)
    return re.sub(r"([\\`*_\[\]|~])", r"\\\1", one_line)


def table(shown: Table) -> Iterator[str]:
    """The lines of a table, with its caption before it."""
    yield from (escaped(shown.caption), "")
    groups = {0: "", **shown.groups}
    starts = sorted(groups)
    for start, end in zip(starts, [*starts[1:], len(shown.rows)], strict=True):
        if groups[start]:
            yield from (f"{escaped(groups[start])}:", "")
        yield _row(shown.heads)
        yield "|" + " --- |" * shown.texts + " ---: |" * (len(shown.heads) - shown.texts)
        yield from (_row([_cell(cell) for cell in row], False) for row in shown.rows[start:end])
        yield ""


def _cell(cell: Cell) -> str:
    text = escaped(cell.text)
    parts = (f"**{text}**" if cell.best else text, escaped(cell.interval), escaped(cell.more))
    return " ".join(filter(None, parts))


def _row(cells: Sequence[str], raw: bool = True) -> str:
    return f"| {' | '.join(map(escaped, cells) if raw else cells)} |"
