"""Photos of seedlings in one folder a species: 14% of Kaggle's labelled ones become the test set."""

from pathlib import Path

import pandas as pd

from tasks import recipes


def prepare(raw: Path, public: Path, private: Path) -> None:
    paths = [name.split("/") for name in recipes.names_in(raw, "train", suffix=".png", recursive=True)]
    # By species, then by file: the path as a whole would sort "a-b/" before "a/".
    photos = pd.DataFrame(sorted(path for path in paths if len(path) == 2), columns=["species", "file"])
    train, test = recipes.split(photos[["file", "species"]], test_size=0.14)
    recipes.require_disjoint(train["file"], test["file"], "file names")
    recipes.write_csv(test, private / "answers.csv")
    recipes.write_csv(recipes.sample_of(test, "file", {"species": "Sugar beet"}), public / "sample_submission.csv")
    by_species = [f"{species}/{name}" for species, name in zip(train["species"], train["file"], strict=True)]
    recipes.copy_files(raw / "train", public / "train", by_species)
    flat = {f"{species}/{name}": name for species, name in zip(test["species"], test["file"], strict=True)}
    recipes.copy_files(raw / "train", public / "test", flat)
