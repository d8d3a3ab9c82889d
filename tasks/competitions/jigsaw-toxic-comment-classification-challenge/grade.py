"""Mean of the six areas under ROC curves, over the rows that Kaggle scored."""

import pandas as pd

from grading.metrics.probabilities import mean_column_roc_auc


def grade(prediction: pd.DataFrame, answers: pd.DataFrame) -> float:
    """Give the mean of the columns' AUC. Rows of answers that are -1 in all columns are not scored."""
    labels = answers.columns.drop("id")
    scored = answers[labels].sum(axis=1) >= 0
    return mean_column_roc_auc(answers.loc[scored, labels], prediction.loc[scored, labels])
