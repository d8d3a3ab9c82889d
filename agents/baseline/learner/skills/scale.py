"""How numbers are distributed."""

from typing import Any

import numpy as np
import pandas as pd

from .tables import Tables, is_number

FENCE, HAS_OUTLIERS = 3.0, 0.005


def answer(tables: Tables) -> dict[str, Any]:
    """Measure every column of numbers, and choose by its outliers."""
    numbers = [name for name in tables.features if name not in tables.declared and is_number(tables.train[name])]
    columns = [name for name in numbers if _is_measurable(tables.train[name])]
    analysis = {name: _measured(tables.train[name]) for name in columns}
    deviations = [entry["std"] for entry in analysis.values() if entry["std"] > 0]
    needed = tables.model != "tree"
    outlying = [name for name, entry in analysis.items() if entry["has_outliers"]]
    return {
        "model_type": tables.model or "tree",
        "feature_analysis": analysis,
        "scale_differences": max(deviations) / min(deviations) if deviations else 1.0,
        "needs_scaling": needed,
        "chosen_method": "none" if not needed else "robust" if outlying else "standard",
        "reasoning": f"columns with outliers: {', '.join(outlying) or 'none'}",
    }


def _is_measurable(values: pd.Series) -> bool:
    return values.count() >= 2 and bool(np.isfinite(values.dropna()).all())


def _measured(values: pd.Series) -> dict[str, Any]:
    low, high = float(values.quantile(0.25)), float(values.quantile(0.75))
    far = FENCE * (high - low)
    share = float(((values < low - far) | (values > high + far)).mean())
    return {
        "min": float(values.min()),
        "max": float(values.max()),
        "mean": float(values.mean()),
        "std": float(values.std()),
        "has_outliers": share > HAS_OUTLIERS,
        "outliers_share": share,
    }
