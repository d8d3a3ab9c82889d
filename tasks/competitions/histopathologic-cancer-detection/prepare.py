"""Patches of slides with and without tumour: Kaggle's labelled ones are split in the ratio of its train and test."""

from pathlib import Path

from tasks import recipes

ID, TARGET = "id", "label"


def prepare(raw: Path, public: Path, private: Path) -> None:
    patches = recipes.read_csv(raw / "train_labels.csv")
    recipes.require_columns(patches, [ID, TARGET], "train_labels.csv")
    # Only their number matters: with some of them missing, the split would be another.
    unlabelled = len(recipes.names_in(raw / "test", suffix=".tif"))
    recipes.require(unlabelled, "raw/test/ holds no .tif files")
    train_ids, test_ids = recipes.split(patches[ID], test_size=unlabelled / (len(patches) + unlabelled))
    recipes.require_disjoint(train_ids, test_ids, "patches")
    train, test = patches[patches[ID].isin(train_ids)], patches[patches[ID].isin(test_ids)]
    for part, table in (("train", train), ("test", test)):
        recipes.copy_files(raw / "train", public / part, [f"{name}.tif" for name in table[ID]])
    recipes.write_csv(train, public / "train_labels.csv")
    recipes.write_csv(test, private / "answers.csv")
    recipes.write_csv(recipes.sample_of(test, ID, {TARGET: 0}), public / "sample_submission.csv")
