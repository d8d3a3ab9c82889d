"""Label-weighted label-ranking average precision: how high the true labels of a clip are ranked among all."""

import pandas as pd
from sklearn.metrics import label_ranking_average_precision_score


def grade(prediction: pd.DataFrame, answers: pd.DataFrame) -> float:
    """The mean over all true labels of the precision of the ranking down to that label; ties take the worst rank.

    A clip without labels does not count. From 1 / 80 to 1.
    """
    scores, truth = prediction.drop(columns="fname"), answers.drop(columns="fname")
    labels = truth.sum(axis="columns")
    return float(label_ranking_average_precision_score(truth, scores, sample_weight=labels))
