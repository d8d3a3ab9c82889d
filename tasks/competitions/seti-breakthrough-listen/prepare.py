"""Spectrograms of a radio telescope with and without a signal: a tenth of Kaggle's labelled ones is the test set."""

from pathlib import Path

from tasks import recipes


def prepare(raw: Path, public: Path, private: Path) -> None:
    labels = recipes.read_csv(raw / "train_labels.csv", dtype={"id": "str"})
    recipes.require_columns(labels, ["id", "target"], "train_labels.csv")
    train, test = recipes.split(labels, test_size=0.1)
    recipes.require_disjoint(train["id"], test["id"], "spectrograms")
    recipes.write_csv(train, public / "train_labels.csv")
    recipes.write_csv(test, private / "test.csv")
    recipes.write_csv(recipes.sample_of(test, "id", {"target": 0.5}), public / "sample_submission.csv")
    for part, table in (("train", train), ("test", test)):
        # A folder for each first character of an id.
        recipes.copy_files(raw / "train", public / part, table["id"].str[0] + "/" + table["id"] + ".npy")
    old = raw / "old_leaky_data"
    recipes.copy_files(old, public / "old_leaky_data", recipes.names_in(old, recursive=True))
