"""Questions of many forums and their tags: a tenth of Kaggle's labelled ones becomes the test set."""

from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from tasks import recipes

COLUMNS = ["Id", "Title", "Body", "Tags"]
BLOCK_ROWS = 100_000
SAMPLE_TAGS = "javascript c# python php java"


def prepare(raw: Path, public: Path, private: Path) -> None:
    # As Python's own texts: each time rows are picked of Arrow's columns, all their pieces are joined to a second copy.
    questions = recipes.read_csv(raw / "Train.zip", member="Train.csv", dtype=object)
    recipes.require_columns(questions, COLUMNS, "Train.csv")
    train, test = recipes.split(np.arange(len(questions)), test_size=0.1)
    _write(questions, train, public / "train.csv")
    _write(questions, test, private / "test.csv")
    del questions["Tags"]
    _write(questions, test, public / "test.csv")
    _write(questions.assign(Tags=SAMPLE_TAGS), test, public / "sample_submission.csv")


def _write(questions: pd.DataFrame, rows: NDArray[np.intp], path: Path) -> None:
    """Write rows in blocks: there are gigabytes of text, and a second copy of it all would not fit everywhere."""
    with path.open("xb") as file:
        for start in range(0, len(rows), BLOCK_ROWS):
            recipes.write_csv(questions.iloc[rows[start : start + BLOCK_ROWS]], file, header=start == 0)
