"""Comments of talk pages and six kinds of toxicity: Kaggle's own test set, of which it published the labels."""

from pathlib import Path

from tasks import recipes

LABELS = ["toxic", "severe_toxic", "obscene", "threat", "insult", "identity_hate"]


def prepare(raw: Path, public: Path, private: Path) -> None:
    train, test, answers, sample = (
        recipes.read_csv(raw / f"{name}.csv.zip", member=f"{name}.csv")
        for name in ("train", "test", "test_labels", "sample_submission")
    )
    recipes.require_columns(train, ["id", "comment_text", *LABELS], "train.csv")
    recipes.require_columns(answers, ["id", *LABELS], "test_labels.csv")
    for table, name in ((test, "test.csv"), (sample, "sample_submission.csv")):
        recipes.require(sorted(table["id"]) == sorted(answers["id"]), f"{name} and test_labels.csv differ in ids")
    recipes.require_disjoint(train["id"], test["id"], "comments")
    recipes.write_csv(train, public / "train.csv")
    recipes.write_csv(test, public / "test.csv")
    recipes.write_csv(sample.assign(**dict.fromkeys(LABELS, 0.5)), public / "sample_submission.csv")
    recipes.write_csv(answers, private / "test.csv")  # with the rows of -1 that are not scored
