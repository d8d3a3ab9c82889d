"""How far the predicted positions are from the true ones."""

import numpy as np
import pandas as pd

EARTH_RADIUS = 6_371_000.0  # m
QUANTILES = np.array([0.5, 0.95])


def grade(prediction: pd.DataFrame, answers: pd.DataFrame) -> float:
    """Mean over trips of the mean of median and 95th percentile of the distances, in metres."""
    distances = pd.Series(_distances(prediction, answers), index=answers.index)
    return float(distances.groupby(answers["tripId"]).quantile(QUANTILES).mean())  # two of each trip


def _distances(first: pd.DataFrame, second: pd.DataFrame) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """Distances on a sphere in metres, by the haversine formula."""
    (latitude1, longitude1), (latitude2, longitude2) = (
        np.radians(points[["LatitudeDegrees", "LongitudeDegrees"]].to_numpy()).T for points in (first, second)
    )
    across = np.sin((longitude2 - longitude1) / 2) ** 2
    chord = np.sin((latitude2 - latitude1) / 2) ** 2 + np.cos(latitude1) * np.cos(latitude2) * across
    # Rounding may take the chord out of 0..1 by a hair.
    distances: np.ndarray[tuple[int], np.dtype[np.float64]] = 2 * EARTH_RADIUS * np.arcsin(np.sqrt(chord.clip(0, 1)))
    return distances
