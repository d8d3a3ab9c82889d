"""Chest X-rays with tubes and catheters: a tenth of Kaggle's labelled ones becomes the test set."""

from pathlib import Path

from tasks import recipes

ID = "StudyInstanceUID"
GRADED = [
    *("ETT - Abnormal", "ETT - Borderline", "ETT - Normal"),
    *("NGT - Abnormal", "NGT - Borderline", "NGT - Incompletely Imaged", "NGT - Normal"),
    *("CVC - Abnormal", "CVC - Borderline"),
]
NOT_GRADED = ["CVC - Normal", "Swan Ganz Catheter Present"]


def prepare(raw: Path, public: Path, private: Path) -> None:
    pictures = recipes.read_csv(raw / "train.csv")
    recipes.require_columns(pictures, [ID, *GRADED, *NOT_GRADED, "PatientID"], "train.csv")
    recipes.require(pictures[ID].is_unique, "train.csv has a picture twice")
    annotations = recipes.read_csv(raw / "train_annotations.csv")
    recipes.require_columns(annotations, [ID, "label", "data"], "train_annotations.csv")
    train, test = recipes.split(pictures, test_size=0.1)
    for part, rows in (("train", train), ("test", test)):
        recipes.copy_files(raw / "train", public / part, [f"{name}.jpg" for name in rows[ID]])
    recipes.write_csv(train, public / "train.csv")
    recipes.write_csv(annotations[annotations[ID].isin(train[ID])], public / "train_annotations.csv")
    recipes.write_csv(test, private / "test.csv")
    recipes.write_csv(recipes.sample_of(test, ID, dict.fromkeys(GRADED, 0)), public / "sample_submission.csv")
