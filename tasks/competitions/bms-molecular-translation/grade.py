"""Mean Levenshtein distance, where a missing text counts as `nan`, as in the reference."""

import pandas as pd

from grading.metrics.words import mean_levenshtein


def grade(prediction: pd.DataFrame, answers: pd.DataFrame) -> float:
    return mean_levenshtein(answers[["InChI"]], prediction[["InChI"]].replace("", "nan"))
