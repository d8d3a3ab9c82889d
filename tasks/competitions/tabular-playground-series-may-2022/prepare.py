"""States of a simulated machine: 100,000 of Kaggle's labelled rows become the test set. All are numbered anew."""

from pathlib import Path

from tasks import recipes

ID, TARGET = "id", "target"
COLUMNS = [ID, *(f"f_{number:02}" for number in range(31)), TARGET]
TEST_ROWS = 100_000


def prepare(raw: Path, public: Path, private: Path) -> None:
    table = recipes.read_csv(raw / "train.csv")
    recipes.require_columns(table, COLUMNS, "train.csv")
    recipes.require(len(table) > TEST_ROWS, f"train.csv has {len(table)} rows, expected more than {TEST_ROWS}")
    train, test = recipes.split(table, test_size=TEST_ROWS)
    del table
    train[ID] = range(len(train))
    test[ID] = range(len(train), len(train) + len(test))
    recipes.write_csv(train, public / "train.csv")
    recipes.write_csv(test, private / "test.csv")
    recipes.write_csv(test[[ID, TARGET]], private / "gold_submission.csv")
    recipes.write_csv(test.drop(columns=TARGET), public / "test.csv")
    recipes.write_csv(recipes.sample_of(test, ID, {TARGET: 0.5}), public / "sample_submission.csv")
