"""Microscopy of kidneys: three of Kaggle's fifteen labelled images become the test set."""

from pathlib import Path

import pandas as pd

from tasks import recipes

INFORMATION = "HuBMAP-20-dataset_information.csv"
SIZES = ["width_pixels", "height_pixels"]
PARTS = [".tiff", ".json", "-anatomical-structure.json"]  # an image, and its outlines


def prepare(raw: Path, public: Path, private: Path) -> None:
    masks = recipes.read_csv(raw / "train.csv", dtype={"id": "str", "encoding": "str"})
    recipes.require_columns(masks, ["id", "encoding"], "train.csv")
    recipes.require_equal(len(masks), 15, "rows of train.csv")
    train, test = recipes.split(masks, train_size=12, test_size=3)
    recipes.require_disjoint(train["id"], test["id"], "ids")
    recipes.write_csv(train, public / "train.csv")

    information = recipes.read_csv(raw / INFORMATION)
    ids = information["image_file"].str.removesuffix(".tiff")
    recipes.write_csv(information[ids.isin(masks["id"])], public / INFORMATION)
    answers = test.merge(information[SIZES].assign(id=ids), on="id")[["id", "encoding", *SIZES]]
    recipes.require_equal(len(answers), len(test), f"test images in {INFORMATION}")
    recipes.write_csv(answers, private / "test.csv")
    recipes.write_csv(recipes.sample_of(test, "id", {"predicted": test["encoding"]}), private / "gold_submission.csv")

    for part, rows in (("train", train), ("test", test)):
        names = [f"{name}{suffix}" for name in rows["id"] for suffix in PARTS]
        recipes.copy_files(raw / "train", public / part, names)
    sample = recipes.sample_of(test, "id", {"predicted": pd.NA})
    for folder in (public, public / "test"):
        recipes.write_csv(sample, folder / "sample_submission.csv")
