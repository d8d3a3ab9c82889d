"""Reading, checking and aligning submissions. A submission comes out of a sandbox and is hostile.

Reasons name a column and a row or id of the submission; they hold nothing of the answers but ids, which the public
data holds as well. Rows are counted from 1, the header not counted.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING

from core.errors import SubmissionInvalid

if TYPE_CHECKING:  # pandas is slow to import, and whoever only lists competitions does not need it
    import numpy as np
    import pandas as pd
    from numpy.typing import NDArray

MAX_BYTES = 1 << 30
SUM_TOLERANCE = 1e-6 + 1e-5  # numpy's isclose(sum, 1, atol=1e-6)
LARGEST_INTEGER = 2**53  # beyond it float64 skips integers
# Lengths are bounded so that a hostile cell cannot make the search slow.
WHOLE_NUMBER = re.compile(r" ?(-?)0{0,30}([0-9]{1,30}?)(?:\.0{0,30})? ?")


class ColumnKind(StrEnum):
    """What a column's cells may hold."""

    NUMBER = "number"  # a finite number
    NON_NEGATIVE = "non_negative"  # a finite number, 0 or more
    PROBABILITY = "probability"  # a number from 0 to 1
    INTEGER = "integer"  # a whole number; 3.0 is one
    LABEL = "label"  # one of the classes, or any text but the empty one where no classes are given
    TEXT = "text"  # anything, also nothing

    @property
    def numeric(self) -> bool:
        """Whether its cells are numbers."""
        return self not in (ColumnKind.LABEL, ColumnKind.TEXT)


@dataclass(frozen=True, kw_only=True)
class Column:
    """One column of a submission."""

    name: str
    kind: ColumnKind
    classes: tuple[str, ...] = ()  # of a label


@dataclass(frozen=True, kw_only=True)
class SubmissionFormat:
    """What a submission has to look like: an id column and `columns`; further columns are ignored."""

    id: str
    columns: tuple[Column, ...]
    rows_sum_to_one: bool = False  # over the probability columns
    max_bytes: int = MAX_BYTES


def read_submission(path: Path, format: SubmissionFormat, *, rows: int | None = None) -> "pd.DataFrame":
    """Read `path` and check all that can be checked without knowing the ids.

    Args:
        rows: how many rows there may be at most. Give it where it is known: a file of a few bytes a row takes
            a hundred times its size in memory, and with this it is refused before that.

    Returns:
        The id (text), then the columns of the format in its order: numbers as float64, integers as int64, labels
        and texts as text (an empty cell is "", and NA is the text NA).

    Raises:
        SubmissionInvalid: the file or its content breaks the format; one line says how.
        OSError: this host failed to read it.
    """
    from grading.csv_file import read_table

    names = [column.name for column in format.columns]
    numbers = [column.name for column in format.columns if column.kind.numeric]
    texts = [format.id, *(name for name in names if name not in numbers)]
    frame = read_table(path, texts=texts, numbers=numbers, max_bytes=format.max_bytes, rows=rows)
    frame = frame[[format.id, *names]]
    for column in format.columns:
        frame[column.name] = CHECKS[column.kind](frame, column, format)
    if format.rows_sum_to_one:
        _check_sums(frame, format)
    return frame


def align(frame: "pd.DataFrame", ids: "pd.Series", format: SubmissionFormat) -> "pd.DataFrame":
    """Put the rows of `frame`, as `read_submission` gives it, in the order of `ids`.

    Ids are compared as text. Where that fails and all expected ids are whole numbers, they are compared as such:
    7, 7.0 and 007 are the same.

    Returns:
        The same columns, with the ids as they are in `ids` (as text).

    Raises:
        SubmissionInvalid: ids are duplicate, unknown or missing.
        ValueError: `ids` holds one twice.
    """
    import numpy as np

    expected, given = ids.astype("str").tolist(), frame[format.id].tolist()
    positions = _positions(given, expected, format.id)
    if (positions < 0).any() and all(WHOLE_NUMBER.fullmatch(entry) for entry in expected):
        plain = [_plain(entry) for entry in expected]
        if len(set(plain)) == len(plain):
            given = [_plain(entry) for entry in given]
            positions = _positions(given, plain, format.id)
    _check_positions(positions, given, expected, format.id)
    order = np.empty(len(expected), dtype=np.intp)
    order[positions] = np.arange(len(given))
    aligned: pd.DataFrame = frame.iloc[order].reset_index(drop=True)
    aligned[format.id] = ids.astype("str").array
    return aligned


def _positions(given: list[str], expected: list[str], name: str) -> "NDArray[np.intp]":
    """Give where each of `given` is in `expected`, -1 for nowhere."""
    import pandas as pd

    index = pd.Index(expected, dtype=object)
    if not index.is_unique:
        raise ValueError(f"the expected ids in {name!r} are not unique")
    return index.get_indexer(pd.Index(given, dtype=object))


def _plain(text: str) -> str:
    """Give a whole number in its shortest form; other text as it is."""
    found = WHOLE_NUMBER.fullmatch(text)
    return found[1] + found[2] if found else text


