"""Sentences of three authors: a tenth of Kaggle's labelled ones becomes the test set."""

from pathlib import Path

import pandas as pd

from tasks import recipes

SHARES = {"EAP": 0.403493538995863, "HPL": 0.287808366106543, "MWS": 0.308698094897594}  # of Kaggle's sample


def prepare(raw: Path, public: Path, private: Path) -> None:
    sentences = recipes.read_csv(raw / "train.zip", member="train.csv")
    recipes.require_columns(sentences, ["id", "text", "author"], "train.csv")
    train, test = recipes.split(sentences, test_size=0.1)
    recipes.write_csv(train, public / "train.csv")
    recipes.write_csv(test.drop(columns="author"), public / "test.csv")
    answers = pd.concat([test["id"], recipes.one_hot(test["author"], list(SHARES))], axis="columns")
    recipes.write_csv(answers, private / "test.csv")
    recipes.write_csv(recipes.sample_of(test, "id", SHARES), public / "sample_submission.csv")
