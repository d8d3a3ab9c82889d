"""Makes gaps in complete columns of the train table by three mechanisms. The test table stays whole.

    MCAR  a cell is missing by chance alone
    MAR   it is missing mostly where another column, which has no gaps, has certain values
    MNAR  it is missing mostly where it would itself have had certain values

Columns are chosen so that the mechanism can be told from the data: a MNAR column hangs together with no other column,
and a MAR column not with the one that its gaps depend on.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.random import RandomState

from core.errors import NotApplicable
from tasks.planting import (
    MOST_LEVELS,
    Floats,
    Ints,
    Planted,
    Tables,
    association,
    bins,
    is_number,
    pick,
    require_rows,
)

LEAST_ROWS = 500
LEAST_VALUES = 8  # of a column of numbers
LOOSE = 0.3  # association (Cramér's V) up to which two columns are told apart
PRONE = (0.2, 0.45)  # share of the rows where cells are mostly missing
INSIDE, OUTSIDE = (0.35, 0.65), (0.02, 0.06)  # share of missing cells among those rows, and among the others
BY_CHANCE = (0.08, 0.25)
DISGUISED = 0.25  # share of planted columns whose gaps are written as a value that is none
EXTRA_COLUMNS = 2
MECHANISMS = ("MCAR", "MAR", "MNAR")
FITTING = {
    "MCAR": ["model_impute", "knn_impute", "drop_rows"],
    "MAR": ["model_impute", "knn_impute"],
    "MNAR": ["indicator_flag"],
}


@dataclass(frozen=True, kw_only=True)
class _Gaps:
    """What is planted into one column."""

    column: str
    pattern: str
    driver: str | None
    cells: Floats  # chance of each train cell to be missing


def plant(tables: Tables, draw: RandomState) -> Planted:
    require_rows(tables, LEAST_ROWS)
    candidates = [column for column in tables.features if _bears_gaps(tables, column)]
    drawn = _Drawing(tables, candidates, draw).gaps()
    train = tables.train.copy()
    disguises: dict[str, Any] = {}
    for gaps in drawn:
        missing = draw.random_sample(len(train)) < gaps.cells
        disguise = _disguise(train[gaps.column]) if draw.random_sample() < DISGUISED else None
        train[gaps.column] = train[gaps.column].where(~missing, np.nan if disguise is None else disguise)
        if disguise is not None:
            disguises[gaps.column] = disguise
    return Planted(
        tables=Tables(table=tables.table, train=train, test=tables.test), truth=_truth(train, drawn, disguises, tables)
    )


def _bears_gaps(tables: Tables, column: str) -> bool:
    values = tables.train[column]
    if values.isna().any() or tables.test[column].isna().any() or column in (tables.table.time, *tables.table.text):
        return False
    return values.nunique() >= LEAST_VALUES if is_number(values) else 2 <= values.nunique() <= MOST_LEVELS


class _Drawing:
    """Draws which column gets which gaps."""

    def __init__(self, tables: Tables, candidates: list[str], draw: RandomState) -> None:
        self.tables = tables
        self.draw = draw
        self.free = candidates
        self.binned: dict[str, Ints] = {column: bins(tables.train[column]) for column in candidates}
        self.drivers: set[str] = set()

    def gaps(self) -> list[_Gaps]:
        """Draw one column for each mechanism, and some more.

        Raises:
            NotApplicable: there are too few columns, or they hang together too closely.
        """
        found = [self._mnar(), self._mar(), self._mcar()]
        if any(gaps is None for gaps in found):
            raise NotApplicable("it has too few complete columns that can be told apart")
        for _ in range(int(self.draw.randint(EXTRA_COLUMNS + 1))):
            if len(self.free) > 2:
                found.append(getattr(self, f"_{pick(self.draw, MECHANISMS)[0].lower()}")())
        return [gaps for gaps in found if gaps is not None]

    def _mcar(self) -> _Gaps | None:
        if not self.free:
            return None
        column = pick(self.draw, self.free)[0]
        return self._taken(column, "MCAR", None, np.full(len(self.tables.train), self._between(BY_CHANCE)))

    def _mar(self) -> _Gaps | None:
        for driver in pick(self.draw, [column for column in self.binned if self._may_drive(column)], 20):
            for column in pick(self.draw, self.free, 20):
                if column == driver or self._association(column, driver) > LOOSE:
                    continue
                if (chances := self._chances(driver)) is not None:
                    self.drivers.add(driver)
                    self.free = [name for name in self.free if name != driver]  # a driver has no gaps itself
                    return self._taken(column, "MAR", driver, chances)
        return None

    def _mnar(self) -> _Gaps | None:
        for column in pick(self.draw, self.free, len(self.free)):
            others = [name for name in self.binned if name != column]
            loose = all(self._association(column, other) <= LOOSE for other in others)
            if loose and (chances := self._chances(column)) is not None:
                return self._taken(column, "MNAR", None, chances)
        return None

    def _may_drive(self, column: str) -> bool:
        return column in self.free or column in self.drivers

    def _association(self, first: str, second: str) -> float:
        return association(self.binned[first], self.binned[second])

    def _taken(self, column: str, pattern: str, driver: str | None, cells: Floats) -> _Gaps:
        self.free = [name for name in self.free if name != column]
        return _Gaps(column=column, pattern=pattern, driver=driver, cells=cells)

    def _prone(self, column: str) -> "pd.Series[bool] | None":
        """Give the rows where cells go missing: one end of the numbers, or some of the levels."""
        values = self.tables.train[column]
        if is_number(values):
            share = self._between(PRONE)
            sides = pick(self.draw, [values >= values.quantile(1 - share), values <= values.quantile(share)], 2)
        else:
            shares = values.value_counts(normalize=True)
            shares = shares[sorted(shares.index, key=str)]
            order = pick(self.draw, list(shares.index), len(shares))
            size = int(np.searchsorted(np.cumsum(shares[order].to_numpy()), PRONE[0])) + 1
            sides = [values.isin(order[:size]), ~values.isin(order[:size])]
        return next((side for side in sides if PRONE[0] <= side.mean() <= PRONE[1] + 0.1), None)

    def _chances(self, column: str) -> Floats | None:
        """Give each row's chance of a gap where `column` decides; None where its values do not divide the rows well."""
        prone = self._prone(column)
        return None if prone is None else np.where(prone, self._between(INSIDE), self._between(OUTSIDE))

    def _between(self, limits: tuple[float, float]) -> float:
        return limits[0] + (limits[1] - limits[0]) * float(self.draw.random_sample())


