"""How well findings on X-rays are located and classified: COCO's average precision, as the reference applies it.

Its evaluator is handed corners where it expects x, y, width and height, and takes the number 0 for "none", although
the objects of the answers and those of the submission are both numbered from 0. Both are kept: all scores have them.
"""

from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pandas as pd

from core.errors import SubmissionInvalid
from grading.detections import parse_objects
from grading.formats import Column, ColumnKind, SubmissionFormat
from grading.submission import align, read_ours, read_submission

if TYPE_CHECKING:
    from numpy.typing import NDArray

ID, PREDICTION = "image_id", "PredictionString"
FORMAT = SubmissionFormat(
    id=ID,
    columns=(Column(name=PREDICTION, kind=ColumnKind.LABEL, missing_words=True),),
    max_bytes=128 << 20,
)
LEAST_OVERLAP = 0.4
MOST_BOXES = 100  # of a class in an image
LARGEST_AREA = 1e10
RECALLS = np.linspace(0, 1, 101)


class Boxes(NamedTuple):
    """The objects of an image; `first` is the place of the one with the number 0, -1 in all images but one."""

    classes: "NDArray[np.float64]"
    scores: "NDArray[np.float64]"
    corners: "NDArray[np.float64]"  # x_min, y_min, x_max, y_max
    first: int


def check(submission: Path, public: Path) -> None:
    """Check a submission against the sample, as tasks.graders.OwnGrader.check."""
    _read(submission, read_ours(public / "sample_submission.csv", FORMAT))


def score(submission: Path, public: Path, private: Path) -> float:
    """Mean average precision over the classes of the answers."""
    answers = read_ours(private / "gold_submission.csv", FORMAT)
    true, found = _boxes(answers, first_row=0), _read(submission, answers)
    classes = sorted({int(number) for boxes in true for number in boxes.classes})
    return float(np.mean([_average_precision(true, found, number) for number in classes]))


def _read(submission: Path, ours: pd.DataFrame) -> list[Boxes]:
    """The objects of a submission, in the order of `ours`."""
    table = read_submission(submission, FORMAT, rows=len(ours))
    aligned = align(table.assign(row=range(len(table))), ours, FORMAT)
    return _boxes(aligned, first_row=int(aligned["row"].argmin()))


def _boxes(table: pd.DataFrame, *, first_row: int) -> list[Boxes]:
    """The objects of each image; the first of `first_row` has the number 0.

    Raises:
        SubmissionInvalid: a cell does not list objects.
    """
    images = []
    for row, (image, text) in enumerate(zip(table[ID], table[PREDICTION], strict=True)):
        try:
            _, numbers = parse_objects(text, size=6, single_blanks=True)
            if not len(numbers):
                raise SubmissionInvalid("lists no object; for a normal image write '14 1 0 0 1 1'")
            if (numbers[:, 0] % 1 != 0).any():
                raise SubmissionInvalid("holds a class that is no whole number")
        except SubmissionInvalid as error:
            raise SubmissionInvalid(f"{PREDICTION} of {image}: {error}") from error
        images.append(Boxes(numbers[:, 0], numbers[:, 1], numbers[:, 2:], 0 if row == first_row else -1))
    return images


def _average_precision(true: list[Boxes], found: list[Boxes], number: int) -> float:
    """Precision at 101 recalls, where precision is that of the best point from there on."""
    judged = [_judged(boxes, guesses, number) for boxes, guesses in zip(true, found, strict=True)]
    scores, rights, wrongs = (np.concatenate(parts) for parts in zip(*judged, strict=True))
    order = np.argsort(-scores, kind="stable")
    right, wrong = np.cumsum(rights[order]), np.cumsum(wrongs[order])
    recall = right / sum(int((boxes.classes == number).sum()) for boxes in true)
    precision = np.maximum.accumulate((right / np.maximum(right + wrong, 1))[::-1])[::-1]
    places = np.searchsorted(recall, RECALLS, side="left")
    return float(np.append(precision, 0.0)[places].mean())


def _judged(
    true: Boxes, found: Boxes, number: int
) -> "tuple[NDArray[np.float64], NDArray[np.bool_], NDArray[np.bool_]]":
    """Scores of an image's boxes of a class, best first, and which are right and which wrong; some are neither."""
    chosen = np.flatnonzero(found.classes == number)
    chosen = chosen[np.argsort(-found.scores[chosen], kind="stable")][:MOST_BOXES]
    corners = found.corners[chosen]
    right = np.zeros(len(chosen), dtype=bool)
    target = np.flatnonzero(true.classes == number)  # one or none
    if len(target):
        for place in np.flatnonzero(_overlaps(corners, true.corners[target[0]]) >= LEAST_OVERLAP):
            right[place] = target[0] != true.first
            if chosen[place] != found.first:  # else the target stays free
                break
    areas = (corners[:, 2] - corners[:, 0]) * (corners[:, 3] - corners[:, 1])
    return found.scores[chosen], right, ~right & (areas >= 0) & (areas <= LARGEST_AREA)


def _overlaps(boxes: "NDArray[np.float64]", box: "NDArray[np.float64]") -> "NDArray[np.float64]":
    """Intersection over union of rectangles x, y, width, height."""
    starts, ends = np.maximum(boxes[:, :2], box[:2]), np.minimum(boxes[:, :2] + boxes[:, 2:], box[:2] + box[2:])
    sides = (ends - starts).clip(0)
    shared = sides.prod(axis=1)
    union = boxes[:, 2:].prod(axis=1) + box[2:].prod() - shared
    overlaps = np.zeros(len(boxes))
    np.divide(shared, union, out=overlaps, where=shared > 0)
    return overlaps
