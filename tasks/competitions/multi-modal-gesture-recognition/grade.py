"""Edit distance between true and predicted gestures, summed over the recordings, for each true gesture."""

import re

import pandas as pd
from rapidfuzz.distance import Levenshtein

from core.errors import SubmissionInvalid
from grading.csv_file import shown

NUMBER = re.compile(r"[+-]?[0-9]{1,18}")


def validate(prediction: pd.DataFrame) -> None:
    for name, cell in zip(prediction["Id"], prediction["Sequence"], strict=True):
        odd = next((token for token in cell.split() if not NUMBER.fullmatch(token)), None)
        if odd is not None:
            raise SubmissionInvalid(f"column 'Sequence' holds {shown(odd)} for Id {shown(name)}, expected gestures")


def grade(prediction: pd.DataFrame, answers: pd.DataFrame) -> float:
    true = [_gestures(cell) for cell in answers["Sequence"]]
    guessed = [_gestures(cell) for cell in prediction["Sequence"]]
    return sum(map(Levenshtein.distance, true, guessed)) / sum(map(len, true))


def _gestures(cell: str) -> list[int]:
    return [int(token) for token in cell.split()]
