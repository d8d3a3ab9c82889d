"""Breaths through a ventilator, step by step: a tenth of Kaggle's labelled ones becomes the test set, whole."""

from pathlib import Path

import numpy as np
import pandas as pd

from tasks import recipes

WHOLE_NUMBERS = {"id": "int32", "breath_id": "int32", "R": "int8", "C": "int8", "u_out": "int8"}
COLUMNS = ["id", "breath_id", "R", "C", "time_step", "u_in", "u_out", "pressure"]
FLOATS = "%.10g"


def prepare(raw: Path, public: Path, private: Path) -> None:
    steps = recipes.read_csv(raw / "train.csv", dtype=WHOLE_NUMBERS)
    recipes.require_columns(steps, COLUMNS, "train.csv")
    train_rows, test_rows = recipes.split(_rows_of_breaths(steps["breath_id"]), test_size=0.1)
    train, test = _part(steps, train_rows), _part(steps, test_rows)
    del steps
    recipes.write_csv(train, public / "train.csv", float_format=FLOATS)
    recipes.write_csv(test, private / "test.csv", float_format=FLOATS)
    recipes.write_csv(test.drop(columns="pressure"), public / "test.csv", float_format=FLOATS)
    recipes.write_csv(recipes.sample_of(test, "id", {"pressure": 0}), public / "sample_submission.csv")


def _rows_of_breaths(breath: pd.Series) -> list[np.ndarray]:
    """Positions of the rows of each breath, in the order of the file; breaths in the order of their numbers."""
    order = np.argsort(breath.to_numpy(), kind="stable")
    starts = np.flatnonzero(np.diff(breath.to_numpy()[order])) + 1
    return np.split(order, starts)


def _part(steps: pd.DataFrame, rows: list[np.ndarray]) -> pd.DataFrame:
    """The rows of some breaths, with ids from 1."""
    part = steps.iloc[np.concatenate(rows)]
    return part.assign(id=np.arange(1, len(part) + 1))
