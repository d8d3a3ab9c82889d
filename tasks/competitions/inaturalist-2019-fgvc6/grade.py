"""Share of photos whose first guess is not the species: guesses are whole numbers between white space."""

import re

import pandas as pd

from core.errors import SubmissionInvalid
from grading.csv_file import shown

NUMBER = re.compile(r"[+-]?[0-9]{1,18}")


def validate(prediction: pd.DataFrame) -> None:
    guesses = _first_guesses(prediction)
    wrong = ~guesses.str.fullmatch(NUMBER.pattern)
    if wrong.any():
        row = int(wrong.to_numpy().argmax())
        raise SubmissionInvalid(
            f"column 'predicted' begins with {shown(guesses[row])} for id {shown(prediction['id'][row])}, "
            "expected the number of a category"
        )


def grade(prediction: pd.DataFrame, answers: pd.DataFrame) -> float:
    return float((_first_guesses(prediction).astype("int64") != answers["predicted"]).mean())


def _first_guesses(prediction: pd.DataFrame) -> "pd.Series[str]":
    return pd.Series([(cell.split(None, 1) or [""])[0] for cell in prediction["predicted"]], dtype="str")
