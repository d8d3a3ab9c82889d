"""What a column's cells may hold, checked a column at a time. Reasons name the column, the cell and the row."""

import re
from collections.abc import Callable
from decimal import Decimal
from typing import TYPE_CHECKING

from core.errors import SubmissionInvalid
from grading.formats import Column, ColumnKind, SubmissionFormat

if TYPE_CHECKING:
    import pandas as pd

LARGEST_NUMBER = 1e150  # the sum of the squares of a hundred million such numbers is still one
LARGEST_INTEGER = 2**53  # beyond it float64 skips integers
# Lengths are bounded so that a hostile cell cannot make the search slow.
WHOLE_NUMBER = re.compile(r" ?\+?(-?)0{0,30}([0-9]{1,30}?)(?:\.0{0,30})? ?")
WITH_EXPONENT = re.compile(r" ?[+-]?[0-9]{1,30}(?:\.[0-9]{0,30})?[eE][+-]?[0-9]{1,2} ?")  # as R writes 100000
# pandas' words for a missing value (pandas.read_csv, na_values).
MISSING_WORDS = frozenset(
    {"#N/A", "#N/A N/A", "#NA", "-1.#IND", "-1.#QNAN", "-NaN", "-nan", "1.#IND", "1.#QNAN", "<NA>"}
    | {"N/A", "NA", "NULL", "NaN", "None", "n/a", "nan", "null"}
)


def check_cells(frame: "pd.DataFrame", format: SubmissionFormat) -> "pd.DataFrame":
    """Check the cells of the format's columns.

    Returns:
        The frame, with integers as int64, labels as the classes are written, and words for a missing value as ""
        where the column says so.

    Raises:
        SubmissionInvalid: a cell is not as it should be.
    """
    for column in format.columns:
        frame[column.name] = CHECKS[column.kind](frame, column, format)
    if format.rows_sum_to_one:
        _check_sums(frame, format)
    return frame


def plain(text: str) -> str:
    """Give a whole number in its shortest form; other text as it is."""
    if found := WHOLE_NUMBER.fullmatch(text):
        return found[1] + found[2]
    if WITH_EXPONENT.fullmatch(text) and (value := Decimal(text.strip())) % 1 == 0:
        return str(int(value))
    return text


def _number(frame: "pd.DataFrame", column: Column, format: SubmissionFormat) -> "pd.Series":
    values = frame[column.name]
    _refuse(values.isna(), frame, column, format, "is missing")
    _refuse(values.abs() == float("inf"), frame, column, format, "is infinite")
    _refuse(values.abs() > LARGEST_NUMBER, frame, column, format, f"holds {{}}, expected at most {LARGEST_NUMBER:g}")
    if column.minimum is not None:
        _refuse(values < column.minimum, frame, column, format, f"holds {{}}, expected {column.minimum:g} or more,")
    if column.maximum is not None:
        _refuse(values > column.maximum, frame, column, format, f"holds {{}}, expected {column.maximum:g} or less,")
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
    values = _text(frame, column, format)
    _refuse(values == "", frame, column, format, "is empty")
    if not column.classes:
        return values
    wrong = ~values.isin(column.classes)
    if wrong.any():  # 3.0 is as good as 3, and agents often write labels as floats
        values = values.mask(wrong, values.map(plain))
        wrong = ~values.isin(column.classes)
    classes = ", ".join(column.classes[:10]) + (", ..." if len(column.classes) > 10 else "")
    _refuse(wrong, frame, column, format, "holds {}, " + f"expected one of {classes},")
    return values


def _text(frame: "pd.DataFrame", column: Column, format: SubmissionFormat) -> "pd.Series":
    values = frame[column.name]
    if column.missing_words:
        values = values.mask(values.isin(MISSING_WORDS), "")
    if column.refuse_all_numbers:
        _refuse_all_numbers(values, column)
    return values


def _refuse_all_numbers(values: "pd.Series[str]", column: Column) -> None:
    from grading.csv_file import INFINITE, NUMBER, TRUTHS

    filled = values[values != ""]
    words = filled.str.strip().str.lower()
    numbers = filled.str.fullmatch(NUMBER) | words.str.removeprefix("-").str.removeprefix("+").isin(INFINITE)
    if len(filled) and (numbers.all() or words.isin(TRUTHS).all()):
        raise SubmissionInvalid(f"column {column.name!r} holds nothing but numbers or truth values, expected text")


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
    wrong = ((sums - 1).abs() > format.sum_tolerance).to_numpy()
    if wrong.any():
        position = int(wrong.argmax())
        raise SubmissionInvalid(
            f"the {len(names)} probabilities from {names[0]!r} on sum to {sums.iloc[position]:.8g} in "
            f"{_where(frame, position, format)}, expected 1 (within {format.sum_tolerance:g})"
        )


def _where(frame: "pd.DataFrame", position: int, format: SubmissionFormat) -> str:
    from grading.csv_file import shown

    return f"row {position + 1} ({format.id} {shown(frame[format.id].iloc[position])})"
