"""Notebooks whose text cells were shuffled: 20,000 of Kaggle's, in whole families, become the test set."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from tasks import recipes

TEST_NOTEBOOKS = 20_000


def prepare(raw: Path, public: Path, private: Path) -> None:
    ancestors = recipes.shuffled(recipes.read_csv(raw / "train_ancestors.csv", dtype="str"), seed=0)
    recipes.require_columns(ancestors, ["id", "ancestor_id", "parent_id"], "train_ancestors.csv")
    is_test = _held_out(ancestors["ancestor_id"])
    train_ids, test_ids = ancestors.loc[~is_test, "id"], ancestors.loc[is_test, "id"]
    recipes.require_equal(len(test_ids), TEST_NOTEBOOKS, "test notebooks, taken in whole families")
    orders = recipes.read_csv(raw / "train_orders.csv", dtype="str")
    train_orders, test_orders = (orders[orders["id"].isin(ids)] for ids in (train_ids, test_ids))
    recipes.require_equal(len(test_orders), TEST_NOTEBOOKS, "orders of the test notebooks")
    for part, ids in (("train", train_ids), ("test", test_ids)):
        recipes.copy_files(raw / "train", public / part, [f"{notebook}.json" for notebook in ids])
    recipes.write_csv(ancestors[~is_test], public / "train_ancestors.csv")
    recipes.write_csv(train_orders, public / "train_orders.csv")
    recipes.write_csv(test_orders, private / "test_orders.csv")
    listed = [_listed_cells(raw / "train" / f"{notebook}.json") for notebook in test_orders["id"]]
    recipes.write_csv(recipes.sample_of(test_orders, "id", {"cell_order": listed}), public / "sample_submission.csv")


def _held_out(families: pd.Series) -> NDArray[np.bool_]:
    """Which notebooks are test: each family, in the order of first appearance, that as a whole still fits."""
    codes = pd.factorize(families)[0]
    chosen, taken = [], 0
    for size in np.bincount(codes).tolist():
        fits = taken + size <= TEST_NOTEBOOKS
        chosen.append(fits)
        taken += size if fits else 0
    return np.array(chosen)[codes]


def _listed_cells(path: Path) -> str:
    """The cells as the file lists them: code in its order, then the shuffled text."""
    return " ".join(json.loads(path.read_bytes())["cell_type"])
