"""How well the predicted contrails cover the true ones."""

from typing import TYPE_CHECKING

import pandas as pd

from core.errors import SubmissionInvalid
from grading.run_lengths import area, intersection, parse_runs

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

EMPTY = "-"


def grade(prediction: pd.DataFrame, answers: pd.DataFrame) -> float:
    """2 |A and B| / (|A| + |B|) over the pixels of all records together."""
    shared = total = 0
    sizes = answers["height"] * answers["width"]
    for true, guessed, pixels in zip(_runs(answers), _runs(prediction), sizes, strict=True):
        shared += intersection(true, guessed, pixels)
        total += area(true, pixels) + area(guessed, pixels)
    return 2 * shared / total


def validate(prediction: pd.DataFrame) -> None:
    """Check that every mask is a run-length encoding, or a hyphen.

    Raises:
        SubmissionInvalid: one is not.
    """
    _runs(prediction)


def _runs(masks: pd.DataFrame) -> "list[NDArray[np.int64]]":
    runs = []
    for record, text in zip(masks["record_id"], masks["encoded_pixels"], strict=True):
        try:
            runs.append(parse_runs("" if text == EMPTY else text))
        except SubmissionInvalid as error:
            raise SubmissionInvalid(f"encoded_pixels of {record}: {error}") from error
    return runs
