"""Photos of museum objects: 15% of Kaggle's labelled ones become the test set."""

from pathlib import Path

from tasks import recipes

ID, TARGET = "id", "attribute_ids"


def prepare(raw: Path, public: Path, private: Path) -> None:
    photos = recipes.read_csv(raw / "train.csv")
    recipes.require_columns(photos, [ID, TARGET], "train.csv")
    recipes.require(photos[ID].is_unique, "train.csv has an id twice")
    train, test = recipes.split(photos, test_size=0.15)
    for part, rows in (("train", train), ("test", test)):
        recipes.copy_files(raw / "train", public / part, [f"{name}.png" for name in rows[ID]])
    recipes.copy_files(raw, public, ["labels.csv"])
    recipes.write_csv(train, public / "train.csv")
    recipes.write_csv(test, private / "answers.csv")
    recipes.write_csv(recipes.sample_of(test, ID, {TARGET: "0 1 2"}), public / "sample_submission.csv")
