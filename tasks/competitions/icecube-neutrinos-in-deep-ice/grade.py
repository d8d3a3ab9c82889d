"""Mean angle between the true and the predicted direction."""

import numpy as np
import pandas as pd


def grade(prediction: pd.DataFrame, answers: pd.DataFrame) -> float:
    azimuth, zenith = answers["azimuth"].to_numpy(), answers["zenith"].to_numpy()
    guessed_azimuth, guessed_zenith = prediction["azimuth"].to_numpy(), prediction["zenith"].to_numpy()
    # The dot product of the two unit vectors.
    across = np.cos(azimuth) * np.cos(guessed_azimuth) + np.sin(azimuth) * np.sin(guessed_azimuth)
    cosine = np.sin(zenith) * np.sin(guessed_zenith) * across + np.cos(zenith) * np.cos(guessed_zenith)
    return float(np.arccos(np.clip(cosine, -1, 1)).mean())
