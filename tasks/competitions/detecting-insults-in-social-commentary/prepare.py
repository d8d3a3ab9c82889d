"""Comments that are insults or not: Kaggle's own test set, of which it published the labels."""

from pathlib import Path

from tasks import recipes

COLUMNS = ["Insult", "Date", "Comment"]


def prepare(raw: Path, public: Path, private: Path) -> None:
    recipes.copy_files(raw, public, ["train.csv"])
    recipes.copy_files(raw, private, {"test_with_solutions.csv": "test.csv"})
    train, solved = recipes.read_csv(public / "train.csv"), recipes.read_csv(private / "test.csv")
    recipes.require_columns(train, COLUMNS, "train.csv")
    recipes.require_columns(solved, [*COLUMNS, "Usage"], "test_with_solutions.csv")
    recipes.require_disjoint(train["Comment"], solved["Comment"], "comments")
    gold = solved[COLUMNS]
    recipes.write_csv(gold, private / "gold_submission.csv")
    recipes.write_csv(gold.drop(columns="Insult"), public / "test.csv")
    recipes.write_csv(gold.assign(Insult=0), public / "sample_submission_null.csv")