def _disguise(values: "pd.Series[Any]") -> Any:
    """Give a value that cannot be one of the column; None where there is none."""
    if not is_number(values):
        return "?"
    return next((value for value in (-999, -9999, -99999999) if values.min() > value * 0.9), None)


def _truth(train: pd.DataFrame, drawn: list[_Gaps], disguises: dict[str, Any], tables: Tables) -> dict[str, Any]:
    columns = [tables.table.target, *tables.features]
    counts = {column: int(train[column].isna().sum()) for column in columns}
    counts |= {column: int((train[column] == value).sum()) for column, value in disguises.items()}
    counts = {column: count for column, count in counts.items() if count}
    summary = {column: {"count": count, "percent": 100 * count / len(train)} for column, count in counts.items()}
    fitting = {gaps.column: _fitting(gaps.pattern, is_number(tables.train[gaps.column])) for gaps in drawn}
    patterns = {gaps.column: gaps.pattern for gaps in drawn}
    return {
        "summary": summary,
        "patterns": patterns,
        "drivers": {gaps.column: gaps.driver for gaps in drawn if gaps.driver},
        "disguises": {column: str(value) for column, value in disguises.items()},
        "fitting": fitting,
        "answer": {
            "missing_summary": summary,
            "columns_with_missing": sorted(counts),
            "missingness_pattern": patterns,
            "pattern_evidence": {},
            "chosen_strategy": {column: ways[0] for column, ways in fitting.items()},
            "reasoning": "",
        },
    }


def _fitting(pattern: str, number: bool) -> list[str]:
    if pattern != "MCAR":
        return FITTING[pattern]
    return FITTING[pattern] + (["mean_impute", "median_impute"] if number else ["mode_impute"])
