"""Plants categories of four kinds: coded as numbers, of very many values, ordered, and with values in test alone."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.random import RandomState

from core.errors import NotApplicable
from tasks.planting import (
    Floats,
    Ints,
    Planted,
    Tables,
    columns_named,
    is_number,
    pick,
    require_rows,
    target_scores,
)

LEAST_ROWS = 300
MODELS = {
    "tree": "gradient boosted trees that take nothing but numbers",
    "linear": "a linear model with an L2 penalty",
}
KINDS = ("coded", "many", "ordered", "unseen")
# One pool for all: a name tells nothing of what its column is.
NAMES = (
    *("region", "branch", "segment", "plan", "zone", "series", "supplier", "batch", "postal_area", "merchant"),
    *("device_model", "warehouse_bin", "campaign", "rating", "priority", "level", "experience", "condition"),
    *("size_class", "risk_band", "channel", "province", "provider", "material", "team", "platform", "category"),
)
SCALES = (
    ("low", "medium", "high"),
    ("very low", "low", "medium", "high", "very high"),
    ("poor", "fair", "good", "very good", "excellent"),
    ("beginner", "intermediate", "advanced", "expert"),
    ("XS", "S", "M", "L", "XL", "XXL"),
    ("primary", "secondary", "bachelor", "master", "doctorate"),
)
WORDS = ("amber", "birch", "cedar", "delta", "ember", "fjord", "grove", "harbor", "indigo", "juniper", "krona", "lotus")
FEW_LEVELS = (5, 12)
MANY_LEVELS = (60, 300)
NEUTRAL_LEVELS = 60  # numbers with at most so many values may be called a category or not


@dataclass(frozen=True, kw_only=True)
class _Category:
    """One planted column."""

    kind: str
    train: Any
    test: Any
    levels: tuple[str, ...] = ()  # in order, of an ordered one


def plant(tables: Tables, draw: RandomState) -> Planted:
    require_rows(tables, LEAST_ROWS)
    left_out = pick(draw, list(KINDS), int(draw.randint(2)))
    kinds = [kind for kind in KINDS if kind not in left_out]
    names = columns_named(draw, tables, NAMES, len(kinds))
    categories = {name: _MAKERS[kind](tables, draw) for name, kind in zip(names, kinds, strict=True)}
    columns = {name: (category.train, category.test) for name, category in categories.items()}
    view = tables.with_columns(columns, draw)
    model = pick(draw, sorted(MODELS))[0]
    question = f"## The model of this view\n\nThe model will be {MODELS[model]}: `model_type` is `{model}`.\n"
    return Planted(tables=view, truth=_truth(view, categories, model), question=question)


def _coded(tables: Tables, draw: RandomState) -> _Category:
    """Whole numbers that are names: they follow the target, in no order."""
    size = int(draw.randint(FEW_LEVELS[0], FEW_LEVELS[1] + 1))
    codes = np.array(pick(draw, range(11, 99) if draw.random_sample() < 0.5 else range(101, 999), size))
    levels = codes[_following(tables, draw, size, noise=0.15 + 0.45 * draw.random_sample())]
    return _Category(kind="coded", train=levels, test=_like(levels, tables, draw))


def _many(tables: Tables, draw: RandomState) -> _Category:
    """Very many values, a few of them frequent."""
    size = int(draw.randint(MANY_LEVELS[0], min(MANY_LEVELS[1], len(tables.train) // 4) + 1))
    prefix = "".join(pick(draw, "ABCDEFGHKLMNPRSTVW", 2))
    names = np.array([f"{prefix}-{number}" for number in pick(draw, range(1000, 9999), size)])
    weights = 1.0 / (np.arange(size) + 10.0)
    places = np.searchsorted(np.cumsum(weights / weights.sum()), draw.random_sample(len(tables.train)))
    levels = names[np.minimum(places, size - 1)]
    return _Category(kind="many", train=levels, test=_like(levels, tables, draw))


def _ordered(tables: Tables, draw: RandomState) -> _Category:
    """Steps of a scale, which rise with the target."""
    taken = {str(value) for name in tables.features for value in tables.train[name].unique()[:100]}
    scales = [scale for scale in SCALES if not taken & set(scale)] or list(SCALES)
    scale = pick(draw, scales)[0]
    levels = np.array(scale)[_following(tables, draw, len(scale), noise=0.5)]
    return _Category(kind="ordered", train=levels, test=_like(levels, tables, draw), levels=scale)


def _unseen(tables: Tables, draw: RandomState) -> _Category:
    """Words, some of which stand in the test table alone."""
    size = int(draw.randint(FEW_LEVELS[0], FEW_LEVELS[1] - 1))
    words = np.array(pick(draw, WORDS, size))
    fresh = int(draw.randint(1, 3))
    levels = words[draw.randint(0, size - fresh, len(tables.train))]
    test = _like(levels, tables, draw)
    for word in words[size - fresh :]:
        share = 0.02 + 0.04 * draw.random_sample()
        test[draw.random_sample(len(test)) < share] = word
    return _Category(kind="unseen", train=levels, test=test)


_MAKERS = {"coded": _coded, "many": _many, "ordered": _ordered, "unseen": _unseen}


def _following(tables: Tables, draw: RandomState, size: int, *, noise: float) -> Ints:
    """Give each train row a level that rises with the target but for some noise, all levels about equally often."""
    scores: Floats = target_scores(tables) + noise * draw.standard_normal(len(tables.train))
    ranks = np.argsort(np.argsort(scores, kind="stable"), kind="stable")
    return (ranks * size // len(ranks)).astype(np.int64)


def _like(levels: Any, tables: Tables, draw: RandomState) -> Any:
    """Draw test cells as the train cells are: the test rows' targets are not known, and stay so."""
    return np.array(levels)[draw.randint(0, len(levels), len(tables.test))].copy()


