"""How well the predicted masks of salt cover the true ones."""

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from core.errors import SubmissionInvalid
from grading.run_lengths import area, intersection, parse_runs

PIXELS = 101 * 101
THRESHOLDS = np.arange(0.5, 1.0, 0.05)  # the last is 0.9500000000000004


def grade(prediction: pd.DataFrame, answers: pd.DataFrame) -> float:
    """Mean over images of the share of thresholds (0.5, 0.55 ... 0.95) that the intersection over union exceeds."""
    pairs = zip(_runs(answers), _runs(prediction), strict=True)
    return float(np.mean([np.mean(_overlap(true, guessed) > THRESHOLDS) for true, guessed in pairs]))


def validate(prediction: pd.DataFrame) -> None:
    """Check that every mask is a run-length encoding.

    Raises:
        SubmissionInvalid: one is not.
    """
    _runs(prediction)


def _overlap(true: NDArray[np.int64], guessed: NDArray[np.int64]) -> float:
    """Intersection over union of two masks."""
    true_area, guessed_area = area(true, PIXELS), area(guessed, PIXELS)
    if true_area == 0:
        return float(guessed_area == 0)
    if guessed_area == 0:  # counts as a mask of all pixels: the reference's histogram has one bin for it, the upper one
        return true_area / PIXELS
    shared = intersection(true, guessed, PIXELS)
    return shared / (true_area + guessed_area - shared)


def _runs(masks: pd.DataFrame) -> list[NDArray[np.int64]]:
    runs = []
    for image, text in zip(masks["id"], masks["rle_mask"], strict=True):
        try:
            runs.append(parse_runs(text))
        except SubmissionInvalid as error:
            raise SubmissionInvalid(f"rle_mask of {image}: {error}") from error
    return runs
