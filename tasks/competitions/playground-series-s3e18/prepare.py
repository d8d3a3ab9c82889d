"""Molecules and their enzyme classes: a tenth of Kaggle's labelled rows becomes the test set."""

from pathlib import Path

from tasks import recipes

FLAGS = [f"EC{number}" for number in range(1, 7)]
COLUMNS = 38  # id, 31 features, 6 flags


def prepare(raw: Path, public: Path, private: Path) -> None:
    molecules = recipes.read_csv(raw / "train.csv")
    recipes.require_equal(len(molecules.columns), COLUMNS, "columns of train.csv")
    recipes.require_equal(list(molecules.columns[-len(FLAGS) :]), FLAGS, "last columns of train.csv")
    train, test = recipes.split(molecules, test_size=0.1)
    recipes.write_csv(train, public / "train.csv")
    recipes.write_csv(test.drop(columns=FLAGS), public / "test.csv")
    recipes.write_csv(test, private / "test.csv")
    recipes.write_csv(recipes.sample_of(test, "id", {"EC1": 0.5, "EC2": 0.5}), public / "sample_submission.csv")
