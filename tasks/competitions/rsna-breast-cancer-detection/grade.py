"""Probabilistic F1: F1 with sums of probabilities in place of counts."""

import pandas as pd

from core.errors import SubmissionInvalid


def validate(prediction: pd.DataFrame) -> None:
    if (prediction["cancer"] < 0).all():
        raise SubmissionInvalid("column 'cancer' holds nothing but negative numbers, expected probabilities")


def grade(prediction: pd.DataFrame, answers: pd.DataFrame) -> float:
    """2 P R / (P + R) with P = TP / (TP + FP), R = TP / positives; 0 where P or R is 0 or undefined."""
    probability, is_cancer = prediction["cancer"].clip(0, 1), answers["cancer"] == 1
    hits, false_alarms = probability[is_cancer].sum(), probability[~is_cancer].sum()
    if hits == 0:
        return 0.0
    precision, recall = hits / (hits + false_alarms), hits / is_cancer.sum()
    return float(2 * precision * recall / (precision + recall))
