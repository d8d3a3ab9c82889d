"""Planters on tables of every kind: they plant or say why not, and what they call true is true of the files."""

import io
import json
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.random import RandomState

from agents.baseline.learner.skills import ANSWERS
from agents.baseline.learner.skills.tables import Tables as Seen
from core.errors import NotApplicable
from tasks.planting import Planted, Tables
from tasks.schema import Kind, Table
from tests.tasks.asking import TECHNIQUES, load_technique

ROWS = 900


COLUMNS: dict[str, Callable[[RandomState, int], Any]] = {
    "normal": lambda draw, rows: draw.standard_normal(rows),
    "tiny": lambda draw, rows: draw.standard_normal(rows) * 1e-9,
    "huge": lambda draw, rows: draw.randint(0, 2**60, rows),
    "heavy": lambda draw, rows: np.exp(3 * draw.standard_normal(rows)),
    "constant": lambda draw, rows: np.full(rows, 7),
    "flag": lambda draw, rows: draw.randint(0, 2, rows),
    "bool": lambda draw, rows: draw.random_sample(rows) < 0.3,
    "mostly zero": lambda draw, rows: np.where(draw.random_sample(rows) < 0.9, 0.0, draw.random_sample(rows)),
    "gaps": lambda draw, rows: np.where(draw.random_sample(rows) < 0.4, np.nan, draw.random_sample(rows)),
    "infinite": lambda draw, rows: np.where(draw.random_sample(rows) < 0.01, np.inf, draw.random_sample(rows)),
    "empty": lambda draw, rows: np.full(rows, np.nan),
    "words": lambda draw, rows: np.array(["red", "green, dark", 'bl"ue', "a\nb", "?"])[draw.randint(0, 5, rows)],
    "gappy words": lambda draw, rows: np.array(["x", None, "y", "NA"], dtype=object)[draw.randint(0, 4, rows)],
    "names": lambda draw, rows: np.array([f"n{number}" for number in draw.permutation(rows)]),
    "dates": lambda draw, rows: np.array(["2020-01-01", "2022-07-08 10:00:00"])[draw.randint(0, 2, rows)],
    "text": lambda draw, rows: np.array(["text of many words"] * rows),
}


def tables_of(kinds: list[str], target: str, seed: int, rows: int) -> Tables:
    """Tables with columns of these kinds, as a view would draw them: read from files."""
    draw = RandomState(seed)
    targets = {
        "numbers": (Kind.REGRESSION, np.round(np.exp(draw.standard_normal(rows)), 3)),
        "negative": (Kind.REGRESSION, draw.standard_normal(rows).round(2)),
        "counts": (Kind.REGRESSION, draw.poisson(0.2, rows)),
        "two": (Kind.BINARY, draw.randint(0, 2, rows)),
        "bools": (Kind.BINARY, draw.random_sample(rows) < 0.1),
        "words": (Kind.MULTICLASS, np.array(["cat, black", "dog", "Cat"])[draw.randint(0, 3, rows)]),
        "case": (Kind.MULTICLASS, np.array(["a", "A", "b"])[draw.randint(0, 3, rows)]),
        "floats": (Kind.MULTICLASS, draw.randint(0, 4, rows).astype(float)),
        "many": (Kind.MULTICLASS, draw.randint(0, 300, rows)),
    }
    kind, values = targets[target]
    columns = {f"{name} {place}": COLUMNS[name](draw, rows) for place, name in enumerate(kinds)}
    table = pd.DataFrame({"Id": range(rows), **columns, "target": values})
    cut = rows * 2 // 3
    parts = [table.iloc[:cut], table.iloc[cut:].drop(columns="target")]
    train, test = (pd.read_csv(io.StringIO(part.to_csv(index=False)), low_memory=False) for part in parts)
    said = Table(train="train.csv", test="test.csv", target="target", id="Id", kind=kind)
    return Tables(table=said, train=train, test=test)


def as_read(planted: Planted) -> tuple[pd.DataFrame, pd.DataFrame]:
    parts = (planted.tables.train, planted.tables.test)
    train, test = (pd.read_csv(io.StringIO(part.to_csv(index=False)), low_memory=False) for part in parts)
    return train, test


@pytest.mark.parametrize("technique", TECHNIQUES)
def test_a_planter_plants_or_says_why_not(technique: str) -> None:
    loaded = load_technique(technique)

    @settings(max_examples=15, deadline=None)
    @given(
        st.lists(st.sampled_from(sorted(COLUMNS)), min_size=1, max_size=6),
        st.sampled_from(["numbers", "negative", "counts", "two", "bools", "words", "case", "floats", "many"]),
        st.integers(0, 1000),
        st.sampled_from([9, 200, ROWS]),
    )
    def holds(kinds: list[str], target: str, seed: int, rows: int) -> None:
        tables = tables_of(kinds, target, seed, rows)
        if tables.table.kind not in loaded.kinds:
            return
        try:
            planted = loaded.plant(tables, RandomState(seed))
        except NotApplicable as reason:
            assert "\n" not in str(reason)
            return
        json.dumps(planted.truth, allow_nan=False)
        assert loaded.grade_answer(planted.truth["answer"], planted.truth).score == 1.0
        train, test = as_read(planted)
        seen = Seen(
            train=train,
            test=test,
            target="target",
            id="Id",
            kind=str(tables.table.kind),
            model=planted.truth.get("model", ""),
            said=planted.tables.table.model_dump(mode="json"),
        )
        answer = ANSWERS[technique](seen)
        facts = {check["name"]: check for check in loaded.grade_answer(answer, planted.truth).checks}
        for name in FACTS[technique]:  # counted from the files, they are what the planter says
            assert facts[name]["points"] in (None, facts[name]["weight"]), facts[name]

    holds()


FACTS = {
    "imbalance": ("class_counts", "percentages", "ratio", "severity"),
    "missing": (),  # a disguise is found by statistics
    "encoding": (),
    "cv": ("shape", "classes", "imbalanced"),
    "scaling": ("statistics", "outliers", "differences"),
    "leakage": ("analyzed",),
}
