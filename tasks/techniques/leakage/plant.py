"""Plants none to three leaks of the target, and columns beside them that only look like leaks.

    target_copy    the target itself, with a little noise
    after_outcome  a quantity that is known only after the outcome: the test rows do not have it yet
    group_mean     the mean of the target over the rows of a group, the row's own target among them
    encoded_id     a reference number that is made from the target
    shared_rows    rows that stand in both tables

What the test rows get is drawn from the train rows' columns: nothing about the test rows' targets is known here.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.random import RandomState

from tasks.planting import (
    Floats,
    Planted,
    Tables,
    class_codes,
    columns_named,
    pick,
    require_rows,
    significant,
    target_scores,
)
from tasks.schema import Kind

LEAST_ROWS = 300
MOST_LEAKS = 3
SHARED_ROWS = "(rows)"  # stands for the rows themselves among the leaky features
SHARED_SHARE = (0.04, 0.10)  # of the test rows
COPY_NOISE = 0.01  # of the target's spread
HINT_NOISE = (0.9, 1.6)  # of the target's spread, in a column that is no leak
GROUP_SIZE = (2, 5)
KINDS = ("target_copy", "after_outcome", "group_mean", "encoded_id", "group", "related", "plain_id")
MOST_NOISE = 4  # columns of noise, one at least: the number of columns tells nothing of the number of leaks
# One pool for all: a name tells nothing of what its column is.
NAMES = (
    *("adjusted_index", "review_score", "quality_index", "final_grade", "audit_value", "settlement_amount"),
    *("closing_balance", "refund_total", "recovery_fee", "follow_up_cost", "cohort_rate", "batch_average"),
    *("cluster_rate", "peer_level", "cohort", "batch_no", "cluster_no", "peer_group", "reference_no", "case_number"),
    *("ticket", "record_key", "load_factor", "exposure", "drift", "tolerance", "prior_estimate", "baseline_index"),
    *("expected_level", "first_guess", "serial_no", "registry_no", "slip_no", "file_no"),
)
ACTIONS = {"columns": "drop_features", "rows": "drop_shared_rows", "both": "drop_features_and_rows", "clean": "none"}


def plant(tables: Tables, draw: RandomState) -> Planted:
    require_rows(tables, LEAST_ROWS)
    kinds = pick(draw, [*_LEAKS, "shared_rows"], int(draw.randint(MOST_LEAKS + 1)))
    if "shared_rows" in kinds:  # shared rows would bring what is known after the outcome into the test table
        kinds = [kind for kind in kinds if kind != "after_outcome"]
    noise = [f"noise {number}" for number in range(int(draw.randint(1, MOST_NOISE + 1)))]
    places = (*KINDS, *noise)
    names = dict(zip(places, columns_named(draw, tables, NAMES, len(places)), strict=True))
    columns = _innocent(tables, names, noise, draw)
    leaks: dict[str, str] = {}
    for kind in kinds:
        if kind != "shared_rows":
            columns[names[kind]] = _LEAKS[kind](tables, columns[names["group"]], draw)
            leaks[names[kind]] = kind
    view = tables.with_columns(columns, draw)
    if "shared_rows" in kinds:
        view = _with_shared_rows(view, draw)
        leaks[SHARED_ROWS] = "shared_rows"
    return Planted(tables=view, truth=_truth(view, leaks))


def _innocent(
    tables: Tables, names: dict[str, str], noise: Sequence[str], draw: RandomState
) -> dict[str, tuple[Any, Any]]:
    """Columns that are no leaks: noise, an honest hint, a plain number of each row, small groups."""
    rows, test_rows = len(tables.train), len(tables.test)
    noises = [significant(draw.standard_normal(rows + test_rows) * 10) for _ in noise]
    blur = HINT_NOISE[0] + (HINT_NOISE[1] - HINT_NOISE[0]) * draw.random_sample()
    hint = significant(_numbers(tables) + blur * draw.standard_normal(rows), 5)
    serial = 100_000 + draw.permutation(rows + test_rows)
    sizes = draw.randint(GROUP_SIZE[0], GROUP_SIZE[1] + 1, rows)
    groups = np.repeat(np.arange(rows), sizes)[: rows + test_rows]
    groups = np.array([f"G{number:05d}" for number in draw.permutation(len(sizes))])[groups][draw.permutation(rows)]
    return {
        **{names[place]: (values[:rows], values[rows:]) for place, values in zip(noise, noises, strict=True)},
        names["related"]: (hint, _like(hint, test_rows, draw)),
        names["plain_id"]: (serial[:rows], serial[rows:]),
        names["group"]: (groups, _like(groups, test_rows, draw)),
    }


def _numbers(tables: Tables) -> Floats:
    """Give the target as numbers of spread 1."""
    scores = target_scores(tables)
    return np.asarray(scores / max(float(scores.std()), 1e-9), dtype=float)


def _target_copy(tables: Tables, group: tuple[Any, Any], draw: RandomState) -> tuple[Any, Any]:
    rows = len(tables.train)
    if tables.table.kind is Kind.REGRESSION:
        values = tables.target.to_numpy(dtype=float)
        copy = values * (1 + COPY_NOISE * draw.standard_normal(rows))
    else:
        copy = class_codes(tables.target) + 0.12 * draw.standard_normal(rows)
    copy = significant(copy, 5)
    return copy, _like(copy, len(tables.test), draw)


def _after_outcome(tables: Tables, group: tuple[Any, Any], draw: RandomState) -> tuple[Any, Any]:
    rows = len(tables.train)
    spread = 0.9 + 0.2 * draw.random_sample(rows)
    if tables.table.kind is Kind.REGRESSION:
        amount = tables.target.to_numpy(dtype=float) * spread * 0.3
    else:
        amount = np.where(class_codes(tables.target) == 0, 0.0, 100.0 * class_codes(tables.target) * spread)
    blank = np.nan if draw.random_sample() < 0.5 else 0.0
    return significant(amount, 5), np.full(len(tables.test), blank)


def _group_mean(tables: Tables, group: tuple[Any, Any], draw: RandomState) -> tuple[Any, Any]:
    values = tables.target.to_numpy(dtype=float) if tables.table.kind is Kind.REGRESSION else _positive(tables)
    train_group, test_group = pd.Series(group[0]), pd.Series(group[1])
    means = pd.Series(values).groupby(train_group).mean()
    return significant(train_group.map(means)), significant(test_group.map(means).fillna(float(values.mean())))


def _positive(tables: Tables) -> Floats:
    """Give 1 for rows of the last class by name, else 0."""
    codes = class_codes(tables.target)
    return np.asarray(codes == codes.max(), dtype=float)


def _encoded_id(tables: Tables, group: tuple[Any, Any], draw: RandomState) -> tuple[Any, Any]:
    """A number for each row, whose last digits count the target's class or tenth."""
    rows, test_rows = len(tables.train), len(tables.test)
    if tables.table.kind is Kind.REGRESSION:
        codes = (target_scores(tables) * 9.999).astype(np.int64)
    else:
        codes = class_codes(tables.target)
    size = int(codes.max()) + 1
    base = 10 if size <= 10 else 100 if size <= 100 else 10_000
    endings = draw.permutation(base)[: base // size * size].reshape(size, -1)  # of each class
    ends = endings[codes, draw.randint(0, endings.shape[1], rows)]
    stems = 1_000 + draw.permutation(rows + test_rows)
    numbers = stems[:rows] * base + ends
    return numbers, stems[rows:] * base + _like(ends, test_rows, draw)


_LEAKS = {
    "target_copy": _target_copy,
    "after_outcome": _after_outcome,
    "group_mean": _group_mean,
    "encoded_id": _encoded_id,
}


def _like(values: Any, size: int, draw: RandomState) -> Any:
    return np.asarray(values)[draw.randint(0, len(values), size)]


def _with_shared_rows(view: Tables, draw: RandomState) -> Tables:
    """Put train rows into the test table, under the test rows' ids."""
    share = SHARED_SHARE[0] + (SHARED_SHARE[1] - SHARED_SHARE[0]) * draw.random_sample()
    size = max(10, int(share * len(view.test)))
    rows = draw.permutation(len(view.test))[:size]
    source = draw.permutation(len(view.train))[:size]
    test = view.test.copy()
    for name in view.features:
        cells = test[name].to_numpy(dtype=object, copy=True)
        cells[rows[: len(source)]] = view.train[name].to_numpy(dtype=object)[source]
        test[name] = cells
    return Tables(table=view.table, train=view.train, test=test.infer_objects())


def _truth(view: Tables, leaks: dict[str, str]) -> dict[str, Any]:
    features = view.features
    rows, columns = SHARED_ROWS in leaks, bool(set(leaks) - {SHARED_ROWS})
    action = ACTIONS["both" if rows and columns else "rows" if rows else "columns" if columns else "clean"]
    safe = [name for name in features if name not in leaks]
    return {
        "features": features,
        "leaks": leaks,
        "safe": safe,
        "action": action,
        "answer": {
            "features_analyzed": features,
            "leaky_features": [
                {"feature": name, "leakage_type": kind, "evidence": "", "recommendation": ""}
                for name, kind in leaks.items()
            ],
            "safe_features": safe,
            "reasoning_per_feature": {},
            "recommended_action": action,
        },
    }
