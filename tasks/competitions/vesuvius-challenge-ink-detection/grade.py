"""How well the predicted ink covers the true one."""

import pandas as pd

from core.errors import SubmissionInvalid
from grading.run_lengths import area, intersection, parse_runs

BETA_SQUARED = 0.5**2


def grade(prediction: pd.DataFrame, answers: pd.DataFrame) -> float:
    """F0.5 of the pixels, mean over fragments; 0 where there is ink in neither mask."""
    rows = zip(answers["Predicted"], prediction["Predicted"], answers["width"] * answers["height"], strict=True)
    scores = [_f_beta(true, guessed, pixels) for true, guessed, pixels in rows]
    return sum(scores) / len(scores)


def validate(prediction: pd.DataFrame) -> None:
    """Check that every mask is a run-length encoding.

    Raises:
        SubmissionInvalid: one is not.
    """
    for fragment, text in zip(prediction["Id"], prediction["Predicted"], strict=True):
        try:
            parse_runs(text)
        except SubmissionInvalid as error:
            raise SubmissionInvalid(f"Predicted of {fragment}: {error}") from error


def _f_beta(true_text: str, guessed_text: str, pixels: int) -> float:
    """(1 + beta^2) PR / (beta^2 P + R) of precision P and recall R, written with areas."""
    true, guessed = parse_runs(true_text), parse_runs(guessed_text)
    weighted = BETA_SQUARED * area(true, pixels) + area(guessed, pixels)
    return (1 + BETA_SQUARED) * intersection(true, guessed, pixels) / weighted if weighted else 0.0
