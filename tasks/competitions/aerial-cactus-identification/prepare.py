"""Aerial thumbnails with and without a cactus: 19 % of Kaggle's labelled ones, its own share, become the test set."""

from pathlib import Path

from tasks import recipes

ID, TARGET = "id", "has_cactus"


def prepare(raw: Path, public: Path, private: Path) -> None:
    photos = recipes.read_csv(raw / "train.csv")
    recipes.require_columns(photos, [ID, TARGET], "train.csv")
    train, test = recipes.split(photos, test_size=0.19)
    recipes.require_disjoint(train[ID], test[ID], "photos")
    for part, table in (("train", train), ("test", test)):
        recipes.write_zip(public / f"{part}.zip", raw / "train.zip", {f"train/{name}": name for name in table[ID]})
    recipes.write_csv(train, public / "train.csv")
    recipes.write_csv(test, private / "test.csv")
    recipes.write_csv(recipes.sample_of(test, ID, {TARGET: 0.5}), public / "sample_submission.csv")
