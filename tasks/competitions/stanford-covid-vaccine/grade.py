"""How far the predicted degradation is from the measured one."""

import numpy as np
import pandas as pd

SCORED = ["reactivity", "deg_Mg_pH10", "deg_Mg_50C"]


def grade(prediction: pd.DataFrame, answers: pd.DataFrame) -> float:
    """Mean of the root mean squared errors of the three scored columns over the bases that were measured."""
    kept = answers["keep"] == 1
    errors = prediction.loc[kept, SCORED] - answers.loc[kept, SCORED]
    return float(np.sqrt((errors**2).mean()).mean())
