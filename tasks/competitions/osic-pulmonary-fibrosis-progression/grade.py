"""How likely the measured lung capacities are, given each prediction and its confidence."""

import numpy as np
import pandas as pd

LEAST_DEVIATION = 70.0  # ml
LARGEST_ERROR = 1000.0  # ml
SCORED_VISITS = 3  # the last ones of each patient


def grade(prediction: pd.DataFrame, answers: pd.DataFrame) -> float:
    """Mean of -sqrt(2) D / s - ln(sqrt(2) s) over the last three visits of each patient.

    s = max(Confidence, 70), D = min(|measured FVC - predicted FVC|, 1000): a Laplace log likelihood, at best -4.595.
    """
    visits = answers[answers["FVC"] != ""].sort_values("Weeks", kind="stable")
    scored = visits.groupby("Patient", sort=False).tail(SCORED_VISITS)
    rows = prediction.loc[scored.index]
    deviation = np.maximum(rows["Confidence"], LEAST_DEVIATION)
    error = np.minimum((scored["FVC"].astype("float64") - rows["FVC"]).abs(), LARGEST_ERROR)
    # Not ln(sqrt(2) s), which is infinite for the largest of numbers.
    return float((-np.sqrt(2) * error / deviation - np.log(2) / 2 - np.log(deviation)).mean())