def _check_positions(positions: "NDArray[np.intp]", given: list[str], expected: list[str], name: str) -> None:
    import numpy as np

    from grading.csv_file import shown

    counts = f"({len(given)} rows, expected {len(expected)})"
    unknown = positions < 0
    if unknown.any():
        row = int(unknown.argmax())
        example = f"the first is {shown(given[row])} in row {row + 1}"
        raise SubmissionInvalid(f"column {name!r} holds {unknown.sum()} unknown ids {counts}, {example}")
    times = np.bincount(positions, minlength=len(expected))
    if (times > 1).any():
        _, first = np.unique(positions, return_index=True)
        row = int(np.setdiff1d(np.arange(len(given)), first)[0])
        raise SubmissionInvalid(f"column {name!r} holds {shown(given[row])} a second time in row {row + 1} {counts}")
    if (times == 0).any():
        example = shown(expected[int(times.argmin())])
        raise SubmissionInvalid(f"column {name!r} lacks {(times == 0).sum()} ids {counts}, the first is {example}")


def _number(frame: "pd.DataFrame", column: Column, format: SubmissionFormat) -> "pd.Series":
    values = frame[column.name]
    _refuse(values.isna(), frame, column, format, "is missing")
    _refuse(values.abs() == float("inf"), frame, column, format, "is infinite")
    return values


def _non_negative(frame: "pd.DataFrame", column: Column, format: SubmissionFormat) -> "pd.Series":
    values = _number(frame, column, format)
    _refuse(values < 0, frame, column, format, "holds {}, expected 0 or more,")
    return values


def _probability(frame: "pd.DataFrame", column: Column, format: SubmissionFormat) -> "pd.Series":
    values = _number(frame, column, format)
    _refuse((values < 0) | (values > 1), frame, column, format, "holds {}, expected a probability from 0 to 1,")
    return values


def _integer(frame: "pd.DataFrame", column: Column, format: SubmissionFormat) -> "pd.Series":
    values = _number(frame, column, format)
    wrong = (values % 1 != 0) | (values.abs() > LARGEST_INTEGER)
    _refuse(wrong, frame, column, format, "holds {}, expected a whole number within 2^53,")
    return values.astype("int64")


def _label(frame: "pd.DataFrame", column: Column, format: SubmissionFormat) -> "pd.Series":
    values = frame[column.name]
    _refuse(values == "", frame, column, format, "is empty")
    if not column.classes:
        return values
    wrong = ~values.isin(column.classes)
    if wrong.any():  # 3.0 is as good as 3, and agents often write labels as floats
        values = values.mask(wrong, values.map(_plain))
        wrong = ~values.isin(column.classes)
    classes = ", ".join(column.classes[:10]) + (", ..." if len(column.classes) > 10 else "")
    _refuse(wrong, frame, column, format, "holds {}, " + f"expected one of {classes},")
    return values


def _text(frame: "pd.DataFrame", column: Column, format: SubmissionFormat) -> "pd.Series":
    return frame[column.name]


CHECKS: dict[ColumnKind, Callable[["pd.DataFrame", Column, SubmissionFormat], "pd.Series"]] = {
    ColumnKind.NUMBER: _number,
    ColumnKind.NON_NEGATIVE: _non_negative,
    ColumnKind.PROBABILITY: _probability,
    ColumnKind.INTEGER: _integer,
    ColumnKind.LABEL: _label,
    ColumnKind.TEXT: _text,
}


def _refuse(
    wrong: "pd.Series[bool]", frame: "pd.DataFrame", column: Column, format: SubmissionFormat, reason: str
) -> None:
    """Raise SubmissionInvalid for the first row that is `wrong`; `{}` in `reason` stands for its cell."""
    from grading.csv_file import shown

    if not wrong.any():
        return
    position = int(wrong.to_numpy().argmax())
    cell = frame[column.name].iloc[position]
    text = shown(cell) if isinstance(cell, str) else f"{cell:.6g}"
    where = _where(frame, position, format)
    raise SubmissionInvalid(f"column {column.name!r} {reason.replace('{}', text, 1)} in {where}")


def _check_sums(frame: "pd.DataFrame", format: SubmissionFormat) -> None:
    names = [column.name for column in format.columns if column.kind is ColumnKind.PROBABILITY]
    sums = frame[names].sum(axis=1)
    wrong = ((sums - 1).abs() > SUM_TOLERANCE).to_numpy()
    if wrong.any():
        position = int(wrong.argmax())
        raise SubmissionInvalid(
            f"the {len(names)} probabilities from {names[0]!r} on sum to {sums.iloc[position]:.8g} in "
            f"{_where(frame, position, format)}, expected 1 (within {SUM_TOLERANCE:g})"
        )


def _where(frame: "pd.DataFrame", position: int, format: SubmissionFormat) -> str:
    from grading.csv_file import shown

    return f"row {position + 1} ({format.id} {shown(frame[format.id].iloc[position])})"
