"""Tables as LaTeX (booktabs), and a document that shows them with the figures.

What comes from outside is escaped: it prints as itself, or as its code point where T1 fonts lack it, and
never acts. Packages: booktabs, and graphicx for the figures; fontenc with T1.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from .tables import Cell, Table

INTERVAL = r"\talkbenchinterval"
COLUMN_POINTS = 238
"""TeX's points in a column of 3.3 inches."""
SIGN_POINTS, GAP_POINTS = 4.1, 7.0
"""Mean width of a sign at \\footnotesize, and the space between two columns."""
SIGNS = {
    "\\": r"\textbackslash{}", "{": r"\{", "}": r"\}", "$": r"\$", "&": r"\&", "%": r"\%", "#": r"\#",
    "_": r"\_", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}", "<": r"\textless{}",
    ">": r"\textgreater{}", "|": r"\textbar{}", '"': r"{\char34}", "`": r"{\char96}",
    "×": r"$\times$", "−": r"$-$", "∞": r"$\infty$", "≤": r"$\le$", "≥": r"$\ge$", "≈": r"$\approx$",
    "↑": r"$\uparrow$", "↓": r"$\downarrow$", "·": r"$\cdot$", "²": r"$^2$", "°": r"$^\circ$", "–": "--",
    "\0": "{}",
}  # fmt: skip
PRINTABLE = re.compile(r"[ -~À-ÖØ-öø-ÿĀ-ćČ-đĒ-ēĘ-ěĞ-ğİŁ-ńŇ-ňŐ-ŕŘ-śŞ-ťŮ-űŸ-ž]")
"""What T1 fonts have."""


def escaped(text: str) -> str:
    """A text on one line that LaTeX prints as it is."""
    apart = re.sub(r"([-,'])(?=\1)", "\\1\0", " ".join(text.split()))  # --, ,, and '' are ligatures
    return "".join(_sign(sign) for sign in apart)


def _sign(sign: str) -> str:
    if sign in SIGNS:
        return SIGNS[sign]
    return sign if PRINTABLE.fullmatch(sign) else f"{{[}}U+{ord(sign):04X}{{]}}"


def table(shown: Table) -> str:
    """A float with its caption and label, as wide as one column or as two."""
    kind = "table*" if _points(shown) > COLUMN_POINTS else "table"
    lines = [
        rf"\providecommand{{{INTERVAL}}}[1]{{~{{\scriptsize #1}}}}% redefine it to set them otherwise",
        rf"\begin{{{kind}}}[t]",
        r"\centering\footnotesize",
        r"\setlength{\tabcolsep}{3.5pt}",
        rf"\caption{{{escaped(shown.caption)}}}",
        rf"\label{{tab:{re.sub('[^A-Za-z0-9]+', '-', shown.name)}}}",
        rf"\begin{{tabular}}{{@{{}}{'l' * shown.texts}{'r' * (len(shown.heads) - shown.texts)}@{{}}}}",
        r"\toprule",
        _row([escaped(head) for head in shown.heads]),
        r"\midrule",
        *_rows(shown),
        r"\bottomrule",
        r"\end{tabular}",
        rf"\end{{{kind}}}",
    ]
    return "\n".join(lines) + "\n"


def _points(shown: Table) -> float:
    """Roughly how wide a table is."""
    rows = [shown.heads, *([cell.text + cell.interval + cell.more for cell in row] for row in shown.rows)]
    widest = [max(len(row[k]) for row in rows) for k in range(len(shown.heads))]
    return sum(SIGN_POINTS * width for width in widest) + GAP_POINTS * (len(widest) - 1)


def _rows(shown: Table) -> Iterator[str]:
    for number, row in enumerate(shown.rows):
        if number in shown.groups:
            if number:
                yield r"\midrule"
            heading = (
                rf"\multicolumn{{{len(shown.heads)}}}{{@{{}}l}}{{\emph{{{escaped(shown.groups[number])}}}}}"
            )
            yield rf"{heading} \\"
        yield _row([_cell(cell) for cell in row])


def _cell(cell: Cell) -> str:
    text = escaped(cell.text)
    interval = f"{INTERVAL}{{{escaped(cell.interval)}}}" if cell.interval else ""
    more = f" {escaped(cell.more)}" if cell.more else ""
    return (rf"\textbf{{{text}}}" if cell.best else text) + interval + more


def _row(cells: Sequence[str]) -> str:
    # A [ or a * would be taken by the \\ of the row before.
    first = f"{{}}{cells[0]}" if cells[0].startswith(("[", "*")) else cells[0]
    return " & ".join((first, *cells[1:])) + r" \\"


def document(tables: Sequence[str], figures: Sequence[tuple[str, str]]) -> str:
    """A two-column paper that shows tables and figures, to look at them and to take from.

    Args:
        tables: files beside it, without their ending.
        figures: files, relative to it, each with its caption.
    """
    shown = (
        "\n".join(
            (
                r"\begin{figure}[t]",
                rf"\centering\includegraphics[width=\columnwidth]{{{path}}}",
                rf"\caption{{{escaped(caption)}}}",
                r"\end{figure}",
            )
        )
        for path, caption in figures
    )
    lines = [
        r"\documentclass[twocolumn]{article}",
        r"\usepackage[T1]{fontenc}",
        r"\usepackage{booktabs}",
        r"\usepackage{graphicx}",
        r"\begin{document}",
        *shown,
        *(rf"\input{{{name}}}" for name in tables),
        r"\end{document}",
    ]
    return "\n".join(lines) + "\n"
