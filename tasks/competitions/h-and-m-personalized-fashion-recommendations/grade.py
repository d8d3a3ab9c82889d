"""Mean average precision at 12 over the customers who bought something in the test window.

Who they are is not public, so a submission is validated against all customers of the sample, and graded when it has
those who bought something.
"""

from pathlib import Path

import pandas as pd

from core.errors import SubmissionInvalid
from grading.csv_file import shown
from grading.formats import Column, ColumnKind, Header, SubmissionFormat
from grading.metrics.words import map_at_12
from grading.submission import align, read_ours, read_submission

ID = "customer_id"
FORMAT = SubmissionFormat(id=ID, columns=(Column(name="prediction", kind=ColumnKind.TEXT),), header=Header.CLOSED)
IDS_ALONE = SubmissionFormat(id=ID, columns=())


def check(submission: Path, public: Path) -> None:
    """Check that there is one row for each customer of the sample submission.

    Raises:
        SubmissionInvalid: there is not, or the file is no such table.
    """
    customers = _customers(public)
    align(read_submission(submission, FORMAT, rows=len(customers)), customers, FORMAT)


def score(submission: Path, public: Path, private: Path) -> float:
    """Grade the rows of the customers who bought something; others are not looked at.

    Raises:
        SubmissionInvalid: one of them is missing, a customer is there twice, or the file is no such table.
    """
    answers = read_ours(private / "answers.csv", FORMAT)
    table = read_submission(submission, FORMAT, rows=len(_customers(public)))
    twice = table[ID].duplicated()
    if twice.any():
        row = int(twice.to_numpy().argmax())
        raise SubmissionInvalid(f"column {ID!r} holds {shown(table[ID].iloc[row])} a second time in row {row + 1}")
    scored = table[table[ID].isin(answers[ID])]
    if len(scored) < len(answers):  # how many, and which, would tell who bought something
        raise SubmissionInvalid(f"column {ID!r} lacks customers; give a row for each one of sample_submission.csv")
    return map_at_12(answers[["prediction"]], align(scored, answers, FORMAT)[["prediction"]])


def _customers(public: Path) -> pd.DataFrame:
    return read_ours(public / "sample_submission.csv", IDS_ALONE)
