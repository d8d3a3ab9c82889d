"""Chest radiographs: a tenth of Kaggle's labelled studies becomes the test set."""

from pathlib import Path

import pandas as pd

from tasks import recipes

LABELS = {
    "Negative for Pneumonia": "negative",
    "Typical Appearance": "typical",
    "Indeterminate Appearance": "indeterminate",
    "Atypical Appearance": "atypical",
}
WHOLE = "1 0 0 1 1"  # confidence and box where there is nothing to locate


def prepare(raw: Path, public: Path, private: Path) -> None:
    studies = recipes.read_csv(raw / "train_study_level.csv")
    images = recipes.read_csv(raw / "train_image_level.csv")
    recipes.require_columns(studies, ["id", *LABELS], "train_study_level.csv")
    train, test = (part.sort_values("id") for part in recipes.split(studies, test_size=0.1))
    study = images["StudyInstanceUID"] + "_study"
    train_images, test_images = (images[study.isin(part["id"])].sort_values("id") for part in (train, test))
    recipes.require_equal(len(train_images) + len(test_images), len(images), "images of a study with labels")
    recipes.write_csv(train, public / "train_study_level.csv")
    recipes.write_csv(train_images, public / "train_image_level.csv")
    ids = [test["id"], test_images["id"]]
    answers = _table(ids, [_labels(test) + f" {WHOLE}", test_images["label"]])
    recipes.write_csv(answers, private / "test.csv")
    sample = _table(ids, [f"negative {WHOLE}", f"none {WHOLE}"])
    recipes.write_csv(sample, public / "sample_submission.csv")
    for name, part in (("train", train), ("test", test)):
        recipes.copy_folders(raw / "train", public / name, part["id"].str.removesuffix("_study"))


def _labels(studies: pd.DataFrame) -> "pd.Series[str]":
    """One label a study, the first of several; negative where there is none."""
    return studies[list(LABELS)].idxmax(axis="columns").map(LABELS)


def _table(ids: "list[pd.Series[str]]", texts: "list[pd.Series[str] | str]") -> pd.DataFrame:
    """Studies above images."""
    return pd.concat(
        [pd.DataFrame({"id": part, "PredictionString": text}) for part, text in zip(ids, texts, strict=True)]
    )
