"""Mean Kullback-Leibler divergence of predicted probabilities from the shares of votes."""

import numpy as np
import pandas as pd

VOTES = ["seizure_vote", "lpd_vote", "gpd_vote", "lrda_vote", "grda_vote", "other_vote"]
CLIP = 1e-15


def grade(prediction: pd.DataFrame, answers: pd.DataFrame) -> float:
    """Mean over rows of sum(p ln(p / q)), p the share of votes and q the prediction; 0 where p is 0."""
    votes = answers[VOTES].to_numpy(dtype=float)
    p = votes / votes.sum(axis=1, keepdims=True)
    q = np.clip(prediction[VOTES].to_numpy(dtype=float), CLIP, 1 - CLIP)
    divergences = p * np.log(np.where(p == 0, 1, p / q))
    return float(divergences.sum(axis=1).mean())
