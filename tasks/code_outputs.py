"""Reading what an agent's code file gave in its sandbox. Everything here is hostile."""

import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from core.errors import SubmissionInvalid
from grading.answers import read_text

MAX_BYTES = 64 * 2**20
SAME = 1e-6  # relative, of numbers that are to be the same


def read_table(public: Path, path: str) -> pd.DataFrame:
    """Read one of a view's own tables."""
    return pd.read_csv(public / path, sep="\t" if path.endswith(".tsv") else ",", low_memory=False)


def read_pairs(outputs: Path) -> list[list[list[int]]]:
    """Read pairs of lists of row positions.

    Raises:
        SubmissionInvalid: it is something else.
    """
    value = _json(outputs / "pairs.json")
    fits = isinstance(value, list) and all(
        isinstance(pair, list)
        and len(pair) == 2
        and all(isinstance(part, list) and all(type(place) is int for place in part) for part in pair)
        for pair in value
    )
    if not fits:
        raise SubmissionInvalid("it gave no pairs of lists of row positions")
    pairs: list[list[list[int]]] = value
    return pairs


def read_frames(outputs: Path) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Read the two tables that a transforming function gave.

    Raises:
        SubmissionInvalid: they cannot be read.
    """
    return _frame(outputs / "train.csv"), _frame(outputs / "test.csv")


def same_without_target(outputs: Path) -> bool:
    """Whether every probed row came out the same when its own target was changed.

    Raises:
        SubmissionInvalid: the probes cannot be read, or there are none.
    """
    probes = _json(outputs / "probes.json")
    if not isinstance(probes, list) or not probes:
        raise SubmissionInvalid("no row was probed")
    return all(isinstance(probe, dict) and _same_cells(probe.get("before"), probe.get("after")) for probe in probes)


def _same_cells(before: Any, after: Any) -> bool:
    if not isinstance(before, dict) or not isinstance(after, dict) or set(before) != set(after):
        return False
    return all(_same(before[name], after[name]) for name in before)


def _same(before: object, after: object) -> bool:
    if before == after:
        return True
    try:
        return bool(np.isclose(float(str(before)), float(str(after)), rtol=SAME, atol=0, equal_nan=True))
    except ValueError:
        return False


def _json(path: Path) -> Any:
    try:
        return json.loads(read_text(path, max_bytes=MAX_BYTES))
    except (OSError, ValueError, RecursionError) as error:
        raise SubmissionInvalid(f"{path.name}, which it gave, cannot be read: {type(error).__name__}") from None


def _frame(path: Path) -> pd.DataFrame:
    try:
        return pd.read_csv(io.StringIO(read_text(path, max_bytes=MAX_BYTES)), low_memory=False)
    except (OSError, ValueError) as error:  # pandas' own errors are ValueErrors
        raise SubmissionInvalid(f"{path.name}, which it gave, cannot be read: {type(error).__name__}") from None
