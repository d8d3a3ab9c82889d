"""Reading, checking and aligning submissions. A submission comes out of a sandbox and is hostile.

Reasons name a column and a row or id of the submission; they hold nothing of the answers but ids, which the public
data holds as well. Rows are counted from 1, the header not counted.
"""

from pathlib import Path
from typing import IO, TYPE_CHECKING

from core.errors import SubmissionInvalid
from grading.cells import WHOLE_NUMBER, check_cells, plain
from grading.formats import Header, SubmissionFormat

if TYPE_CHECKING:  # pandas is slow to import, and whoever only lists competitions does not need it
    import numpy as np
    import pandas as pd
    from numpy.typing import NDArray

SEPARATOR = "\x1f"  # between the parts of a key: the answers' ids have none


def read_submission(path: Path, format: SubmissionFormat, *, rows: int | None = None) -> "pd.DataFrame":
    """Read `path` and check all that can be checked without knowing the ids.

    Args:
        rows: how many rows there may be at most. Give it where it is known: a file of a few bytes a row takes
            a hundred times its size in memory, and with this it is refused before that.

    Returns:
        The ids (text), then the columns of the format in its order: numbers as float64, integers as int64, labels
        and texts as text (an empty cell is "", and NA is the text NA).

    Raises:
        SubmissionInvalid: the file or its content breaks the format; one line says how.
        OSError: this host failed to read it.
    """
    from grading.csv_file import read_table

    numbers = _numbers(format)
    texts = [*format.ids, *(name for name in format.names if name not in numbers)]
    frame = read_table(
        path,
        texts=texts,
        numbers=numbers,
        max_bytes=format.max_bytes,
        rows=rows,
        expected=None if format.header is Header.OPEN else [*format.ids, *format.names],
        in_order={Header.EXACT: len(texts) + len(numbers), Header.ID_FIRST: 1}.get(format.header, 0),
    )
    return check_cells(frame[[*format.ids, *format.names]], format)


def read_ours(file: "Path | IO[bytes]", format: SubmissionFormat) -> "pd.DataFrame":
    """Read the ids and columns of `format` from a table of the data folder, which is as we wrote it.

    Returns:
        As `read_submission`; further columns are not even parsed.

    Raises:
        ValueError: it is not a table with these columns and kinds, has no rows, or an id twice.
        OSError: this host failed to read it.
    """
    import pandas as pd

    columns = [*format.ids, *format.names]
    numbers = _numbers(format)
    dtypes = {name: "float64" if name in numbers else "str" for name in columns}
    frame = pd.read_csv(file, usecols=columns, dtype=dtypes, encoding="utf-8-sig", na_filter=False)
    if frame.empty:
        raise ValueError("it has no rows")
    try:
        frame = check_cells(frame[columns], format)
    except SubmissionInvalid as error:
        raise ValueError(str(error)) from error
    if not _keys(frame, format).is_unique:
        raise ValueError(f"column {format.id!r} holds an id twice")
    return frame


def align(frame: "pd.DataFrame", ours: "pd.DataFrame", format: SubmissionFormat) -> "pd.DataFrame":
    """Put the rows of `frame`, as `read_submission` gives it, in the order of `ours`.

    Ids are compared as text. Where that fails and all expected ids are whole numbers, they are compared as such:
    7, 7.0 and 007 are the same.

    Args:
        ours: a table with the id columns.

    Returns:
        The same columns, with the ids as they are in `ours` (as text).

    Raises:
        SubmissionInvalid: ids are duplicate, unknown or missing.
        ValueError: `ours` holds one twice.
    """
    import numpy as np

    ids = ours[format.ids].astype("str")
    given, expected = _keys(frame, format).tolist(), _keys(ids, format).tolist()
    if given == expected and len(set(expected)) == len(expected):
        order = np.arange(len(expected), dtype=np.intp)
    else:
        positions, given = _positions_by_value(frame, ids, given, expected, format)
        _check_positions(positions, given, expected, format)
        order = np.empty(len(expected), dtype=np.intp)
        order[positions] = np.arange(len(given))
    aligned: pd.DataFrame = frame.iloc[order].reset_index(drop=True)
    for name in format.ids:
        aligned[name] = ids[name].array
    return aligned


def _numbers(format: SubmissionFormat) -> list[str]:
    return [column.name for column in format.columns if column.kind.numeric]


def _keys(frame: "pd.DataFrame", format: SubmissionFormat) -> "pd.Series[str]":
    """Give a text for each row that no other row has."""
    keys = frame[format.id]
    for name in format.further_ids:
        keys = keys + SEPARATOR + frame[name]
    if format.repeated_ids:
        times = keys.groupby(keys, sort=False).cumcount()
        keys = keys.mask(times > 0, keys + SEPARATOR + "#" + (times + 1).astype("str"))
    return keys


def _positions_by_value(
    frame: "pd.DataFrame", ids: "pd.DataFrame", given: list[str], expected: list[str], format: SubmissionFormat
) -> "tuple[NDArray[np.intp], list[str]]":
    """Give where each given key is in the expected ones, -1 for nowhere, and the given keys as they were compared."""
    positions = _positions(given, expected, format)
    whole = [name for name in format.ids if all(WHOLE_NUMBER.fullmatch(entry) for entry in ids[name])]
    if whole and (positions < 0).any():
        plain_expected = _keys(ids.assign(**{name: ids[name].map(plain) for name in whole}), format).tolist()
        if len(set(plain_expected)) == len(plain_expected):
            given = _keys(frame.assign(**{name: frame[name].map(plain) for name in whole}), format).tolist()
            positions = _positions(given, plain_expected, format)
    return positions, given


def _positions(given: list[str], expected: list[str], format: SubmissionFormat) -> "NDArray[np.intp]":
    """Give where each of `given` is in `expected`, -1 for nowhere."""
    import pandas as pd

    index = pd.Index(expected, dtype=object)
    if not index.is_unique:
        raise ValueError(f"the expected ids in {format.id!r} are not unique")
    return index.get_indexer(pd.Index(given, dtype=object))


def _check_positions(
    positions: "NDArray[np.intp]", given: list[str], expected: list[str], format: SubmissionFormat
) -> None:
    import numpy as np

    name = ", ".join(format.ids)
    counts = f"({len(given)} rows, expected {len(expected)})"
    unknown = positions < 0
    if unknown.any():
        row = int(unknown.argmax())
        example = f"the first is {_shown_key(given[row])} in row {row + 1}"
        raise SubmissionInvalid(f"column {name!r} holds {unknown.sum()} unknown ids {counts}, {example}")
    times = np.bincount(positions, minlength=len(expected))
    if (times > 1).any():
        _, first = np.unique(positions, return_index=True)
        row = int(np.setdiff1d(np.arange(len(given)), first)[0])
        raise SubmissionInvalid(
            f"column {name!r} holds {_shown_key(given[row])} a second time in row {row + 1} {counts}"
        )
    if (times == 0).any():
        example = _shown_key(expected[int(times.argmin())])
        raise SubmissionInvalid(f"column {name!r} lacks {(times == 0).sum()} ids {counts}, the first is {example}")


def _shown_key(key: str) -> str:
    from grading.csv_file import shown

    return shown(key.replace(SEPARATOR, ", "))
