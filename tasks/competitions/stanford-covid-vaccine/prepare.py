"""Degradation of RNA, base by base: a tenth of Kaggle's labelled molecules becomes the test set."""

from pathlib import Path

import numpy as np
import pandas as pd

from tasks import recipes
from tasks.recipes.tables import table_errors

ID = "id_seqpos"
TARGETS = ["reactivity", "deg_Mg_pH10", "deg_pH10", "deg_Mg_50C", "deg_50C"]
FLOATS = "%.10f"


def prepare(raw: Path, public: Path, private: Path) -> None:
    molecules, unlabelled = _read(raw / "train.json"), _read(raw / "test.json")
    recipes.require(not set(TARGETS) & set(unlabelled.columns), "test.json holds targets, expected none")
    clean = molecules[molecules["SN_filter"] > 0]
    # The number counts all molecules, the draw is among the clean ones.
    in_test = clean.sample(n=int(0.1 * len(molecules)), random_state=0)["id"]
    is_test = molecules["id"].isin(in_test)
    train, test = (part.assign(index=range(len(part))) for part in (molecules[~is_test], molecules[is_test]))
    recipes.require_equal(len(test), len(in_test), "test molecules, of which each has an id of its own")
    answers = _answers(test)
    _write(train, public / "train.json")
    _write(test[unlabelled.columns], public / "test.json")
    sample = recipes.sample_of(answers, ID, dict.fromkeys(TARGETS, 0.0))
    recipes.write_csv(sample, public / "sample_submission.csv", float_format=FLOATS)
    recipes.write_csv(answers, private / "test.csv", float_format=FLOATS)


def _answers(test: pd.DataFrame) -> pd.DataFrame:
    """A row for each base; behind those that were measured the targets are 0 and are not kept."""
    recipes.require_equal(test["seq_length"].nunique(), 1, "lengths of the test molecules")
    recipes.require((test["seq_scored"] < test["seq_length"]).all(), "a molecule is measured to its end")
    rows = test.loc[test.index.repeat(test["seq_length"])]
    position = rows.groupby(level=0).cumcount()
    keep = (position < rows["seq_scored"]).to_numpy()
    answers = pd.DataFrame({ID: (rows["id"] + "_" + position.astype("str")).to_numpy()})
    for target in TARGETS:
        recipes.require((test[target].str.len() == test["seq_scored"]).all(), f"{target} is not seq_scored values long")
        values = np.zeros(len(rows))
        values[keep] = np.concatenate(test[target].to_list())
        answers[target] = values
    return answers.assign(keep=keep)


def _read(path: Path) -> pd.DataFrame:
    with table_errors(path):
        return pd.read_json(path, lines=True)


def _write(molecules: pd.DataFrame, path: Path) -> None:
    molecules.to_json(path, orient="records", lines=True)
