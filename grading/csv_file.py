"""Reading a hostile CSV file into a table. Whatever is wrong with it is one line of `SubmissionInvalid`."""

import codecs
import csv
import errno
import os
import stat
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from io import StringIO
from pathlib import Path
from typing import Any, BinaryIO

import pandas as pd

from core.errors import SubmissionInvalid

HEADER_BYTES = 1 << 20
SCAN_BYTES = 1 << 22
EXTRA_COLUMNS = 100
DIAGNOSIS_ROWS = 100_000
DELIMITERS = {";": "semicolons", "\t": "tabs", "|": "vertical bars", " ": "blanks"}
# No part can match the same characters as the part beside it: linear in the length of a hostile cell.
NUMBER = r"\s*[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?\s*"
MISSING = {"nan", "na", "n/a", "<na>", "null", "none", "nat"}
INFINITE = {"inf", "infinity"}
TRUTHS = {"true", "false"}


def shown(text: str) -> str:
    """Give `text`, which may be hostile, as at most 40 of its characters, quoted, printable and on one line."""
    return repr(text) if len(text) <= 40 else f"{text[:40]!r}..."


def read_table(
    path: Path,
    *,
    texts: Sequence[str],
    numbers: Sequence[str],
    max_bytes: int,
    rows: int | None = None,
    expected: Sequence[str] | None = None,
    in_order: int = 0,
) -> pd.DataFrame:
    """Read the columns `texts` (kept as they are, an empty cell is "") and `numbers` (float64) of `path`.

    Further columns are dropped. Byte order mark, CRLF, and blank lines are fine; a cell may not be missing from a
    number column. `inf` is still a number here, and a column of True and False is one of 1 and 0.

    Args:
        rows: how many rows are expected at most; reading stops at the first that is too many.
        expected: when given, the only columns there may be.
        in_order: that many of `expected` have to be the first columns, in their order.

    Raises:
        SubmissionInvalid: the file or its content is not as it should be.
        OSError: this host failed to read it.
    """
    with _regular_file(path, max_bytes) as file:
        _check_text(file)
        header = _header(file, (*texts, *numbers))
        if expected is not None:
            _check_closed(header, expected, in_order)
        table = _parse(file, header, numbers, rows)
    if table.empty:
        raise SubmissionInvalid("the file has a header and no rows")
    if rows is not None and len(table) > rows:
        raise SubmissionInvalid(f"the file has more than the expected {rows} rows")
    return table[[*texts, *numbers]]


@contextmanager
def _regular_file(path: Path, max_bytes: int) -> Iterator[BinaryIO]:
    """Open a file for reading; never follows a link, never waits for the other end of a pipe."""
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        raise _translated(error) from error
    try:
        _check_status(os.fstat(handle), max_bytes)
        with os.fdopen(handle, "rb", closefd=False) as file:
            yield file
    finally:
        os.close(handle)


def _check_status(status: os.stat_result, max_bytes: int) -> None:
    if not stat.S_ISREG(status.st_mode):
        raise SubmissionInvalid("the submission is not a regular file")
    if status.st_size == 0:
        raise SubmissionInvalid("the file is empty")
    if status.st_size > max_bytes:
        raise SubmissionInvalid(f"the file has {status.st_size} bytes, at most {max_bytes} are allowed")


def _translated(error: OSError) -> Exception:
    match error.errno:
        case errno.ELOOP:
            return SubmissionInvalid("the submission is a symbolic link, expected a regular file")
        case errno.ENOENT | errno.ENOTDIR:
            return SubmissionInvalid("there is no submission file")
        case errno.EACCES | errno.EPERM:
            return SubmissionInvalid("the submission file may not be read: permission denied")
        case errno.ENXIO | errno.ENODEV:  # a socket, or a device without a driver
            return SubmissionInvalid("the submission is not a regular file")
    return error


def _check_text(file: BinaryIO) -> None:
    """Check that all of `file` is UTF-8 without NUL bytes, and go back to its start."""
    decoder = codecs.getincrementaldecoder("utf-8")()
    offset = 0
    while chunk := file.read(SCAN_BYTES):
        if offset == 0 and chunk.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
            raise SubmissionInvalid("the file is UTF-16, expected UTF-8")
        if (nul := chunk.find(b"\0")) >= 0:
            raise SubmissionInvalid(f"the file is binary: NUL at byte {offset + nul}, expected CSV text")
        _decode(decoder, chunk, offset)
        offset += len(chunk)
    _decode(decoder, b"", offset, final=True)
    file.seek(0)


def _decode(decoder: codecs.IncrementalDecoder, chunk: bytes, offset: int, *, final: bool = False) -> None:
    kept = len(decoder.getstate()[0])  # bytes of a character that the chunk before cut
    try:
        decoder.decode(chunk, final)
    except UnicodeDecodeError as error:
        place = offset - kept + error.start
        raise SubmissionInvalid(
            f"the file is not UTF-8: byte {place} (0x{error.object[error.start]:02x}) is not valid"
        ) from error


def _header(file: BinaryIO, required: Sequence[str]) -> list[str]:
    """Read the names of the columns, check that the required ones are there once, and go back to the start."""
    start = file.read(HEADER_BYTES)
    file.seek(0)
    text = start.decode("utf-8", errors="ignore").removeprefix("\ufeff")
    first = next((line for line in StringIO(text, newline="") if line.strip()), "")
    if len(start) == HEADER_BYTES and first and not first.endswith(("\n", "\r")):
        raise SubmissionInvalid(f"the header is longer than {HEADER_BYTES} bytes")
    header = _fields(text)
    _check_header(header, first, required)
    return header


