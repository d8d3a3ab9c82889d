"""Pairs of phrases and how alike their meanings are: a tenth of Kaggle's labelled ones becomes the test set."""

from pathlib import Path

from tasks import recipes


def prepare(raw: Path, public: Path, private: Path) -> None:
    pairs = recipes.read_csv(raw / "train.csv")
    recipes.require_columns(pairs, ["id", "anchor", "target", "context", "score"], "train.csv")
    train, test = recipes.split(pairs, test_size=0.1)
    recipes.write_csv(train, public / "train.csv")
    recipes.write_csv(test, private / "test.csv")
    recipes.write_csv(test.drop(columns="score"), public / "test.csv")
    recipes.write_csv(recipes.sample_of(test, "id", {"score": 0}), public / "sample_submission.csv")
