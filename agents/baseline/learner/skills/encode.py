"""Which columns are categories, and how to encode them."""

from typing import Any

import numpy as np
import pandas as pd

from .tables import Tables, explained, is_date, is_number

FEW_CODES = 40  # whole numbers with more values are amounts
LEAST_GAIN = 0.02  # of the target's variance: what levels explain beyond a straight line
FEW_LEVELS = 15
SCALES = (
    "very low,low,medium,high,very high",
    "low,medium,high",
    "very poor,poor,fair,average,good,very good,excellent",
    "beginner,intermediate,advanced,expert",
    "none,primary,secondary,bachelor,master,doctorate",
    "xxs,xs,s,m,l,xl,xxl",
    "small,medium,large",
)


def answer(tables: Tables) -> dict[str, Any]:
    """Find the categories, their order, and what stands in the test table alone."""
    columns: dict[str, dict[str, Any]] = {}
    choices: dict[str, str] = {}
    why: dict[str, str] = {}
    for name in tables.features:
        reason = _why_category(tables, name)
        if reason is not None:
            values = tables.train[name]
            columns[name] = {"cardinality": int(values.nunique()), "dtype": str(values.dtype)}
            choices[name], why[name] = _method(tables, name, values), reason
    unseen = [name for name in columns if set(tables.test[name].dropna()) - set(tables.train[name].dropna())]
    return {
        "categorical_columns": columns,
        "encoding_choices": choices,
        "reasoning": why,
        "leakage_prevention": {
            "target_encoding": "cross_fitted" if "target" in choices.values() else "not_used",
            "unseen_columns": unseen,
            "unseen": "prior",
        },
        "model_type": tables.model or "tree",
    }


def _why_category(tables: Tables, name: str) -> str | None:
    """Why a column is a category; None where it is none."""
    values = tables.train[name]
    if name in tables.declared:
        return "the description says so"
    if name in tables.prose or is_date(values):
        return None
    if not is_number(values):
        return "texts that repeat" if values.nunique() <= 0.5 * values.count() else None
    known = values.dropna()
    if not 2 <= known.nunique() <= FEW_CODES or (known % 1 != 0).any():
        return None
    target = tables.numbers()
    line = np.corrcoef(values.fillna(known.median()).to_numpy(dtype=float), target)[0, 1] ** 2
    gain = explained(values, target) - float(line)
    steps = np.diff(np.sort(known.unique()))
    if gain > LEAST_GAIN and len(set(steps)) > 1:
        return f"whole numbers that tell more of the target as names than as amounts ({gain:.2f} of its variance)"
    return None


def _method(tables: Tables, name: str, values: pd.Series) -> str:
    if name in (tables.said.get("ordinal") or {}) or _is_scale(values):
        return "ordinal"
    return "onehot" if values.nunique() <= FEW_LEVELS else "target"


def _is_scale(values: pd.Series) -> bool:
    levels = {str(level).strip().lower() for level in values.dropna().unique()} if values.nunique() <= 10 else set()
    return len(levels) >= 3 and any(levels <= set(scale.split(",")) for scale in SCALES)
