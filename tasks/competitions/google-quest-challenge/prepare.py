"""Questions and answers with the scores of raters: a tenth of Kaggle's labelled pairs becomes the test set."""

from pathlib import Path

import numpy as np
import pandas as pd

from tasks import recipes

ID = "qa_id"
FEATURES = [
    *(ID, "question_title", "question_body", "question_user_name", "question_user_page"),
    *("answer", "answer_user_name", "answer_user_page", "url", "category", "host"),
]
TARGETS = list(recipes.read_lines(Path(__file__).with_name("classes.txt")))
RARE = "question_type_spelling"  # 0 for almost all pairs


def prepare(raw: Path, public: Path, private: Path) -> None:
    pairs = recipes.read_csv(raw / "train.csv")
    recipes.require_columns(pairs, [*FEATURES, *TARGETS], "train.csv")
    train, test = _with_varied_rare(*recipes.split(pairs, test_size=0.1))
    constant = [name for name in TARGETS if test[name].nunique() < 2]
    recipes.require(not constant, f"all test pairs have the same {', '.join(constant)}, with which nothing correlates")
    recipes.write_csv(train, public / "train.csv")
    recipes.write_csv(test[FEATURES], public / "test.csv")
    recipes.write_csv(test[[ID, *TARGETS]], private / "test.csv")
    rising = dict.fromkeys(TARGETS, np.linspace(0, 1, len(test)))  # a constant column would have no score
    recipes.write_csv(recipes.sample_of(test, ID, rising), public / "sample_submission.csv")


def _with_varied_rare(train: pd.DataFrame, test: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Swap a test pair for one with a spelling question where the test pairs have none."""
    with_spelling = np.flatnonzero(train[RARE] != 0)
    if test[RARE].nunique() > 1 or not len(with_spelling):
        return train, test
    place = int(with_spelling[0])
    new_train = pd.concat([train[:place], test[:1], train[place + 1 :]])
    new_test = pd.concat([train[place : place + 1], test[1:]])
    return new_train, new_test
