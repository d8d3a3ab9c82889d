"""Plants one structure that decides how to validate: time with drift, entities, a rare class, few rows, or nothing.

What the data has of its own (columns declared as time or groups, and those that follow from the time) is taken out, so
that what was planted is all there is. Columns that only look like time or entities are put in as well.
"""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
from numpy.random import RandomState

from core.errors import NotApplicable
from tasks.planting import Floats, Ints, Planted, Tables, columns_named, pick, require_rows, target_scores
from tasks.schema import Kind

KINDS = ("temporal", "groups", "rare", "few", "nothing")
LEAST_ROWS = 150
IMBALANCED = 3.0
EVEN = 2.2  # ratio of classes that are not to be rare
RARE = (6.0, 30.0)
LEAST_OF_CLASS = 6
FEW_ROWS = (40, 90)  # below 100, where one row at a time is left out
TIME_NAMES = ("recorded_at", "event_date", "order_date", "visit_date", "created_on", "measured_at")
GROUP_NAMES = ("customer_id", "patient_id", "household_id", "machine_id", "account_no", "site_id")
TRAIN_DAYS, TEST_DAYS = 700, 150
GROUP_SIZE = (3, 8)
DECOY = 0.5


def plant(tables: Tables, draw: RandomState) -> Planted:
    require_rows(tables, LEAST_ROWS)
    tables = tables.without_columns(_own_structure(tables))
    is_classes = tables.table.kind is not Kind.REGRESSION
    kinds = [kind for kind in KINDS if kind != "rare" or is_classes]
    kind = pick(draw, kinds)[0]
    rare = kind == "rare" or (kind == "groups" and is_classes and draw.random_sample() < 0.5)
    if is_classes:
        tables = tables.of_rows(_class_rows(tables, draw, rare=rare, few=kind == "few"))
    elif kind == "few":
        tables = tables.of_rows(draw.permutation(len(tables.train))[: draw.randint(*FEW_ROWS)])
    columns: dict[str, tuple[Any, Any]] = {}
    (time_name,) = columns_named(draw, tables, TIME_NAMES, 1)
    (group_name,) = columns_named(draw, tables, GROUP_NAMES, 1)
    if kind == "temporal" or draw.random_sample() < DECOY:
        columns[time_name] = _times(tables, draw, ordered=kind == "temporal")
    if kind == "groups" or draw.random_sample() < DECOY:
        columns[group_name] = _groups(tables, draw, apart=kind == "groups")
    view = tables.with_columns(columns, draw)
    return Planted(
        tables=view,
        truth=_truth(
            view,
            kind=kind,
            temporal=[time_name] if kind == "temporal" else [],
            groups=[group_name] if kind == "groups" else [],
        ),
    )


def _own_structure(tables: Tables) -> list[str]:
    """Columns declared as time or groups, and those that have one value at each time."""
    table = tables.table
    found = [*table.groups, *([table.time] if table.time else [])]
    if table.time in tables.train:
        per_time = tables.train.groupby(table.time)[tables.features].nunique()
        found += [name for name in tables.features if (per_time[name] <= 1).all()]
    return sorted(set(found))


