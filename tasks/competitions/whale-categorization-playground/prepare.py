"""Photos of humpback whales by their flukes, split so that every whale with several photos is in both parts."""

from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd

from tasks import recipes

TEST_SHARE = 0.1
NEW = "new_whale"  # a whale that train does not know
SAMPLE = "new_whale w_1287fbc w_98baff9 w_7554f44 w_1eafe46"


def prepare(raw: Path, public: Path, private: Path) -> None:
    photos = recipes.read_csv(raw / "train.csv")
    recipes.require_columns(photos, ["Image", "Id"], "train.csv")
    is_test = _is_test(photos["Id"])
    train, test = photos[~is_test], photos[is_test]
    recipes.require_disjoint(train["Image"], test["Image"], "photos")
    answers = test.assign(Id=test["Id"].where(test["Id"].isin(train["Id"]), NEW))
    recipes.require((answers["Id"] == NEW).any(), f"no test photo shows a {NEW}")
    recipes.write_csv(answers, private / "test.csv")
    recipes.write_csv(train, public / "train.csv")
    recipes.write_csv(recipes.sample_of(test, "Image", {"Id": SAMPLE}), public / "sample_submission.csv")
    for part, table in (("train", train), ("test", test)):
        recipes.copy_files(raw / "train", public / part, table["Image"])


def _is_test(whales: pd.Series) -> np.ndarray:
    """Draw the part of each photo: one of every whale to each, single photos and what is left by share."""
    random = np.random.default_rng(0)
    is_test, decided = np.zeros(len(whales), dtype=bool), np.zeros(len(whales), dtype=bool)
    for rows in map(np.asarray, whales.groupby(whales, sort=False).indices.values()):  # by first appearance
        if len(rows) == 1:
            is_test[rows] = random.choice(["train", "test"], replace=False, p=[1 - TEST_SHARE, TEST_SHARE]) == "test"
            decided[rows] = True
        else:
            drawn = rows[_two_of(len(rows))]
            is_test[drawn[1]] = True
            decided[drawn] = True
    _, left = recipes.split(np.flatnonzero(~decided), test_size=TEST_SHARE)
    is_test[left] = True
    return is_test


@cache
def _two_of(rows: int) -> np.ndarray:
    """Positions of the photos of a whale that go to train and to test; all whales with as many have the same."""
    return pd.Series(range(rows)).sample(2, random_state=0).to_numpy()
