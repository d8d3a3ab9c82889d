"""Measures numeric columns in other units, orders of magnitude apart, and puts outliers into some of them."""

from typing import Any

import numpy as np
import pandas as pd
from numpy.random import RandomState

from core.errors import NotApplicable
from tasks.planting import Floats, Planted, Tables, pick, require_rows, significant

LEAST_ROWS = 200
LEAST_COLUMNS = 3
LEAST_VALUES = 5
UNITS = (1e-4, 1e-3, 0.01, 0.0254, 0.0833, 0.4536, 1.609, 12.0, 60.0, 100.0, 1000.0, 3600.0, 1e6)
WITH_OUTLIERS = 0.6  # share of the views
MOST_PLANTED = 3
OUTLIER_ROWS = (0.015, 0.04)  # share of the rows
FAR = (8.0, 60.0)  # interquartile ranges from the median
FENCE = 3.0  # interquartile ranges beyond the quartiles: further away is an outlier
HAS_OUTLIERS = 0.005  # share of the rows from which a column has outliers
CLEAR_YES, CLEAR_NO = 0.01, 0.001  # shares that leave no doubt; columns between are not asked for
MODELS = {
    "tree": ("gradient boosted trees", "a random forest"),
    "linear": ("a linear model with an L2 penalty", "a linear model with an L1 penalty"),
    "knn": ("k nearest neighbours with the Euclidean distance",),
    "svm": ("a support vector machine with an RBF kernel",),
    "neural_network": ("a multilayer perceptron, trained by stochastic gradient descent",),
}
TREES = 0.35  # share of the views


def plant(tables: Tables, draw: RandomState) -> Planted:
    require_rows(tables, LEAST_ROWS)
    columns = [name for name in tables.numeric if _is_spread(tables.train[name])]
    if len(columns) < LEAST_COLUMNS:
        raise NotApplicable(f"it has {len(columns)} columns of numbers; at least {LEAST_COLUMNS} are needed")
    train, test = tables.train.copy(), tables.test.copy()
    for name, unit in zip(columns, _units(draw, len(columns)), strict=True):
        train[name] = significant(train[name] * unit)
        test[name] = significant(test[name] * unit)
    planted: list[str] = []
    if draw.random_sample() < WITH_OUTLIERS:
        planted = pick(draw, [name for name in columns if _range(train[name]) > 0], 1 + int(draw.randint(MOST_PLANTED)))
        for name in planted:
            train[name] = _with_outliers(train[name], draw)
    model = "tree" if draw.random_sample() < TREES else pick(draw, [name for name in MODELS if name != "tree"])[0]
    said = pick(draw, MODELS[model])[0]
    view = Tables(table=tables.table, train=train, test=test)
    return Planted(
        tables=view,
        truth=_truth(view, planted, model),
        question=f"## The model of this view\n\nThe model will be {said}: `model_type` is `{model}`.\n",
    )


def _is_spread(values: "pd.Series[Any]") -> bool:
    return values.nunique() >= LEAST_VALUES and _is_measurable(values)


def _is_measurable(values: "pd.Series[Any]") -> bool:
    """Whether a column has statistics: two values at least, all finite."""
    return values.count() >= 2 and bool(np.isfinite(values.dropna()).all())


def _units(draw: RandomState, size: int) -> list[float]:
    """Draw units, of which two at least lie far apart."""
    drawn = [UNITS[int(place)] for place in draw.randint(0, len(UNITS), size)]
    return [UNITS[0], UNITS[-1], *drawn][:size] if len(set(drawn)) == 1 else drawn


def _range(values: "pd.Series[Any]") -> float:
    return float(values.quantile(0.75) - values.quantile(0.25))


def _with_outliers(values: "pd.Series[Any]", draw: RandomState) -> Floats:
    share = OUTLIER_ROWS[0] + (OUTLIER_ROWS[1] - OUTLIER_ROWS[0]) * draw.random_sample()
    hit = (draw.random_sample(len(values)) < share) & values.notna().to_numpy()
    both_sides = bool((values < 0).any())
    sign = np.where(draw.random_sample(len(values)) < 0.5, -1.0, 1.0) if both_sides else 1.0
    far = FAR[0] * (FAR[1] / FAR[0]) ** draw.random_sample(len(values))
    outliers = float(values.median()) + sign * far * _range(values)
    return significant(np.where(hit, outliers, values))


def _truth(view: Tables, planted: list[str], model: str) -> dict[str, Any]:
    measured = [name for name in view.numeric if _is_measurable(view.train[name])]
    statistics = {name: _statistics(view.train[name]) for name in measured}
    shares = {name: _outlying(view.train[name]) for name in statistics}
    flags = {
        name: share >= CLEAR_YES
        for name, share in shares.items()
        if share is not None and (share >= CLEAR_YES or share <= CLEAR_NO)
    }
    deviations = [entry["std"] for entry in statistics.values() if entry["std"] > 0]
    differences = max(deviations) / min(deviations)
    methods = _methods(model, planted, shares)
    analysis = {
        name: entry | {"has_outliers": (shares[name] or 0.0) >= HAS_OUTLIERS} for name, entry in statistics.items()
    }
    return {
        "statistics": statistics,
        "outliers": flags,
        "planted": planted,
        "differences": differences,
        "model": model,
        "needs_scaling": model != "tree",
        "methods": methods,
        "answer": {
            "model_type": model,
            "feature_analysis": analysis,
            "scale_differences": differences,
            "needs_scaling": model != "tree",
            "chosen_method": methods[0],
            "reasoning": "",
        },
    }


def _statistics(values: "pd.Series[Any]") -> dict[str, float]:
    return {
        "min": float(values.min()),
        "max": float(values.max()),
        "mean": float(values.mean()),
        "std": float(values.std()),
    }


def _outlying(values: "pd.Series[Any]") -> float | None:
    """Give the share of outliers; None where the quartiles say nothing."""
    low, high, spread = values.quantile(0.25), values.quantile(0.75), _range(values)
    if spread <= 0:
        return None
    return float(((values < low - FENCE * spread) | (values > high + FENCE * spread)).mean())


def _methods(model: str, planted: list[str], shares: dict[str, float | None]) -> list[str]:
    if model == "tree":
        return ["none"]
    if planted:
        return ["robust"]
    if any(share is None or share > CLEAR_NO for share in shares.values()):
        return ["robust", "standard"]
    return ["standard", "minmax", "robust"]
