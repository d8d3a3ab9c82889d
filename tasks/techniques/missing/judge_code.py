"""Judges what impute.py gave: whole tables, with the cells that were whole as they were."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from tasks.code_outputs import SAME, read_frames, read_table, same_without_target


def judge(outputs: Path, public: Path, truth: Mapping[str, Any], table: Mapping[str, Any]) -> dict[str, Any]:
    """Say whether every gap is filled, and whether the row's own target stays out of it."""
    given = read_frames(outputs)
    real = [read_table(public, table[part]) for part in ("train", "test")]
    fault = next(
        (
            fault
            for part, before, after in zip(("train", "test"), real, given, strict=True)
            if (fault := _fault(part, before, after, truth, {table["id"], table["target"]}))
        ),
        "",
    )
    honest = same_without_target(outputs)
    note = fault or ("" if honest else "what it fills in for a row depends on the target of that row")
    return {"fills": not fault, "ignores_target": honest, "note": note}


def _fault(part: str, before: pd.DataFrame, after: pd.DataFrame, truth: Mapping[str, Any], left_out: set[str]) -> str:
    if len(before) != len(after):
        return f"{part} has {len(after)} rows, expected {len(before)}"
    for name in before:
        if str(name) in left_out:
            continue
        if name not in after:
            return f"{part} lacks the column {name}"
        disguise = truth["disguises"].get(name)
        gaps = _gaps(before[name], disguise)
        if _gaps(after[name], disguise).any():
            return f"{part} has gaps left in {name}"
        if not _unchanged(before[name][~gaps], after[name][~gaps]):
            return f"{part} has other values in whole cells of {name}"
    return ""


def _gaps(values: "pd.Series[Any]", disguise: str | None) -> "pd.Series[bool]":
    if disguise is None:
        return values.isna()
    if pd.api.types.is_numeric_dtype(values):
        return values.isna() | (values == float(disguise) if disguise != "?" else False)
    return values.isna() | (values.astype(str) == disguise)


def _unchanged(before: "pd.Series[Any]", after: "pd.Series[Any]") -> bool:
    if pd.api.types.is_numeric_dtype(before) and pd.api.types.is_numeric_dtype(after):
        return bool(np.isclose(before.to_numpy(dtype=float), after.to_numpy(dtype=float), rtol=SAME, atol=SAME).all())
    return bool((before.astype(str).to_numpy() == after.astype(str).to_numpy()).all())
