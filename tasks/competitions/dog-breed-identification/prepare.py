"""Photos of dogs of 120 breeds: a tenth of Kaggle's labelled ones becomes the test set."""

from pathlib import Path

import pandas as pd

from tasks import recipes


def prepare(raw: Path, public: Path, private: Path) -> None:
    breeds = recipes.read_lines(Path(__file__).with_name("classes.txt"))
    photos = recipes.read_csv(raw / "labels.csv")
    recipes.require_columns(photos, ["id", "breed"], "labels.csv")
    train, test = recipes.split(photos, test_size=0.1)
    recipes.require_disjoint(train["id"], test["id"], "photos")
    for part, table in (("train", train), ("test", test)):
        recipes.copy_files(raw / "train", public / part, [f"{name}.jpg" for name in table["id"]])
    recipes.write_csv(train, public / "labels.csv")
    answers = pd.concat([test["id"], recipes.one_hot(test["breed"], breeds)], axis="columns")
    recipes.write_csv(answers, private / "test.csv")
    sample = recipes.sample_of(test, "id", dict.fromkeys(breeds, 1 / len(breeds)))
    recipes.write_csv(sample, public / "sample_submission.csv")
