"""F1 of characters: a predicted point is right inside a true box of the same character that has no point yet."""

from collections import defaultdict

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from core.errors import SubmissionInvalid
from grading.csv_file import shown

Points = dict[str, NDArray[np.float64]]  # of each character: a row of x, y for each point, in the order given


def validate(prediction: pd.DataFrame) -> None:
    for page, cell in zip(prediction["image_id"], prediction["labels"], strict=True):
        try:
            _points(cell)
        except ValueError as error:
            raise SubmissionInvalid(f"column 'labels' {error} for image_id {shown(page)}") from error


def grade(prediction: pd.DataFrame, answers: pd.DataFrame) -> float:
    hits = true = predicted = 0
    for boxes, cell in zip(answers["labels"], prediction["labels"], strict=True):
        points = _points(cell)
        hits += _hits(boxes.split(), points)
        true += len(boxes.split()) // 5
        predicted += sum(map(len, points.values()))
    return 2 * hits / (true + predicted)


def _points(cell: str) -> Points:
    """Read a cell.

    Raises:
        ValueError: it is not made of codepoint, x, y between single blanks; says so.
    """
    tokens = cell.split(" ") if cell else []
    if len(tokens) % 3:
        raise ValueError(f"has {len(tokens)} parts between single blanks, expected triples of codepoint, x, y")
    found: defaultdict[str, list[tuple[float, float]]] = defaultdict(list)
    for code, x, y in zip(tokens[::3], tokens[1::3], tokens[2::3], strict=True):
        found[code].append((_number(x), _number(y)))
    return {code: np.array(points) for code, points in found.items()}


def _number(token: str) -> float:
    try:
        return float(token)
    except ValueError as error:
        raise ValueError(f"holds {shown(token)}, expected a coordinate,") from error


def _hits(boxes: list[str], points: Points) -> int:
    """How many boxes have a point, where each takes the first that is left. Points on the edge are outside."""
    left = {code: np.full(len(entries), True) for code, entries in points.items()}
    hits = 0
    for code, *box in zip(*(boxes[place::5] for place in range(5)), strict=True):
        if code in points:
            corner, size = np.array(box[:2], dtype=float), np.array(box[2:], dtype=float)
            inside = left[code] & ((points[code] > corner) & (points[code] < corner + size)).all(axis=1)
            if inside.any():
                left[code][inside.argmax()] = False
                hits += 1
    return hits
