"""Votes between the answers of two chatbots: a tenth of Kaggle's labelled ones becomes the test set."""

from pathlib import Path

from tasks import recipes

TEXTS = ["prompt", "response_a", "response_b"]
VOTES = ["winner_model_a", "winner_model_b", "winner_tie"]


def prepare(raw: Path, public: Path, private: Path) -> None:
    battles = recipes.read_csv(raw / "train.csv")
    recipes.require_columns(battles, ["id", "model_a", "model_b", *TEXTS, *VOTES], "train.csv")
    train, test = recipes.split(battles, test_size=0.1)
    recipes.require_disjoint(train["id"], test["id"], "ids")
    recipes.write_csv(train, public / "train.csv")
    recipes.write_csv(test[["id", *TEXTS]], public / "test.csv")
    recipes.write_csv(test, private / "answers.csv")
    sample = recipes.sample_of(test, "id", dict.fromkeys(VOTES, 1 / 3))
    recipes.write_csv(sample, public / "sample_submission.csv")