def _fields(text: str) -> list[str]:
    """Split the first line that is not blank; a quoted name may hold line ends."""
    try:
        rows = csv.reader(StringIO(text, newline=""))
        return next((row for row in rows if len(row) > 1 or "".join(row).strip()), [])
    except csv.Error as error:
        raise SubmissionInvalid(f"the header is not CSV: {error}") from error


def _check_header(header: list[str], line: str, required: Sequence[str]) -> None:
    names = Counter(name for name in header if name)
    missing = [name for name in required if not names[name]]
    if missing and (delimiter := _other_delimiter(line, required)):
        raise SubmissionInvalid(f"the columns are separated by {delimiter}, expected commas")
    if missing:
        more = f" and {len(missing) - 1} more" if len(missing) > 1 else ""
        raise SubmissionInvalid(
            f"column {missing[0]!r}{more} is missing; the header has {_listed(header) or 'nothing'}"
        )
    twice = next((name for name in names if names[name] > 1), None)
    if twice is not None:
        raise SubmissionInvalid(f"column {shown(twice)} occurs {names[twice]} times, expected once")
    if len(header) > len(required) + EXTRA_COLUMNS:
        raise SubmissionInvalid(f"the header has {len(header)} columns, expected {len(required)}")


def _check_closed(header: list[str], expected: Sequence[str], in_order: int) -> None:
    further = next((name for name in header if name not in expected), None)
    if further is not None:
        named = f"column {shown(further)}" if further else "a column without a name"
        raise SubmissionInvalid(f"the header has {named}, expected no columns but {_listed(expected)}")
    if header[:in_order] != list(expected[:in_order]):
        raise SubmissionInvalid(f"the header begins with {_listed(header)}, expected {_listed(expected[:in_order])}")


def _listed(names: Sequence[str]) -> str:
    return ", ".join(shown(name) for name in names[:10]) + (", ..." if len(names) > 10 else "")


def _other_delimiter(line: str, required: Sequence[str]) -> str | None:
    for delimiter, name in DELIMITERS.items():
        try:
            row = next(csv.reader([line], delimiter=delimiter), [])
        except csv.Error:
            continue
        if set(required) <= {field.strip() for field in row}:
            return name
    return None


def _parse(file: BinaryIO, header: list[str], numbers: Sequence[str], rows: int | None) -> pd.DataFrame:
    # Unnamed columns (an index written along) get names that no other column has.
    names = [name or f"\0{position}" for position, name in enumerate(header)]
    options: dict[str, Any] = {"header": 0, "names": names, "encoding": "utf-8", "na_filter": False}
    dtypes: dict[str, Any] = {name: "float64" if name in numbers else "str" for name in names}
    try:
        # All columns are read: with `usecols`, pandas would cut rows that are too long without a word.
        table: pd.DataFrame = pd.read_csv(file, dtype=dtypes, nrows=None if rows is None else rows + 1, **options)
    except (ValueError, OverflowError) as error:  # ParserError, EmptyDataError and UnicodeDecodeError are ValueErrors
        _raise_memory_error(error)
        file.seek(0)
        _diagnose(file, options, numbers)
        raise SubmissionInvalid(f"the file is not CSV as expected: {_one_line(error)}") from error
    _check_width(table)
    return table.reset_index(drop=True)


def _raise_memory_error(error: Exception) -> None:
    """The tokenizer reports this host's lack of memory as if it were the file's fault."""
    if "out of memory" in str(error):
        raise MemoryError(str(error)) from error


def _check_width(table: pd.DataFrame) -> None:
    """Refuse rows that are longer than the header. pandas takes their surplus as an index, and one of whole numbers is
    just that, written along without a name."""
    index = table.index
    if isinstance(index, pd.RangeIndex):
        return
    if index.nlevels > 1 or not index.astype("str").str.fullmatch(r"[0-9]{1,18}").all():
        raise SubmissionInvalid("row 1 has more fields than the header")


def _diagnose(file: BinaryIO, options: dict[str, Any], numbers: Sequence[str]) -> None:
    """Read the cells as text and raise SubmissionInvalid for the first that is no number, if there is one."""
    try:
        with pd.read_csv(file, dtype="str", chunksize=DIAGNOSIS_ROWS, **options) as chunks:
            rows = 0
            for chunk in chunks:
                _check_width(chunk)
                for name in numbers:
                    _check_numbers(chunk[name], rows)
                rows += len(chunk)
    except ValueError as error:
        _raise_memory_error(error)
        raise SubmissionInvalid(f"the file is not CSV as expected: {_one_line(error)}") from error


def _check_numbers(cells: "pd.Series[str]", rows_before: int) -> None:
    truths = cells.str.lower().isin(TRUTHS)
    wrong = ~(truths if truths.any() else cells.str.fullmatch(NUMBER)).to_numpy()
    if not wrong.any():
        return
    position = int(wrong.argmax())
    row = rows_before + position + 1
    expected = "True or False as in others" if truths.any() else "a number"
    raise SubmissionInvalid(f"column {cells.name!r} {_fault(cells.iloc[position], expected)} in row {row}")


def _fault(cell: str, expected: str) -> str:
    word = cell.strip().lower().lstrip("+-")
    if not word:
        return "is empty"
    if word in MISSING:
        return f"is missing ({shown(cell)})"
    if word in INFINITE:
        return f"is infinite ({shown(cell)})"
    return f"holds {shown(cell)}, expected {expected},"


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())[:200]
