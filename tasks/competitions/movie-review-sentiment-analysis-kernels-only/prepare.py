"""Phrases of film reviews: 30% of Kaggle's rated ones become the test set."""

from pathlib import Path

import pandas as pd

from tasks import recipes


def prepare(raw: Path, public: Path, private: Path) -> None:
    phrases = recipes.read_csv(raw / "train.tsv.zip", member="train.tsv", sep="\t", dtype={"Phrase": "str"})
    recipes.require_columns(phrases, ["PhraseId", "SentenceId", "Phrase", "Sentiment"], "train.tsv")
    recipes.require(phrases["PhraseId"].is_unique, "train.tsv holds a PhraseId twice")
    train, test = recipes.split(phrases, test_size=0.3)
    _write_zip(train, public / "train.tsv.zip")
    _write_zip(test.drop(columns="Sentiment"), public / "test.tsv.zip")
    recipes.write_csv(test, private / "answers.csv")
    recipes.write_csv(recipes.sample_of(test, "PhraseId", {"Sentiment": 2}), public / "sampleSubmission.csv")


def _write_zip(table: pd.DataFrame, path: Path) -> None:
    with recipes.new_zip(path) as new, new.member(path.stem) as file:
        recipes.write_csv(table, file, sep="\t")
