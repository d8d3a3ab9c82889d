"""Sorts the columns of a table into numbers, categories and texts, without looking at any target."""

import re
from dataclasses import dataclass

import numpy as np
import pandas as pd

from .question import Question

FEW_LEVELS = 32  # categories with more levels are encoded by what the target does in each level
MOSTLY = 0.95  # share of cells that decides what a column is
PEEK = 1000
DATE = re.compile(r"^\s*\d{1,4}[-/.]\d{1,2}[-/.]\d{1,4}([T ]|\s*$)|^\s*\d{1,2}:\d{2}")


@dataclass(frozen=True, kw_only=True)
class Tidy:
    """Train rows first, then test rows, in three tables with the same index."""

    numbers: pd.DataFrame  # float, NaN for gaps
    categories: pd.DataFrame  # level numbers as float, NaN for gaps
    few: list[str]  # categories with few levels
    many: list[str]  # categories with many levels
    texts: pd.DataFrame  # str, "" for gaps
    order: pd.Series | None  # when a row was, where the test rows come after the train rows


def tidy(train: pd.DataFrame, test: pd.DataFrame, question: Question) -> Tidy:
    """Sort what train and test have in common, leaving out the id, the targets and what says nothing."""
    left_out = {question.id, *(goal.target for goal in question.goals)}
    columns = [column for column in train.columns if column in test.columns and column not in left_out]
    table = pd.concat([train[columns], test[columns]], ignore_index=True)
    sorter = _Sorter(question)
    for column in columns:
        sorter.take(column, table[column])
    numbers = _useful(pd.DataFrame(sorter.numbers, index=table.index))
    moments = _moments(table, question)
    if moments is not None:
        numbers = numbers[[name for name in numbers if _says_something_later(numbers[name], moments, len(train))]]
    categories = _useful(pd.DataFrame(sorter.categories, index=table.index))
    levels = categories.nunique()
    return Tidy(
        numbers=numbers,
        categories=categories,
        few=[str(name) for name in levels.index[levels <= FEW_LEVELS]],
        many=[str(name) for name in levels.index[levels > FEW_LEVELS]],
        texts=pd.DataFrame(sorter.texts, index=table.index),
        order=None if moments is None else _days(moments),
    )


class _Sorter:
    """Takes columns one by one and puts what they hold where it belongs."""

    def __init__(self, question: Question) -> None:
        self.question = question
        self.numbers: dict[str, pd.Series] = {}
        self.categories: dict[str, pd.Series] = {}
        self.texts: dict[str, pd.Series] = {}

    def take(self, name: str, values: pd.Series) -> None:
        if name in self.question.ordinal:
            levels = {level: number for number, level in enumerate(self.question.ordinal[name])}
            self.numbers[name] = as_written(values).map(levels).astype(float)
        elif name in self.question.text:
            self.texts[name] = values.fillna("").astype(str)
        elif name in self.question.categorical:
            self._take_category(name, values)
        elif pd.api.types.is_numeric_dtype(values):
            self.numbers[name] = values.astype(float)
        else:
            self._take_strings(name, values)
        if name == self.question.time:
            self.numbers[f"{name} rows"] = _row_counts(values)  # how busy the moment is

    def _take_strings(self, name: str, values: pd.Series) -> None:
        known = values.dropna()
        if known.empty:
            return
        some = known.astype(str).sample(min(PEEK, len(known)), random_state=0)
        if pd.to_numeric(some, errors="coerce").notna().mean() >= MOSTLY:
            self.numbers[name] = pd.to_numeric(values, errors="coerce").astype(float)
        elif some.map(lambda text: bool(DATE.match(text))).mean() >= MOSTLY:
            self._take_date(name, values)
        elif _is_text(some):
            self.texts[name] = values.fillna("").astype(str)
        elif known.nunique() <= 0.9 * len(known):
            self._take_category(name, values)
        # What is left is another id: a word of its own for almost every row.

    def _take_category(self, name: str, values: pd.Series) -> None:
        codes, levels = pd.factorize(values.astype(str).where(values.notna()), sort=True)
        self.categories[name] = pd.Series(codes, index=values.index).where(codes >= 0).astype(float)
        if len(levels) > FEW_LEVELS:
            self.numbers[f"{name} rows"] = _row_counts(values)

    def _take_date(self, name: str, values: pd.Series) -> None:
        moments = parse_dates(values)
        parts = moments.dt
        self.numbers |= {
            f"{name} days": _days(moments),
            f"{name} month": parts.month.astype(float),
            f"{name} weekday": parts.day_of_week.astype(float),
            f"{name} hour": (parts.hour + parts.minute / 60).astype(float),
        }


def as_written(values: pd.Series) -> pd.Series:
    """Cells as text. Whole numbers that became floats because of gaps are written as whole numbers."""
    if pd.api.types.is_float_dtype(values) and bool((values.dropna() % 1 == 0).all()):
        values = values.astype("Int64")
    return values.astype(str)


def parse_dates(values: pd.Series) -> pd.Series:
    """Moments in UTC, NaT where a cell holds none."""
    moments = pd.to_datetime(values, errors="coerce", utc=True, format="ISO8601")
    if moments.isna().sum() > values.isna().sum():
        moments = pd.to_datetime(values, errors="coerce", utc=True, format="mixed")
    return moments


def _days(moments: pd.Series) -> pd.Series:
    return (moments - pd.Timestamp("2000-01-01", tz="UTC")) / pd.Timedelta(days=1)


def _is_text(some: pd.Series) -> bool:
    """Several words in most cells, and seldom the same ones."""
    words = float(np.mean([len(text.split()) for text in some]))
    return (words >= 1.5 and some.nunique() > 0.5 * len(some)) or words >= 8


def _row_counts(values: pd.Series) -> pd.Series:
    return values.map(values.value_counts()).astype(float)


def _moments(table: pd.DataFrame, question: Question) -> pd.Series | None:
    """When each row was, or None where that is not known or the rows are not ordered by it."""
    if not question.time or question.time not in table:
        return None
    values = table[question.time]
    if pd.api.types.is_numeric_dtype(values):  # of an unknown unit; only their order is used
        return pd.to_datetime(values, errors="coerce", utc=True, unit="s")
    return parse_dates(values)


def _useful(table: pd.DataFrame) -> pd.DataFrame:
    """Without infinities, and without columns that hold only one value."""
    table = table.replace([np.inf, -np.inf], np.nan)
    return table.loc[:, table.nunique(dropna=False) > 1]


def _says_something_later(values: pd.Series, moments: pd.Series, train_rows: int) -> bool:
    """Whether a column can help with rows that come later.

    Not where most test values lie outside the train values: no model learns what a new month is like. And not
    where it is the day of the month (also in another time zone): it only helps to know past days by heart.
    """
    train, test = values.iloc[:train_rows], values.iloc[train_rows:]
    inside = test.between(train.min(), train.max()) | test.isna()
    return bool(inside.mean() >= 0.5) and bool((values == moments.dt.day).mean() < 0.7)
