"""Essays and their scores: a tenth of Kaggle's labelled ones becomes the test set."""

from pathlib import Path

import numpy as np

from tasks import recipes


def prepare(raw: Path, public: Path, private: Path) -> None:
    essays = recipes.read_csv(raw / "train.csv", dtype={"essay_id": "str"})
    recipes.require_columns(essays, ["essay_id", "full_text", "score"], "train.csv")
    train, test = recipes.split(essays, test_size=0.1)
    recipes.require_disjoint(train["essay_id"], test["essay_id"], "essays")
    recipes.write_csv(train, public / "train.csv")
    recipes.write_csv(test.drop(columns="score"), public / "test.csv")
    recipes.write_csv(test, private / "answers.csv")
    drawn = np.random.RandomState(42).randint(1, 7, size=len(test))
    recipes.write_csv(recipes.sample_of(test, "essay_id", {"score": drawn}), public / "sample_submission.csv")
