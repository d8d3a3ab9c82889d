"""Passengers of a starship: a tenth of Kaggle's labelled ones becomes the test set."""

from pathlib import Path

from tasks import recipes


def prepare(raw: Path, public: Path, private: Path) -> None:
    passengers = recipes.read_csv(raw / "train.csv")
    train, test = recipes.split(passengers, test_size=0.1)
    recipes.write_csv(train, public / "train.csv")
    recipes.write_csv(test.drop(columns="Transported"), public / "test.csv")
    recipes.write_csv(test, private / "test.csv")
    recipes.write_csv(recipes.sample_of(test, "PassengerId", {"Transported": False}), public / "sample_submission.csv")
