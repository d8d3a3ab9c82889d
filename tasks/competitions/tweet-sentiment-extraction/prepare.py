"""Tweets and the part that carries their sentiment: a tenth of Kaggle's labelled ones becomes the test set."""

from pathlib import Path

from tasks import recipes


def prepare(raw: Path, public: Path, private: Path) -> None:
    tweets = recipes.read_csv(raw / "train.csv")
    recipes.require_columns(tweets, ["textID", "text", "selected_text", "sentiment"], "train.csv")
    train, test = recipes.split(tweets, test_size=0.1)
    recipes.write_csv(train, public / "train.csv")
    recipes.write_csv(test, private / "test.csv")
    recipes.write_csv(test[["textID", "text", "sentiment"]], public / "test.csv")
    recipes.write_csv(recipes.sample_of(test, "textID", {"selected_text": ""}), public / "sample_submission.csv")
