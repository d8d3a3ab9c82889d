"""Mean over the types of coupling of the logarithm of the mean absolute error."""

import numpy as np
import pandas as pd

TARGET, TYPE = "scalar_coupling_constant", "type"
LEAST_ERROR = 1e-9  # Kaggle's floor: without it, one type without any error would make the score infinite


def grade(prediction: pd.DataFrame, answers: pd.DataFrame) -> float:
    """Give 1/T * sum over the T types of ln(max(MAE of the type, 1e-9))."""
    errors = (prediction[TARGET] - answers[TARGET]).abs().groupby(answers[TYPE]).mean()
    return float(np.log(errors.clip(lower=LEAST_ERROR)).mean())
