"""Log loss of eight labels a study, weighted: a positive twice as much, the patient's label as much as a spine."""

import numpy as np
import pandas as pd

CLIP = 1e-15
OVERALL_WEIGHT = 7  # a vertebra has 1


def grade(prediction: pd.DataFrame, answers: pd.DataFrame) -> float:
    """Mean over studies of sum(w l) / sum(w), with l the log loss of a label and w its weight."""
    p = np.clip(prediction["fractured"].to_numpy(), CLIP, 1 - CLIP)
    y = answers["fractured"].to_numpy()
    losses = -(y * np.log(p) + (1 - y) * np.log(1 - p))
    weights = np.where(answers["prediction_type"] == "patient_overall", OVERALL_WEIGHT, 1) * (1 + y)
    studies, _ = pd.factorize(answers["StudyInstanceUID"])
    return float((np.bincount(studies, weights * losses) / np.bincount(studies, weights)).mean())
