"""Mean absolute error, rounded to a whole number: halves to the even one."""

import pandas as pd

from grading.metrics.numbers import mae


def grade(prediction: pd.DataFrame, answers: pd.DataFrame) -> float:
    return round(mae(answers[["time_to_eruption"]], prediction[["time_to_eruption"]]))
