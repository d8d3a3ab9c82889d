"""The vocabulary of planters: the tables that they work on, and how columns are drawn, named, binned and inserted.

All chance comes from one RandomState, whose streams never change between versions of numpy, and planted numbers are
rounded: the same draw gives the same bytes on every platform.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.random import RandomState
from numpy.typing import NDArray

from core.errors import NotApplicable
from tasks.schema import Kind, Table

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
MOST_LEVELS = 50  # of a category that bears planting


@dataclass(frozen=True, kw_only=True)
class Tables:
    """A competition's tables, as a view draws them: train with the target, test without it."""

    table: Table  # what is said about them
    train: pd.DataFrame
    test: pd.DataFrame

    @property
    def target(self) -> "pd.Series[Any]":
        """The target of the train rows."""
        return self.train[self.table.target]

    @property
    def features(self) -> list[str]:
        """Columns of both tables that are neither the id nor the target."""
        left_out = (self.table.id, self.table.target)
        return [str(name) for name in self.train if name in self.test and name not in left_out]

    @property
    def numeric(self) -> list[str]:
        """Features that are quantities: numbers that are not declared to be categories."""
        named = {*self.table.categorical, *self.table.ordinal}
        return [name for name in self.features if name not in named and is_number(self.train[name])]

    @property
    def categorical(self) -> list[str]:
        """Features that are categories: declared ones, and texts that repeat and are neither prose nor dates."""
        declared = {*self.table.categorical, *self.table.ordinal}
        prose = {*self.table.text, self.table.time}
        return [
            name
            for name in self.features
            if name in declared
            or (name not in prose and not is_number(self.train[name]) and _repeats(self.train[name]))
        ]

    def with_columns(self, columns: dict[str, tuple[Any, Any]], draw: RandomState) -> "Tables":
        """Put columns, each with its train and test cells, at drawn places among the others."""
        train, test = self.train.copy(), self.test.copy()
        for name, (train_cells, test_cells) in columns.items():
            place = 1 + int(draw.randint(max(1, test.shape[1])))
            train.insert(min(place, train.shape[1]), name, train_cells)
            test.insert(min(place, test.shape[1]), name, test_cells)
        return replace(self, train=train, test=test)

    def without_columns(self, names: Sequence[str]) -> "Tables":
        """Take columns out, and what is said about them."""
        gone = set(names)
        said = self.table.model_copy(
            update={
                "time": None if self.table.time in gone else self.table.time,
                "groups": tuple(name for name in self.table.groups if name not in gone),
                "categorical": tuple(name for name in self.table.categorical if name not in gone),
                "ordinal": {name: levels for name, levels in self.table.ordinal.items() if name not in gone},
                "text": tuple(name for name in self.table.text if name not in gone),
            }
        )
        train, test = (part.drop(columns=[name for name in names if name in part]) for part in (self.train, self.test))
        return Tables(table=said, train=train, test=test)

    def of_rows(self, rows: Ints) -> "Tables":
        """Keep some train rows, in their order."""
        return replace(self, train=self.train.iloc[np.sort(rows)].reset_index(drop=True))


@dataclass(frozen=True, kw_only=True)
class Planted:
    """A view: what an agent sees, and the truth about it.

    Attributes:
        truth: JSON values for the checks; `answer` is the answer that gets all points.
        question: lines that belong to the question of this view, after the technique's description.
    """

    tables: Tables
    truth: dict[str, Any]
    question: str = ""


def is_number(values: "pd.Series[Any]") -> bool:
    """Whether a column is read as numbers."""
    return pd.api.types.is_numeric_dtype(values) and not pd.api.types.is_bool_dtype(values)


def target_scores(tables: Tables) -> Floats:
    """Give the target as numbers from 0 to 1 that planted columns can follow: ranks, or places of the classes."""
    if tables.table.kind is Kind.REGRESSION:
        return np.asarray(tables.target.rank(method="first", pct=True), dtype=float)
    codes = class_codes(tables.target)
    return np.asarray(codes / max(1, codes.max()), dtype=float)


def class_codes(target: "pd.Series[Any]") -> Ints:
    """Number the classes in the order of their names."""
    values = target.astype(str)
    places = {label: place for place, label in enumerate(sorted(values.unique()))}
    return values.map(places).to_numpy(dtype=np.int64)


def require_rows(tables: Tables, least: int) -> None:
    """Raise NotApplicable for a train table that is too short for its planter."""
    if len(tables.train) < least:
        raise NotApplicable(f"its train table has {len(tables.train)} rows; at least {least} are needed")


def significant(values: Any, digits: int = 6) -> Floats:
    """Round to so many significant digits."""
    numbers = np.asarray(values, dtype=float)
    return np.array([float(f"{value:.{digits}g}") for value in numbers])


def pick(draw: RandomState, options: Sequence[Any], size: int = 1) -> list[Any]:
    """Draw different ones of `options`."""
    return [options[int(place)] for place in draw.permutation(len(options))[:size]]


def columns_named(draw: RandomState, tables: Tables, pool: Sequence[str], size: int) -> list[str]:
    """Draw names for planted columns, written as the real ones are."""
    taken = {str(name).lower() for name in tables.train}
    free = [name for name in pool if name not in taken and name.replace("_", "") not in taken]
    return [_styled(name, tables.features) for name in pick(draw, free, size)]


def _styled(name: str, real: Sequence[str]) -> str:
    capital = sum(column[:1].isupper() for column in real) * 2 > len(real)
    return "".join(part.title() for part in name.split("_")) if capital else name


def bins(values: "pd.Series[Any]", most: int = 10) -> Ints:
    """Number each cell's bin, gaps their own: equal shares of the rows, or levels with the rare ones together."""
    if is_number(values) and values.nunique() > most:
        codes = pd.qcut(values.rank(method="average"), most, labels=False, duplicates="drop")
        return codes.fillna(most).to_numpy(dtype=np.int64)
    kept = list(values.value_counts().index[: most - 1])
    places = {level: place for place, level in enumerate(sorted(kept, key=str))}
    return values.map(places).where(values.notna(), most).fillna(most - 1).to_numpy(dtype=np.int64)


def association(first: Ints, second: Ints) -> float:
    """Give Cramér's V of two binned columns, corrected for chance (Bergsma 2013): 0 independent, 1 the same."""
    rows, columns = (np.unique(values, return_inverse=True)[1] for values in (first, second))
    counts = np.bincount(rows * (columns.max() + 1) + columns, minlength=(rows.max() + 1) * (columns.max() + 1))
    table = counts.reshape(rows.max() + 1, -1).astype(float)
    total = table.sum()
    expected = np.outer(table.sum(axis=1), table.sum(axis=0)) / total
    phi = float(((table - expected) ** 2 / expected).sum() / total)
    height, width = table.shape
    corrected = max(0.0, phi - (height - 1) * (width - 1) / (total - 1))
    smaller = min(height - (height - 1) ** 2 / (total - 1), width - (width - 1) ** 2 / (total - 1)) - 1
    return float(np.sqrt(corrected / smaller)) if smaller > 0 else 0.0


def _repeats(values: "pd.Series[Any]") -> bool:
    known = values.dropna()
    return bool(len(known)) and known.nunique() <= 0.5 * len(known)