def _class_rows(tables: Tables, draw: RandomState, *, rare: bool, few: bool) -> Ints:
    """Draw rows so that the classes are even, or one of them rare."""
    labels = tables.target.astype(str)
    counts = {str(label): int(size) for label, size in sorted(labels.value_counts().items()) if size >= LEAST_OF_CLASS}
    if len(counts) < 2:
        raise NotApplicable("its classes are too small")
    if few:
        each = max(2, draw.randint(*FEW_ROWS) // len(counts))
        kept = {label: min(size, each + int(draw.randint(2))) for label, size in counts.items()}
        if sum(kept.values()) >= FEW_ROWS[1] + 10:
            raise NotApplicable(f"it has {len(counts)} classes, too many for few rows")
    else:
        kept = _rare(counts, draw) if rare else _even(counts, draw)
    rows = [draw.permutation(np.flatnonzero(labels == label))[:size] for label, size in kept.items()]
    return np.concatenate(rows)


def _even(counts: Mapping[str, int], draw: RandomState) -> dict[str, int]:
    most = int(min(counts.values()) * (1.2 + (EVEN - 1.2) * draw.random_sample()))
    return {label: min(size, most) for label, size in counts.items()}


def _rare(counts: Mapping[str, int], draw: RandomState) -> dict[str, int]:
    ratio = RARE[0] + (RARE[1] - RARE[0]) * draw.random_sample()
    kept = _even(counts, draw)
    label = pick(draw, sorted(kept))[0]
    largest = max(size for name, size in kept.items() if name != label)
    return kept | {label: max(LEAST_OF_CLASS, min(kept[label], int(largest / ratio)))}


def _times(tables: Tables, draw: RandomState, *, ordered: bool) -> tuple[Any, Any]:
    """Dates of both tables: in order, with the target drifting along, or at random."""
    rows, test_rows = len(tables.train), len(tables.test)
    scores: Floats = target_scores(tables) + 0.8 * draw.standard_normal(rows)
    places = np.argsort(np.argsort(scores, kind="stable"), kind="stable") / rows
    train_days = places if ordered else draw.random_sample(rows)
    test_days = draw.random_sample(test_rows)
    if ordered:
        train_days, test_days = train_days * TRAIN_DAYS, TRAIN_DAYS + 1 + test_days * TEST_DAYS
    else:
        train_days, test_days = train_days * TRAIN_DAYS, test_days * TRAIN_DAYS
    start = datetime(2019 + int(draw.randint(4)), 1 + int(draw.randint(12)), 1, tzinfo=UTC)
    form = pick(draw, ["%Y-%m-%d", "%Y-%m-%d %H:%M:%S"])[0]
    return _dates(start, train_days, form), _dates(start, test_days, form)


def _dates(start: datetime, days: Floats, form: str) -> list[str]:
    return [(start + timedelta(seconds=int(day * 86_400))).strftime(form) for day in days]


def _groups(tables: Tables, draw: RandomState, *, apart: bool) -> tuple[Any, Any]:
    """Entities with several rows each: with an effect of their own and apart between the tables, or at random."""
    rows, test_rows = len(tables.train), len(tables.test)
    train_sizes = draw.randint(GROUP_SIZE[0], GROUP_SIZE[1] + 1, rows)
    test_sizes = draw.randint(GROUP_SIZE[0], GROUP_SIZE[1] + 1, test_rows)
    train_of, test_of = np.repeat(np.arange(rows), train_sizes)[:rows], np.repeat(np.arange(test_rows), test_sizes)
    scores: Floats = target_scores(tables) + 0.1 * draw.standard_normal(rows)
    numbers = draw.permutation(9 * (rows + test_rows)) + 10_000
    if apart:
        places = np.argsort(np.argsort(scores, kind="stable"), kind="stable")
        return numbers[train_of[places]], numbers[rows + test_of[draw.permutation(test_rows)]]
    pool = numbers[: max(10, rows // 5)]
    return pool[draw.randint(0, len(pool), rows)], pool[draw.randint(0, len(pool), test_rows)]


def _truth(view: Tables, *, kind: str, temporal: list[str], groups: list[str]) -> dict[str, Any]:
    table = view.table
    is_classes = table.kind is not Kind.REGRESSION
    counts = {str(label): int(size) for label, size in view.target.value_counts().items()} if is_classes else {}
    imbalanced = is_classes and max(counts.values()) / min(counts.values()) >= IMBALANCED
    strategies = _strategies(kind, is_classes=is_classes, imbalanced=imbalanced)
    rows = len(view.train)
    splits = (rows, rows) if strategies == ["leave_one_out"] else (3, 20)
    characteristics = {
        "num_rows": rows,
        "num_cols": view.train.shape[1],
        "target_column": table.target,
        "target_type": str(table.kind),
        "temporal_columns": temporal,
        "group_columns": groups,
        "class_distribution": counts,
    }
    return {
        "kind": kind,
        "characteristics": characteristics,
        "is_imbalanced": imbalanced,
        "strategies": strategies,
        "splits": splits,
        "answer": {
            "data_characteristics": characteristics,
            "has_temporal_structure": bool(temporal),
            "has_groups": bool(groups),
            "is_imbalanced": imbalanced,
            "recommended_strategy": strategies[0],
            "recommended_n_splits": max(5, splits[0]),
            "reasoning": "",
        },
    }


def _strategies(kind: str, *, is_classes: bool, imbalanced: bool) -> list[str]:
    if kind == "temporal":
        return ["timeseries"]
    if kind == "groups":
        return ["stratified_group"] if imbalanced else ["group", "stratified_group"] if is_classes else ["group"]
    if kind == "few":
        return ["leave_one_out"]
    if kind == "rare" or imbalanced:
        return ["stratified"]
    return ["stratified", "kfold"] if is_classes else ["kfold"]
