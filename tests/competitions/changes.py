"""Ways of writing a submission that every competition takes, and ways of breaking one that none does."""

from collections.abc import Iterator
from functools import partial

import pandas as pd

from grading.formats import Column, ColumnKind, Header, SubmissionFormat
from tests.competitions.case import Change

SHOWN_COLUMNS = 3  # of many of one kind, as many are broken


def broken(format: SubmissionFormat) -> dict[str, Change]:
    """Changes of a valid submission, by name, after which it is refused."""
    return dict([*_broken_columns(format), *_broken_rows(format), *_broken_cells(format)])


def tolerated(format: SubmissionFormat) -> dict[str, Change]:
    """Changes of a valid submission, by name, that change nothing of its score."""
    changes: dict[str, Change] = {}
    if not format.repeated_ids:
        changes["rows in another order"] = lambda table: table.iloc[::-1]
    if format.header in (Header.OPEN, Header.CLOSED):
        changes["columns in another order"] = lambda table: table[table.columns[::-1]]
    if format.header is Header.OPEN:
        changes["a further column"] = lambda table: table.assign(remark="x")
    return changes


def _broken_columns(format: SubmissionFormat) -> Iterator[tuple[str, Change]]:
    for name in [*format.ids, *format.names[:SHOWN_COLUMNS]]:
        yield f"column {name} missing", partial(_without, name=name)
    if format.header is not Header.OPEN:
        yield "a further column", lambda table: table.assign(remark="x")
    if format.header in (Header.EXACT, Header.ID_FIRST):
        yield "id last", lambda table: table[[*table.columns.drop(format.id), format.id]]


def _broken_rows(format: SubmissionFormat) -> Iterator[tuple[str, Change]]:
    yield "no rows", lambda table: table.iloc[:0]
    yield "a row missing", lambda table: table.iloc[:-1]
    yield "a row twice", lambda table: pd.concat([table, table.iloc[:1]])
    yield "an unknown id", partial(_with_cell, name=format.id, cell="no such id")
    if not format.repeated_ids:
        yield "an id in place of another", lambda table: pd.concat([table.iloc[:-1], table.iloc[:1]])


def _broken_cells(format: SubmissionFormat) -> Iterator[tuple[str, Change]]:
    for column in format.columns[:SHOWN_COLUMNS]:
        for cell in _wrong_cells(column):
            yield f"{column.name} {cell!r}", partial(_with_cell, name=column.name, cell=cell)
    if format.rows_sum_to_one:
        yield "rows that sum to 0.9", lambda table: table.assign(**{name: table[name] * 0.9 for name in format.names})


def _wrong_cells(column: Column) -> list[str]:
    cells = ["", "NaN", "inf", "some words"] if column.kind.numeric else []
    if column.kind is ColumnKind.PROBABILITY:
        cells += ["1.5", "-0.1"]
    if column.kind is ColumnKind.NON_NEGATIVE:
        cells += ["-0.1"]
    if column.kind is ColumnKind.INTEGER:
        cells += ["1.5"]
    if column.kind is ColumnKind.LABEL:
        cells += ["", *(["no such class"] if column.classes else [])]
    if column.minimum is not None:
        cells += [str(column.minimum - 1)]
    if column.maximum is not None:
        cells += [str(column.maximum + 1)]
    return cells


def _without(table: pd.DataFrame, name: str) -> pd.DataFrame:
    return table.drop(columns=name)


def _with_cell(table: pd.DataFrame, name: str, cell: str) -> pd.DataFrame:
    """The table with another cell in its second row, or in its only one."""
    cells = table[name].astype(object)
    cells.iloc[min(1, len(table) - 1)] = cell
    return table.assign(**{name: cells})
