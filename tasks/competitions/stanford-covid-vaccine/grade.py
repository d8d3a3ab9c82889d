"""How far the predicted degradation is from the measured one."""

import pandas as pd

from grading.metrics.numbers import mean_column_rmse

SCORED = ["reactivity", "deg_Mg_pH10", "deg_Mg_50C"]


def grade(prediction: pd.DataFrame, answers: pd.DataFrame) -> float:
    """Mean of the root mean squared errors of the three scored columns over the bases that were measured."""
    kept = answers["keep"] == 1
    return mean_column_rmse(answers.loc[kept, SCORED], prediction.loc[kept, SCORED])
