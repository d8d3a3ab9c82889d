"""Comments and how toxic they are: Kaggle's private test set, whose labels were published later, is the test set."""

from pathlib import Path

from tasks import recipes

LABELLED_TEST = "test_private_expanded.csv"


def prepare(raw: Path, public: Path, private: Path) -> None:
    header = recipes.read_csv(raw / LABELLED_TEST, nrows=0)
    recipes.require_equal(len(header.columns), 45, f"columns of {LABELLED_TEST}")
    columns = ["id", "comment_text"]
    recipes.require(set(columns) <= set(header.columns), f"{LABELLED_TEST} lacks one of {', '.join(columns)}")
    test = recipes.read_csv(raw / LABELLED_TEST, usecols=columns, dtype={"comment_text": "str"})[columns]
    recipes.copy_files(raw, public, ["train.csv"])
    recipes.copy_files(raw, private, {LABELLED_TEST: "test.csv"})
    recipes.write_csv(test, public / "test.csv")
    recipes.write_csv(recipes.sample_of(test, "id", {"prediction": 0.0}), public / "sample_submission.csv")
