"""Which cells are missing, and why: by comparing with the other columns, and with the whole test table."""

import re
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from .tables import Floats, Tables, is_number

SENTINEL = re.compile(r"-9{2,}(\.0)?|[?*.\-]+|unknown|missing", re.IGNORECASE)
LEAST_SHARE = 0.005  # of the rows, for a value that stands for a gap
BINS = 8
LEAST_EFFECT = 0.012  # variance of the chance to be missing, between the bins of a column, beyond noise
WAYS = {"MCAR": "model_impute", "MAR": "model_impute", "MNAR": "model_impute + indicator_flag"}


@dataclass(frozen=True, kw_only=True)
class Effect:
    """How much the chance of a cell to be missing depends on a column."""

    column: str
    variance: float


def answer(tables: Tables) -> dict[str, Any]:
    """Find gaps and disguised gaps, and what they depend on."""
    train, disguises = _undisguised(tables)
    counts = {str(name): int(train[name].isna().sum()) for name in train if name != tables.id}
    counts = {name: count for name, count in counts.items() if count}
    patterns, evidence = {}, {}
    for name in counts:
        if name == tables.target or name not in tables.test:
            continue
        patterns[name], evidence[name] = _pattern(name, train, tables.test, tables.features)
    return {
        "missing_summary": {
            name: {"count": count, "percent": 100 * count / len(train)} for name, count in counts.items()
        },
        "columns_with_missing": sorted(counts),
        "missingness_pattern": patterns,
        "pattern_evidence": evidence,
        "chosen_strategy": {name: WAYS[pattern] for name, pattern in patterns.items()},
        "disguised_gaps": disguises,
        "reasoning": "a column's gaps follow what the chance to be missing depends on most, if on anything",
    }


def _undisguised(tables: Tables) -> tuple[pd.DataFrame, dict[str, str]]:
    """The train table with values that stand for gaps made gaps, and which those were."""
    train = tables.train.copy()
    found: dict[str, str] = {}
    for name in tables.features:
        counts = train[name].value_counts()
        for value in counts.index[counts >= LEAST_SHARE * len(train)]:
            if SENTINEL.fullmatch(str(value)) and not (tables.test[name] == value).any():
                train[name] = train[name].mask(train[name] == value)
                found[name] = str(value)
    return train, found


def _pattern(name: str, train: pd.DataFrame, test: pd.DataFrame, features: list[str]) -> tuple[str, dict[str, Any]]:
    missing = train[name].isna()
    own = _own_effect(name, train, test)
    others = [_other_effect(other, train, missing) for other in features if other != name]
    other = max(others, key=lambda effect: effect.variance, default=Effect(column="", variance=0.0))
    evidence = {"by_itself": round(own.variance, 4), "by_others": {other.column: round(other.variance, 4)}}
    if max(own.variance, other.variance) < LEAST_EFFECT:
        return "MCAR", evidence
    return ("MNAR" if own.variance > other.variance else "MAR"), evidence


def _other_effect(other: str, train: pd.DataFrame, missing: pd.Series) -> Effect:
    bins = _bins(train[other], train[other])
    table = pd.DataFrame({"bin": bins, "missing": missing.to_numpy(dtype=float)})
    groups = table.groupby("bin")["missing"].agg(["mean", "size"])
    overall = float(missing.mean())
    noise = overall * (1 - overall) / groups["size"]
    weights = groups["size"] / groups["size"].sum()
    return Effect(column=other, variance=float((weights * ((groups["mean"] - overall) ** 2 - noise)).sum()))


def _own_effect(name: str, train: pd.DataFrame, test: pd.DataFrame) -> Effect:
    """Where cells are missing by their own value, the test table has values that are rare among those left."""
    whole, left = test[name].dropna(), train[name].dropna()
    known = pd.concat([whole, left])
    whole_bins, left_bins = (np.bincount(_bins(part, known), minlength=BINS + 1) for part in (whole, left))
    used = whole_bins > 0
    rows, gaps = len(train), 1 - len(left) / len(train)
    shares: Floats = whole_bins[used] / whole_bins.sum()
    chances = 1 - left_bins[used] / rows / shares
    noise = (1 - gaps) ** 2 * (1 / (rows * shares) + 1 / whole_bins[used])
    return Effect(column=name, variance=float((shares * ((chances - gaps) ** 2 - noise)).sum()))


def _bins(values: pd.Series, known: pd.Series) -> Any:
    """The number of each value's bin among `known`; gaps have their own."""
    if is_number(known) and known.nunique() > BINS:
        edges = np.unique(known.quantile(np.linspace(0, 1, BINS + 1)[1:-1]).to_numpy())
        codes = np.searchsorted(edges, values.to_numpy(dtype=float), side="left")
    else:
        common = {level: place for place, level in enumerate(known.value_counts().index[: BINS - 1])}
        codes = values.map(common).fillna(BINS - 1).to_numpy(dtype=np.int64)
    return np.where(values.isna(), BINS, codes)
