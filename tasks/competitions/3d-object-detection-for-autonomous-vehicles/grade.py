"""How well boxes are found in 3-D: average precision by class and sample at ten least overlaps."""

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pandas as pd

from core.errors import SubmissionInvalid
from grading.detections import parse_objects

if TYPE_CHECKING:
    from numpy.typing import NDArray

LEAST_OVERLAPS = np.linspace(0.5, 0.95, 10)  # to be exceeded
CONFIDENCE, X, Y, Z, WIDTH, LENGTH, HEIGHT, YAW = range(8)
TOLERANCE = 1e-8  # of the product of two sides that are orthogonal, in square metres
CORNERS = np.array([1 + 1j, -1 + 1j, -1 - 1j, 1 - 1j])  # counter-clockwise, from the centre; length is the real part
BLOCK = 1024  # predicted boxes compared at once


class Objects(NamedTuple):
    """What is in one sample: classes, and rows of confidence, x, y, z, width, length, height, yaw."""

    classes: "NDArray[np.object_]"
    numbers: "NDArray[np.float64]"


def grade(prediction: pd.DataFrame, answers: pd.DataFrame) -> float:
    """Mean over samples and least overlaps of the mean average precision of the classes in the sample."""
    scores = [
        np.mean([_average_precisions(*_of_class(true, found, name)) for name in np.unique(true.classes)], axis=0)
        for true, found in zip(_objects(answers), _objects(prediction), strict=True)
    ]
    return float(np.mean(scores))


def validate(prediction: pd.DataFrame) -> None:
    """Check that every cell lists boxes.

    Raises:
        SubmissionInvalid: one does not, or a box has no size or corners too far away to be a rectangle's.
    """
    for name, found in zip(prediction["Id"], _objects(prediction), strict=True):
        if (found.numbers[:, [WIDTH, LENGTH, HEIGHT]] <= 0).any():
            raise SubmissionInvalid(f"PredictionString of {name}: width, length and height of a box must exceed 0")
        if not _rectangular(found.numbers).all():
            raise SubmissionInvalid(f"PredictionString of {name}: a box is too large or too far away to be computed")


def _objects(table: pd.DataFrame) -> list[Objects]:
    rows = []
    for name, text in zip(table["Id"], table["PredictionString"], strict=True):
        try:
            rows.append(Objects(*parse_objects(text, size=9, label=8, single_blanks=True)))
        except SubmissionInvalid as error:
            raise SubmissionInvalid(f"PredictionString of {name}: {error}") from error
    return rows


def _of_class(true: Objects, found: Objects, name: str) -> "tuple[NDArray[np.float64], NDArray[np.float64]]":
    """True boxes of a class, and those found, by falling confidence."""
    guesses = found.numbers[found.classes == name]
    return true.numbers[true.classes == name], guesses[np.argsort(-guesses[:, CONFIDENCE], kind="stable")]


def _average_precisions(boxes: "NDArray[np.float64]", found: "NDArray[np.float64]") -> "NDArray[np.float64]":
    """Average precision at each of the least overlaps, of boxes found in a sample, best first."""
    nearest = np.zeros(len(found), dtype=np.intp)
    overlap = np.zeros(len(found))
    for start in range(0, len(found), BLOCK):
        overlaps = _overlaps(found[start : start + BLOCK], boxes)
        nearest[start : start + BLOCK] = overlaps.argmax(axis=1)
        overlap[start : start + BLOCK] = overlaps.max(axis=1)
    return np.array([_average_precision(nearest, overlap > least, len(boxes)) for least in LEAST_OVERLAPS])


def _average_precision(nearest: "NDArray[np.intp]", near: "NDArray[np.bool_]", count: int) -> float:
    """Area below the best precision from each recall on; only the first that is near a true box is right."""
    right = np.zeros(len(nearest))
    places = np.flatnonzero(near)
    right[places[np.unique(nearest[places], return_index=True)[1]]] = 1
    hits = np.cumsum(right)
    precision = np.maximum.accumulate((hits / np.arange(1, len(hits) + 1))[::-1])[::-1]
    return float((precision * right).sum() / count)  # recall grows by 1 / count where one is right


