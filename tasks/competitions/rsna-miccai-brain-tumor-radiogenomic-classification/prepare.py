"""MRI scans of brain tumours: a tenth of Kaggle's labelled cases becomes the test set."""

from pathlib import Path

from tasks import recipes

ID, TARGET = "BraTS21ID", "MGMT_value"


def prepare(raw: Path, public: Path, private: Path) -> None:
    # Ids are text: they begin with zeros.
    cases = recipes.read_csv(raw / "train_labels.csv", dtype={ID: "str", TARGET: "int64"})
    recipes.require_columns(cases, [ID, TARGET], "train_labels.csv")
    recipes.require(cases[ID].is_unique, "train_labels.csv has a case twice")
    train, test = recipes.split(cases, test_size=0.1)
    for part, rows in (("train", train), ("test", test)):
        recipes.copy_folders(raw / "train", public / part, rows[ID])
    recipes.write_csv(train, public / "train_labels.csv")
    recipes.write_csv(test, private / "test.csv")
    recipes.write_csv(recipes.sample_of(test, ID, {TARGET: 0.5}), public / "sample_submission.csv")
