"""What a preparer asserts of its data. Wrong data is a DataError that says what was found."""

from collections.abc import Iterable, Sequence

import pandas as pd

from core.errors import DataError


def require(condition: object, message: str) -> None:
    """Check that `condition` is true.

    Raises:
        DataError: it is not; `message` says what was expected of what.
    """
    if not condition:
        raise DataError(message)


def require_equal(found: object, expected: object, what: str) -> None:
    """Check that two counts, or anything small, are equal.

    Raises:
        DataError: they are not; `what` names the thing.
    """
    require(found == expected, f"{what}: {found}, expected {expected}")


def require_columns(table: pd.DataFrame, columns: Sequence[str], what: str) -> None:
    """Check that a table has exactly these columns in this order.

    Raises:
        DataError: it has not; `what` names the table.
    """
    found = [str(name) for name in table.columns]
    require(found == list(columns), f"{what} has the columns {', '.join(found[:50])}, expected {', '.join(columns)}")


def require_disjoint(first: Iterable[object], second: Iterable[object], what: str) -> None:
    """Check that no value is on both sides.

    Raises:
        DataError: one is; `what` names the values, in the plural.
    """
    shared = set(first) & set(second)
    require(not shared, f"{len(shared)} {what} are both in train and test, for example {next(iter(shared), None)!r}")
