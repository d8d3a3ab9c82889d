"""Findings on chest X-rays: a tenth of Kaggle's labelled images becomes the test set."""

from pathlib import Path

import pandas as pd

from tasks import recipes

IMAGE, PREDICTION = "image_id", "PredictionString"
BOX = ["x_min", "y_min", "x_max", "y_max"]
COLUMNS = [IMAGE, "class_name", "class_id", "rad_id", *BOX]
NO_FINDING = 14


def prepare(raw: Path, public: Path, private: Path) -> None:
    findings = recipes.read_csv(raw / "train.csv")
    recipes.require_columns(findings, COLUMNS, "train.csv")
    train_ids, test_ids = recipes.split(list(findings[IMAGE].unique()), test_size=0.1)
    recipes.write_csv(findings[findings[IMAGE].isin(train_ids)], public / "train.csv")
    sample = pd.DataFrame({IMAGE: test_ids, PREDICTION: f"{NO_FINDING} 1 0 0 1 1"})
    recipes.write_csv(sample, public / "sample_submission.csv")
    answers = _answers(findings[findings[IMAGE].isin(test_ids)])
    recipes.write_csv(answers, private / "answers.csv")
    recipes.write_csv(_as_submission(answers), private / "gold_submission.csv")
    for part, ids in (("train", train_ids), ("test", test_ids)):
        recipes.copy_files(raw / "train", public / part, [f"{image}.dicom" for image in ids])


def _answers(findings: pd.DataFrame) -> pd.DataFrame:
    """One box for each class in an image: the first that a radiologist drew."""
    first = findings.groupby([IMAGE, "class_id"]).first().reset_index().fillna({name: 0.0 for name in BOX})
    first.loc[first["class_id"] == NO_FINDING, ["x_max", "y_max"]] = 1.0
    return first


def _as_submission(answers: pd.DataFrame) -> pd.DataFrame:
    texts = answers["class_id"].astype("str") + " 1.0"
    for name in BOX:
        texts += " " + answers[name].map(str)
    return texts.groupby(answers[IMAGE]).agg(" ".join).rename(PREDICTION).reset_index()