def _truth(view: Tables, categories: dict[str, _Category], model: str) -> dict[str, Any]:
    known = {*view.categorical, *categories}
    wanted = [name for name in view.features if name in known]
    neutral = [name for name in view.features if name not in wanted and _may_be_category(view.train[name])]
    if not wanted:
        raise NotApplicable("it has no categories")
    cardinalities = {name: int(view.train[name].nunique()) for name in wanted}
    unseen = [name for name in wanted if set(view.test[name].dropna()) - set(view.train[name].dropna())]
    fitting = {name: _fitting(category, model) for name, category in categories.items()}
    return {
        "columns": wanted,
        "neutral": neutral,
        "cardinalities": {name: cardinalities[name] for name in categories},
        "planted": {name: category.kind for name, category in categories.items()},
        "fitting": fitting,
        "orders": {name: list(category.levels) for name, category in categories.items() if category.levels},
        "unseen": unseen,
        "model": model,
        "answer": {
            "categorical_columns": {
                name: {"cardinality": cardinalities[name], "dtype": str(view.train[name].dtype)} for name in wanted
            },
            "encoding_choices": {name: ways[0] for name, ways in fitting.items()},
            "reasoning": "",
            "leakage_prevention": {"target_encoding": "cross_fitted", "unseen_columns": unseen, "unseen": "prior"},
            "model_type": model,
        },
    }


def _may_be_category(values: "pd.Series[Any]") -> bool:
    """Whether calling a column a category is no mistake, though it is not declared to be one."""
    return not is_number(values) or values.nunique() <= NEUTRAL_LEVELS


def _fitting(category: _Category, model: str) -> list[str]:
    if category.kind == "ordered":
        return ["ordinal"]
    if category.kind == "many":
        return ["target", "leave_one_out", "frequency", "hash", "binary"]
    few = ["onehot", "binary", "target", "leave_one_out"]
    return [*few, "label", "ordinal"] if model == "tree" and category.kind == "coded" else few
