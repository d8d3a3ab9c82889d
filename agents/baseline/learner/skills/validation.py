"""How to divide rows for validation: by what differs between the train and the test table."""

from typing import Any

import pandas as pd

from .tables import Tables, is_date, is_number

LATER = 0.95  # share of the test rows that come after nearly all train rows
ROWS_PER_GROUP = 1.5
FEW_ROWS, IMBALANCED = 100, 3
SEEN = 0.05  # share of the test rows that may be of entities of the train table


def answer(tables: Tables) -> dict[str, Any]:
    """Look for time, entities, rare classes and few rows, in this order."""
    train, counts = tables.train, tables.counts()
    times = [name for name in tables.features if is_date(train[name]) and _is_later(train[name], tables.test[name])]
    groups = [name for name in tables.features if name not in times and _is_apart(tables, name)]
    imbalanced = bool(counts) and max(counts.values()) / min(counts.values()) >= IMBALANCED
    strategy, splits = _strategy(tables, times=times, groups=groups, imbalanced=imbalanced)
    return {
        "data_characteristics": {
            "num_rows": len(train),
            "num_cols": train.shape[1],
            "target_column": tables.target,
            "target_type": tables.kind,
            "temporal_columns": times,
            "group_columns": groups,
            "class_distribution": counts,
        },
        "has_temporal_structure": bool(times),
        "has_groups": bool(groups),
        "is_imbalanced": imbalanced,
        "recommended_strategy": strategy,
        "recommended_n_splits": splits,
        "reasoning": f"test rows later by {times}; entities apart by {groups}; {len(train)} rows; classes {counts}",
    }


def _is_later(train: pd.Series, test: pd.Series) -> bool:
    known, unknown = (pd.to_datetime(part, errors="coerce", format="ISO8601") for part in (train, test))
    late = known.sort_values().iloc[int(LATER * (len(known) - 1))]
    return bool((unknown > late).mean() >= LATER) and bool(unknown.median() > known.max())


def _is_apart(tables: Tables, name: str) -> bool:
    train, test = tables.train[name].dropna(), tables.test[name].dropna()
    if is_number(train) and bool((train % 1 != 0).any()):
        return False
    repeats = len(train) >= ROWS_PER_GROUP * train.nunique() and train.nunique() >= 5
    return repeats and bool(test.isin(set(train)).mean() <= SEEN)


def _strategy(tables: Tables, *, times: list[str], groups: list[str], imbalanced: bool) -> tuple[str, int]:
    if times:
        return "timeseries", 5
    if groups:
        return ("stratified_group" if imbalanced else "group"), 5
    if len(tables.train) < FEW_ROWS:
        return "leave_one_out", len(tables.train)
    return ("kfold" if tables.is_regression else "stratified"), 5
