"""Photographs of retinas and a grade of their disease: a tenth of Kaggle's labelled ones becomes the test set."""

from pathlib import Path

from tasks import recipes

ID, TARGET = "id_code", "diagnosis"


def prepare(raw: Path, public: Path, private: Path) -> None:
    photos = recipes.read_csv(raw / "train.csv")
    recipes.require_columns(photos, [ID, TARGET], "train.csv")
    train, test = recipes.split(photos, test_size=0.1)
    recipes.require_disjoint(train[ID], test[ID], "photos")
    for part, table in (("train", train), ("test", test)):
        recipes.copy_files(raw / "train_images", public / f"{part}_images", [f"{code}.png" for code in table[ID]])
    recipes.write_parts(train, test, target=TARGET, sample={TARGET: 0}, public=public, private=private, id_column=ID)
