"""How far the predicted pressures are from the measured ones while air flows in."""

import pandas as pd

from grading.metrics.numbers import mae


def grade(prediction: pd.DataFrame, answers: pd.DataFrame) -> float:
    """Mean absolute error over the rows whose expiratory valve is closed."""
    scored = answers["u_out"] == 0
    return mae(answers.loc[scored, ["pressure"]], prediction.loc[scored, ["pressure"]])
