"""How well organs are found on slices, and how far their borders are off in the whole body."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.ndimage import binary_erosion, distance_transform_edt
from scipy.spatial import KDTree

from core.errors import SubmissionInvalid
from grading.run_lengths import area, intersection, mask_of, parse_runs

DICE_WEIGHT = 0.4
LARGEST_EXCESS = 10  # a volume that is predicted larger than so many times the true one is as wrong as can be
# Looking up a voxel's neighbour costs some 10 µs, the distances of a whole volume 0.1 µs a voxel.
FEW = 0.01  # of a volume: so many voxels are looked up, for more the whole is computed


@dataclass(frozen=True, kw_only=True)
class Row:
    """An organ on a slice: the runs of its true and of its predicted mask."""

    slice: str
    height: int
    width: int
    true: NDArray[np.int64]
    guessed: NDArray[np.int64]


def grade(prediction: pd.DataFrame, answers: pd.DataFrame) -> float:
    """0.4 times the mean Dice coefficient of rows, plus 0.6 times 1 - the mean Hausdorff distance of volumes."""
    days: dict[str, list[Row]] = {}
    for name, height, width, true, guessed in zip(
        answers["id"],
        answers["image_height"],
        answers["image_width"],
        map(parse_runs, answers["predicted"]),
        map(parse_runs, prediction["predicted"]),
        strict=True,
    ):
        row = Row(slice=name, height=height, width=width, true=true, guessed=guessed)
        days.setdefault(name.partition("_slice_")[0], []).append(row)
    distances = [distance for rows in days.values() if (distance := _volume_distance(rows)) is not None]
    dice = _mean_dice([row for rows in days.values() for row in rows])
    return DICE_WEIGHT * dice + (1 - DICE_WEIGHT) * (1 - sum(distances) / len(distances))


def validate(prediction: pd.DataFrame) -> None:
    """Check that every mask is a run-length encoding.

    Raises:
        SubmissionInvalid: one is not.
    """
    for name, organ, text in zip(prediction["id"], prediction["class"], prediction["predicted"], strict=True):
        try:
            parse_runs(text)
        except SubmissionInvalid as error:
            raise SubmissionInvalid(f"predicted of {name}, {organ}: {error}") from error


def _mean_dice(rows: list[Row]) -> float:
    """Mean of 2 |P and T| / (|P| + |T|) over the rows where either is not empty."""
    values = []
    for row in rows:
        pixels = row.height * row.width
        both = area(row.true, pixels) + area(row.guessed, pixels)
        if both:
            values.append(2 * intersection(row.true, row.guessed, pixels) / both)
    return sum(values) / len(values)


def _volume_distance(rows: list[Row]) -> float | None:
    """Distance from 0 to 1 of the true and the predicted volume of a day, None where both are empty."""
    true, guessed = _volumes(rows)
    if not (true.any() or guessed.any()):
        return None
    if np.array_equal(true, guessed):
        return 0.0
    if not true.any() or not guessed.any() or guessed.sum() > LARGEST_EXCESS * true.sum():
        return 1.0
    return max(_directed_distance(true, guessed), _directed_distance(guessed, true)) / float(np.sqrt(3))


def _volumes(rows: list[Row]) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """All organs of a day on all of its slices, in the order of their names: the true ones and the predicted ones."""
    places = {name: place for place, name in enumerate(sorted({row.slice for row in rows}))}
    shape = (len(places), rows[0].height, rows[0].width)
    true, guessed = np.zeros(shape, dtype=bool), np.zeros(shape, dtype=bool)
    for row in rows:
        if (row.height, row.width) != shape[1:]:
            raise ValueError(f"{row.slice} differs in size from the other slices of the day")
        for volume, runs in ((true, row.true), (guessed, row.guessed)):
            if len(runs):
                volume[places[row.slice]] |= mask_of(runs, height=row.height, width=row.width)
    return true, guessed


def _directed_distance(first: NDArray[np.bool_], second: NDArray[np.bool_]) -> float:
    """The largest distance of a voxel of `first` to the nearest of `second`, in units of the volume's sides."""
    outside = first & ~second
    if not outside.any():
        return 0.0
    if outside.mean() > FEW:
        return float(distance_transform_edt(~second, sampling=1 / np.array(first.shape))[outside].max())
    # The nearest voxel is on the surface of `second`: from within it, a step towards the voxel outside leads closer.
    surface = second & ~binary_erosion(second)
    distances, _ = KDTree(_coordinates(surface, first.shape)).query(_coordinates(outside, first.shape))
    return float(distances.max())


def _coordinates(volume: NDArray[np.bool_], shape: Sequence[int]) -> NDArray[np.float64]:
    coordinates: NDArray[np.float64] = np.argwhere(volume) / np.array(shape)
    return coordinates
