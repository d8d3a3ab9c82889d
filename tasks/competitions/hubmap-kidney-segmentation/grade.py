"""Mean over the images of the Dice coefficient of the true and the predicted mask, from their runs alone."""

import pandas as pd

from core.errors import SubmissionInvalid
from grading.csv_file import shown
from grading.run_lengths import area, intersection, parse_runs


def validate(prediction: pd.DataFrame) -> None:
    for name, encoding in zip(prediction["id"], prediction["predicted"], strict=True):
        try:
            parse_runs(encoding)
        except SubmissionInvalid as error:
            raise SubmissionInvalid(f"{error} (column 'predicted', id {shown(name)})") from error


def grade(prediction: pd.DataFrame, answers: pd.DataFrame) -> float:
    pixels = (answers["width_pixels"] * answers["height_pixels"]).tolist()
    return sum(map(_dice, answers["encoding"], prediction["predicted"], pixels)) / len(answers)


def _dice(true: str, predicted: str, pixels: int) -> float:
    first, second = parse_runs(true), parse_runs(predicted)
    areas = area(first, pixels) + area(second, pixels)
    return 2 * intersection(first, second, pixels) / areas if areas else 1.0
