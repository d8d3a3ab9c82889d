"""Photos of apple leaves: a tenth of Kaggle's labelled ones becomes the test set. All are numbered anew."""

from pathlib import Path

import pandas as pd

from tasks import recipes

ID, CLASSES = "image_id", ["healthy", "multiple_diseases", "rust", "scab"]


def prepare(raw: Path, public: Path, private: Path) -> None:
    leaves = recipes.read_csv(raw / "train.csv")
    recipes.require_columns(leaves, [ID, *CLASSES], "train.csv")
    recipes.require(leaves[ID].str.startswith("Train_").all(), "train.csv has ids that do not begin with Train_")
    recipes.require(leaves[ID].is_unique, "train.csv has an id twice")
    train, test = recipes.split(leaves, test_size=0.1)
    new_ids = pd.concat([_new_ids(train, "Train"), _new_ids(test, "Test")])
    names = {f"{old}.jpg": f"{new}.jpg" for old, new in zip(leaves[ID][new_ids.index], new_ids, strict=True)}
    recipes.copy_files(raw / "images", public / "images", names)
    train, test = (part.assign(**{ID: new_ids[part.index]}) for part in (train, test))
    recipes.write_csv(train, public / "train.csv")
    recipes.write_csv(test, private / "test.csv")
    recipes.write_csv(test[[ID]], public / "test.csv")
    recipes.write_csv(recipes.sample_of(test, ID, dict.fromkeys(CLASSES, 0.25)), public / "sample_submission.csv")


def _new_ids(part: pd.DataFrame, prefix: str) -> "pd.Series[str]":
    return pd.Series([f"{prefix}_{number}" for number in range(len(part))], index=part.index)
