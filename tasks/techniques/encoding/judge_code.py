"""Judges what encode.py gave: two tables of numbers without gaps, and without the row's own target in them."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from tasks.code_outputs import read_frames, read_table, same_without_target


def judge(outputs: Path, public: Path, truth: Mapping[str, Any], table: Mapping[str, Any]) -> dict[str, Any]:
    """Say whether all rows became numbers, and whether the row's own target stays out of them."""
    train, test = read_frames(outputs)
    rows = [len(read_table(public, table[part])) for part in ("train", "test")]
    fault = _fault(train, test, rows, table["target"])
    honest = same_without_target(outputs)
    note = fault or ("" if honest else "the numbers of a row depend on the target of that row")
    return {"numbers": not fault, "ignores_target": honest, "note": note}


def _fault(train: pd.DataFrame, test: pd.DataFrame, rows: list[int], target: str) -> str:
    if [len(train), len(test)] != rows:
        return f"it gave {len(train)} and {len(test)} rows, expected {rows[0]} and {rows[1]}"
    if list(train) != list(test) or not len(train.columns):
        return "the two tables have different columns, or none"
    if target in train:
        return f"the target {target} is among the columns"
    for part, given in (("train", train), ("test", test)):
        for name in given:
            if (
                not pd.api.types.is_numeric_dtype(given[name])
                or not np.isfinite(given[name].to_numpy(dtype=float)).all()
            ):
                return f"{name} of {part} is not all numbers"
    return ""
