"""Which columns give the target away, and which rows stand in both tables."""

from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd

from .tables import Floats, Tables, explained, is_number

ALIKE = 0.985  # rank correlation, or chance to order two rows of different classes
SAME = 1e-4  # relative: a mean that is recomputed
UNIQUE = 0.95  # share of different values in a column of numbers of the rows
TOLD = 0.9  # share of the target's variance that the last digits tell
MOST_CONSTANT = 2  # values in the test table of a column that is not known yet
SHARED = 0.01  # share of the test rows
ROWS = "(rows)"


def answer(tables: Tables) -> dict[str, Any]:
    """Try every kind of leak on every column."""
    found = [leak for name in tables.features if (leak := _leak(tables, name)) is not None]
    leaky = {leak["feature"] for leak in found}
    rows = _shared_rows(tables)
    if rows is not None:
        found.append(rows)
    safe = [name for name in tables.features if name not in leaky]
    action = "drop_features" if leaky else "none"
    if rows is not None:
        action = "drop_features_and_rows" if leaky else "drop_shared_rows"
    return {
        "features_analyzed": tables.features,
        "leaky_features": found,
        "safe_features": safe,
        "reasoning_per_feature": {leak["feature"]: leak["evidence"] for leak in found},
        "recommended_action": action,
    }


def _leak(tables: Tables, name: str) -> dict[str, Any] | None:
    values = tables.train[name]
    if not is_number(values):
        return None
    if values.nunique() > MOST_CONSTANT and tables.test[name].nunique(dropna=False) <= 1:
        return _entry(name, "after_outcome", "the train rows have it, and no test row has")
    if (group := _mean_of(tables, name)) is not None:
        return _entry(name, "group_mean", f"it is the mean of the target over the rows of each {group}")
    if (order := _order(tables, values)) > ALIKE:
        return _entry(name, "target_copy", f"it orders the rows as the target does ({order:.4f})")
    if (told := _told_by_digits(tables, values)) > TOLD:
        return _entry(name, "encoded_id", f"its last digits tell {told:.2f} of the target's variance")
    return None


def _entry(name: str, kind: str, evidence: str) -> dict[str, Any]:
    return {"feature": name, "leakage_type": kind, "evidence": evidence, "recommendation": "drop it"}


def _order(tables: Tables, values: pd.Series) -> float:
    """How surely a column orders rows by their target: rank correlation, or the least certain pair of classes."""
    ranks = values.rank().fillna(0).to_numpy(dtype=float)
    if tables.is_regression:
        return abs(float(np.corrcoef(ranks, tables.numbers())[0, 1])) if values.nunique() > 1 else 0.0
    codes = tables.codes()
    middle = pd.Series(ranks).groupby(codes).median().sort_values().index.to_list()
    return min(_certainty(values[codes == low], values[codes == high]) for low, high in pairwise(middle))


def _certainty(low: pd.Series, high: pd.Series) -> float:
    """The chance that a value of `high` is above one of `low`, ties half (the area under the ROC curve)."""
    ranks = pd.concat([low, high]).rank().to_numpy()[len(low) :]
    return float((np.nansum(ranks) - len(high) * (len(high) + 1) / 2) / (len(low) * len(high)))


def _mean_of(tables: Tables, name: str) -> str | None:
    """The column by whose groups this one is the mean of the target."""
    values = tables.train[name]
    for group in tables.features:
        groups = tables.train[group]
        repeated = 5 <= groups.nunique() <= 0.8 * len(groups)
        if group == name or not repeated or (is_number(groups) and bool((groups % 1 != 0).any())):
            continue
        if values.nunique() > groups.nunique() or (values.groupby(groups).nunique() > 1).any():
            continue
        for target in _indicators(tables):
            means = pd.Series(target).groupby(groups.to_numpy()).mean()
            expected = groups.map(means)
            if bool(np.isclose(values, expected, rtol=SAME, atol=SAME).all()):
                return group
    return None


def _indicators(tables: Tables) -> Iterator[Floats]:
    """The target as numbers, or for each class where it is."""
    if tables.is_regression:
        yield tables.train[tables.target].to_numpy(dtype=float)
        return
    codes = tables.codes()
    for code in range(codes.max() + 1):
        yield (codes == code).astype(float)


def _told_by_digits(tables: Tables, values: pd.Series) -> float:
    known = values.dropna()
    if known.nunique() < UNIQUE * len(values) or (known % 1 != 0).any():
        return 0.0
    targets = [tables.numbers()] if tables.is_regression else list(_indicators(tables))
    told = [
        min(explained(values % base, target) for target in targets) for base in (10, 100) if len(values) > 10 * base
    ]
    return max(told, default=0.0)


def _shared_rows(tables: Tables) -> dict[str, Any] | None:
    columns = tables.features
    known = set(pd.util.hash_pandas_object(tables.train[columns].astype(str), index=False))
    shared = float(pd.util.hash_pandas_object(tables.test[columns].astype(str), index=False).isin(known).mean())
    if shared < SHARED:
        return None
    return _entry(ROWS, "shared_rows", f"{100 * shared:.1f}% of the test rows stand in the train table")