def _overlaps(found: "NDArray[np.float64]", boxes: "NDArray[np.float64]") -> "NDArray[np.float64]":
    """Intersection over union of each of n boxes found and each of m true ones: n x m."""
    with np.errstate(over="ignore", under="ignore"):  # boxes a long way off are apart all the same
        first, second = found[:, None], boxes[None]
        tops = np.minimum(first[..., Z] + first[..., HEIGHT] / 2, second[..., Z] + second[..., HEIGHT] / 2)
        bottoms = np.maximum(first[..., Z] - first[..., HEIGHT] / 2, second[..., Z] - second[..., HEIGHT] / 2)
        distances = np.hypot(first[..., X] - second[..., X], first[..., Y] - second[..., Y])
        reach = (np.hypot(found[:, WIDTH], found[:, LENGTH])[:, None] + np.hypot(boxes[:, WIDTH], boxes[:, LENGTH])) / 2
        rows, columns = np.nonzero((distances < reach) & (tops > bottoms))
        shared = _shared_areas(found[rows], boxes[columns]) * (tops - bottoms)[rows, columns]
        volumes, volumes_found = (part[:, [WIDTH, LENGTH, HEIGHT]].prod(axis=1) for part in (boxes, found))
        overlaps = np.zeros(distances.shape)
        overlaps[rows, columns] = shared / (volumes_found[rows] + volumes[columns] - shared)
    return overlaps.clip(0, 1)


def _shared_areas(first: "NDArray[np.float64]", second: "NDArray[np.float64]") -> "NDArray[np.float64]":
    """Area that the k-th box of `first` and the k-th of `second` share on the ground.

    Green's theorem in the frame of `second`, there the rectangle |x| <= a, |y| <= b: the area is the integral of x, cut
    to -a ... a, over dy along the edges of `first`, as far as |y| <= b.
    """
    turn = np.exp(-1j * second[:, YAW])[:, None]
    corners = (_corners(first, first[:, X] - second[:, X], first[:, Y] - second[:, Y])) * turn
    x, y, ends = corners.real, corners.imag, np.roll(corners, -1, axis=1)
    a, b = second[:, [LENGTH]] / 2, second[:, [WIDTH]] / 2
    low, high = y.clip(-b, b), ends.imag.clip(-b, b)
    x_low, x_high = (x + _share(part - y, ends.imag - y) * (ends.real - x) for part in (low, high))
    left, right = x_low.clip(-a, a), x_high.clip(-a, a)
    enters, leaves = (_share(part - x_low, x_high - x_low) for part in (left, right))
    means = enters * left + (leaves - enters) * (left + right) / 2 + (1 - leaves) * right
    areas: NDArray[np.float64] = (means * (high - low)).sum(axis=1)
    return areas


def _share(part: "NDArray[np.float64]", whole: "NDArray[np.float64]") -> "NDArray[np.float64]":
    """How much of `whole` is `part`, cut to 0 ... 1."""
    shares = np.zeros(whole.shape)
    np.divide(part, whole, out=shares, where=whole != 0)
    return shares.clip(0, 1)


def _corners(
    boxes: "NDArray[np.float64]", x: "NDArray[np.float64]", y: "NDArray[np.float64]"
) -> "NDArray[np.complex128]":
    """Corners of n boxes on the ground around centres (x, y), as complex numbers: n x 4."""
    sides = boxes[:, [LENGTH]] / 2 * CORNERS.real + 1j * (boxes[:, [WIDTH]] / 2 * CORNERS.imag)
    corners: NDArray[np.complex128] = sides * np.exp(1j * boxes[:, [YAW]]) + (x + 1j * y)[:, None]
    return corners


def _rectangular(boxes: "NDArray[np.float64]") -> "NDArray[np.bool_]":
    """Whether the sides of each box are orthogonal at all of its corners, as far as they are computed."""
    with np.errstate(all="ignore"):
        corners = _corners(boxes, boxes[:, X], boxes[:, Y])
        sides = np.roll(corners, -1, axis=1) - corners
        products = (sides * np.roll(sides, 1, axis=1).conj()).real
    right: NDArray[np.bool_] = np.abs(products).max(axis=1) <= TOLERANCE
    return right
