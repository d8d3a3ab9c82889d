"""How well classes are told and boxes found in studies and images."""

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pandas as pd
from sklearn.metrics import average_precision_score

from core.errors import SubmissionInvalid
from grading.detections import parse_objects

if TYPE_CHECKING:
    from numpy.typing import NDArray

LEAST_OVERLAP = 0.5  # to be exceeded


class Objects(NamedTuple):
    """What is in one row: labels, and rows of confidence, xmin, ymin, xmax, ymax."""

    labels: "NDArray[np.object_]"
    numbers: "NDArray[np.float64]"


def grade(prediction: pd.DataFrame, answers: pd.DataFrame) -> float:
    """Mean over the classes that occur of the average precision at an intersection over union above 0.5."""
    rows = list(zip(_objects(answers), _objects(prediction), strict=True))
    classes = sorted({str(label) for true, _ in rows for label in true.labels})
    return float(np.mean([_average_precision(rows, label) for label in classes]))


def validate(prediction: pd.DataFrame) -> None:
    """Check that every cell lists objects.

    Raises:
        SubmissionInvalid: one does not.
    """
    _objects(prediction)


def _objects(table: pd.DataFrame) -> list[Objects]:
    rows = []
    for name, text in zip(table["id"], table["PredictionString"], strict=True):
        try:
            rows.append(Objects(*parse_objects(text, size=6, label=0)))
        except SubmissionInvalid as error:
            raise SubmissionInvalid(f"PredictionString of {name}: {error}") from error
    return rows


def _average_precision(rows: list[tuple[Objects, Objects]], label: str) -> float:
    pairs = []
    for true, guessed in rows:
        boxes, found = true.numbers[true.labels == label, 1:], guessed.numbers[guessed.labels == label]
        # A row with nothing of the class counts as one negative with confidence 0.
        pairs += _pairs(boxes, found[np.argsort(-found[:, 0], kind="stable")]) or [(0, 0.0)]
    truths, confidences = zip(*pairs, strict=True)
    return float(average_precision_score(truths, confidences))


def _pairs(boxes: "NDArray[np.float64]", found: "NDArray[np.float64]") -> list[tuple[int, float]]:
    """Whether each found object is right, with its confidence; and what is missed, with confidence 0."""
    free = np.ones(len(boxes), dtype=bool)
    pairs = []
    for confidence, *corners in found:
        overlaps = np.where(free, _overlaps(boxes, np.array(corners)), 0)
        right = bool((overlaps > LEAST_OVERLAP).any())
        if right:
            free[overlaps.argmax()] = False
        pairs.append((int(right), confidence))
    return pairs + [(1, 0.0)] * int(free.sum())


def _overlaps(boxes: "NDArray[np.float64]", box: "NDArray[np.float64]") -> "NDArray[np.float64]":
    """Intersection over union of each of `boxes` with `box`; 0 where there is no area."""
    sides = np.minimum(boxes[:, 2:], box[2:]) - np.maximum(boxes[:, :2], box[:2])
    shared = sides.clip(0).prod(axis=1)
    union = (boxes[:, 2:] - boxes[:, :2]).prod(axis=1) + (box[2:] - box[:2]).prod() - shared
    overlaps = np.zeros(len(boxes))
    np.divide(shared, union, out=overlaps, where=shared > 0)
    return overlaps
