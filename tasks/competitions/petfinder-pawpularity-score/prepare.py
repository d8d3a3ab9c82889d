"""Photos of pets and how popular they are: a tenth of Kaggle's labelled ones becomes the test set."""

from pathlib import Path

import numpy as np

from tasks import recipes


def prepare(raw: Path, public: Path, private: Path) -> None:
    photos = recipes.read_csv(raw / "train.csv")
    train, test = recipes.split(photos, test_size=0.1)
    recipes.require_disjoint(train["Id"], test["Id"], "photos")
    recipes.write_csv(train, public / "train.csv")
    recipes.write_csv(test, private / "test.csv")
    recipes.write_csv(test.drop(columns="Pawpularity"), public / "test.csv")
    guesses = np.random.default_rng(0).uniform(1, 100, len(test)).round(2)
    sample = recipes.sample_of(test, "Id", {"Pawpularity": guesses})
    recipes.write_csv(sample, public / "sample_submission.csv")
    for part, table in (("train", train), ("test", test)):
        recipes.copy_files(raw / "train", public / part, table["Id"] + ".jpg")
