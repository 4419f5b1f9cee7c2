"""An analysis as it is written down: tables, figures and a summary, for the report's page too."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path

from ...core.errors import StoreError
from ...core.store import SCHEMA, file_stem, read_json, write_json, writing
from ..aggregate import Results
from ..markdown import escaped
from ..plots import drawing, save
from .analysis import Analysis
from .figures import figures
from .findings import findings, notes
from .result_tables import result_tables
from .table import Table, write_csv
from .voter_tables import answers, voter_tables, worker_ids

FILE = "analysis.json"


@dataclass(frozen=True)
class ShownFigure:
    """A figure: its file's name without ending, and what it shows, in words."""

    name: str
    title: str


@dataclass(frozen=True)
class Account:
    """What a report shows of a study, under pseudonyms.

    Attributes:
        name: of the study, and of the folder in the report with its files.
        asked: what was asked, in a sentence.
        findings: sentences on what was found.
        notes: sentences on who voted and what does not count.
        tables, figures: for reading.
    """

    name: str
    asked: str
    findings: tuple[str, ...]
    notes: tuple[str, ...]
    tables: tuple[Table, ...]
    figures: tuple[ShownFigure, ...]

    def images(self, run: Path) -> Iterator[tuple[ShownFigure, str]]:
        """The figures that are there, each with its picture as a data URI, so that a page is one file."""
        for figure in self.figures:
            path = run / "report" / self.name / f"{figure.name}.svg"
            if path.is_file():
                yield figure, f"data:image/svg+xml;base64,{base64.b64encode(path.read_bytes()).decode()}"


def write_account(results: Results, folder: Path, analysis: Analysis) -> Account:
    """Write what an analysis found.

    ``analysis.json`` and ``worker_ids.csv``, which says who is behind the pseudonyms, go into the study's
    folder; into ``report/STUDY`` of the run go ``summary.md``, a CSV a table and an SVG and a PDF a figure.

    Raises:
        StoreError: a folder cannot be written.
    """
    out = results.run / "report" / folder.name
    found = [*result_tables(analysis), *voter_tables(analysis)]
    for table in (*found, answers(analysis)):
        write_csv(out, table)
    write_csv(folder, worker_ids(analysis))
    drawn = []
    with drawing():
        for name, title, figure in figures(results, analysis):
            save(figure, out / file_stem(name))
            drawn.append(ShownFigure(file_stem(name), title))
    account = Account(
        folder.name,
        asked(analysis),
        tuple(findings(analysis)),
        tuple(notes(analysis)),
        tuple(replace(table, rows=()) for table in found),
        tuple(drawn),
    )
    with writing(out / "summary.md") as temporary:
        temporary.write_text("\n".join(_markdown(account)) + "\n", "utf-8", "backslashreplace")
    write_json(folder / FILE, {"schema": SCHEMA, **asdict(account)})
    return account


def asked(analysis: Analysis) -> str:
    """What people were asked, and how many."""
    study = analysis.study
    attributes = ", ".join(study.attributes).replace("_", " ")
    what = (
        "Two videos side by side: which has the better visual quality?"
        if study.kind == "pair"
        else f"Ratings of a video beside its original, from 1 to 5: {attributes}."
    )
    where = "on Mechanical Turk" if study.platform == "mturk" else "on a machine of the lab"
    return f"{what} Asked: {'; '.join(study.pairs)}, {study.votes} votes for each clip, {where}."


def accounts(run: Path) -> list[Account]:
    """The analysed studies of a run, by name.

    Raises:
        StoreError: one is damaged.
    """
    return [_read(path) for path in sorted(run.glob(f"*/{FILE}"))]


def _read(path: Path) -> Account:
    value = read_json(path, [field.name for field in fields(Account)])
    try:
        return Account(
            str(value["name"]),
            str(value["asked"]),
            tuple(map(str, value["findings"])),
            tuple(map(str, value["notes"])),
            tuple(Table(**table) for table in value["tables"]),
            tuple(ShownFigure(**figure) for figure in value["figures"]),
        )
    except (TypeError, AttributeError) as error:
        raise StoreError(f"{path} is no analysis ({error}); repeat `bench study analyse`") from None


def _markdown(account: Account) -> Iterator[str]:
    yield f"# {escaped(account.name.capitalize())}"
    yield from ("", escaped(account.asked))
    for sentence in account.findings:
        yield from ("", escaped(sentence))
    yield ""
    yield from (f"- {escaped(note)}" for note in account.notes)
    for figure in account.figures:
        yield from ("", f"![{escaped(figure.title)}]({figure.name}.svg)")
    for table in account.tables:
        if table.name == "workers":  # too long to be pasted; the rules are among the findings
            continue
        yield from ("", f"## {escaped(table.title)}", "", escaped(table.note), "")
        for row in (table.heads, ("---",) * len(table.heads), *table.cells):
            yield f"| {' | '.join(map(escaped, row))} |"
