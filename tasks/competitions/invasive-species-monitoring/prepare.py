"""Photos of a forest: a fifth of Kaggle's labelled ones becomes the test set."""

from pathlib import Path

import pandas as pd

from tasks import recipes


def prepare(raw: Path, public: Path, private: Path) -> None:
    labels = recipes.read_csv(raw / "train_labels.csv.zip", member="train_labels.csv")
    recipes.require_columns(labels, ["name", "invasive"], "train_labels.csv")
    recipes.require(labels["name"].is_unique, "train_labels.csv names a photo twice")
    photos = recipes.names_in(raw / "train.7z", "train", suffix=".jpg")
    recipes.require_equal(len(photos), len(labels), "photos in train.7z")
    train, test = recipes.split(labels, test_size=0.2)
    sample = recipes.sample_of(test, "name", {"invasive": 0.5})
    _write_zip(train, public / "train_labels.csv.zip")
    _write_zip(sample, public / "sample_submission.csv.zip")
    recipes.write_csv(sample, private / "sample_submission.csv")
    recipes.write_csv(test, private / "answers.csv")
    for part, rows in (("train", train), ("test", test)):
        # The photos are compressed already.
        names = {f"train/{name}.jpg": f"{part}/{name}.jpg" for name in rows["name"]}
        recipes.write_7z(public / f"{part}.7z", raw / "train.7z", names, stored=True)


def _write_zip(table: pd.DataFrame, path: Path) -> None:
    with recipes.new_zip(path) as new, new.member(path.stem) as file:
        recipes.write_csv(table, file)
