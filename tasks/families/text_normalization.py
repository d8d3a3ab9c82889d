"""The text normalization challenges: written tokens of sentences and how they are read aloud, one language each."""

import csv
from pathlib import Path

import pandas as pd

from tasks import recipes

TOKENS = ["sentence_id", "token_id", "class", "before", "after"]


def prepare(raw: Path, public: Path, private: Path, *, language: str) -> None:
    """Hold out a tenth of Kaggle's labelled sentences, whole, and number the sentences of both parts anew.

    Args:
        language: the prefix of the file names, "en" or "ru".
    """
    for name in ("test", "sample_submission"):  # not used, but a download without them is not whole
        recipes.require((raw / f"{language}_{name}_2.csv.zip").is_file(), f"raw/{language}_{name}_2.csv.zip is missing")
    source, member = raw / f"{language}_train.csv.zip", f"{language}_train.csv"
    tokens = recipes.read_csv(source, member=member, dtype=dict.fromkeys(TOKENS[2:], "str"))
    recipes.require_columns(tokens, TOKENS, f"{language}_train.csv")
    train_ids, test_ids = recipes.split(tokens["sentence_id"].unique(), test_size=0.1)
    recipes.require_disjoint(train_ids, test_ids, "sentences")
    is_test = tokens["sentence_id"].isin(test_ids)
    train, test = _part(tokens, ~is_test), _part(tokens, is_test)
    del tokens

    ids = test["sentence_id"].astype("str") + "_" + test["token_id"].astype("str")
    sample = pd.DataFrame({"id": ids, "after": test["before"]})
    _write_zip(train, public / f"{language}_train.csv.zip")
    _write_zip(test[["sentence_id", "token_id", "before"]], public / f"{language}_test_2.csv.zip")
    _write_zip(sample, public / f"{language}_sample_submission_2.csv.zip")
    _write(sample, private / "sample_submission.csv")
    _write(pd.DataFrame({"id": ids, "after": test["after"]}), private / "answers.csv")


def _part(tokens: pd.DataFrame, chosen: "pd.Series[bool]") -> pd.DataFrame:
    part = tokens[chosen]
    return part.assign(sentence_id=recipes.renumbered(part["sentence_id"]))


def _write(table: pd.DataFrame, path: Path) -> None:
    recipes.write_csv(table, path, quoting=csv.QUOTE_NONNUMERIC)


def _write_zip(table: pd.DataFrame, path: Path) -> None:
    with recipes.new_zip(path, stored=True) as new, new.member(path.stem) as file:
        recipes.write_csv(table, file, quoting=csv.QUOTE_NONNUMERIC)
