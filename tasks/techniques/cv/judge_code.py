"""Judges what split.py gave: pairs of row positions, against the structure that was planted."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from tasks.code_outputs import read_pairs, read_table


def judge(outputs: Path, public: Path, truth: Mapping[str, Any], table: Mapping[str, Any]) -> dict[str, Any]:
    """Say whether the pairs are disjoint, keep entities apart and time in order."""
    train = read_table(public, table["train"])
    pairs = read_pairs(outputs)
    said = truth["characteristics"]
    covers = len(pairs) >= 2 and all(_is_division(pair, len(train)) for pair in pairs)
    result: dict[str, Any] = {"covers": covers, "keeps_groups_apart": covers, "keeps_time_in_order": covers}
    if covers:
        groups = [train[name].to_numpy() for name in said["group_columns"]]
        times = [pd.to_datetime(train[name], format="ISO8601").to_numpy() for name in said["temporal_columns"]]
        result["keeps_groups_apart"] = all(
            not np.isin(values[fit], values[valid]).any() for values in groups for fit, valid in pairs
        )
        result["keeps_time_in_order"] = all(
            values[fit].max() <= values[valid].min() for values in times for fit, valid in pairs
        )
    faults = [name.replace("_", " ") for name, fine in result.items() if not fine]
    return result | {"note": f"not so: {', '.join(faults)}" if faults else ""}


def _is_division(pair: list[list[int]], rows: int) -> bool:
    fit, valid = (set(part) for part in pair)
    inside = all(0 <= place < rows for place in fit | valid)
    return inside and bool(fit) and bool(valid) and not fit & valid
