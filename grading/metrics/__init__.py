"""The metrics, by name. A metric takes aligned truth and prediction, the format's columns alone, and gives a number.

To add one: write a function and name it in `METRICS`. A metric raises SubmissionInvalid where it is not defined for a
prediction that the format allows; whatever else it raises is the grader's failure.
"""

import math
from typing import TYPE_CHECKING

from core.errors import GraderFailed, SubmissionInvalid
from grading.metrics.labels import accuracy, error_rate, macro_f1, matthews_correlation, quadratic_weighted_kappa
from grading.metrics.metric import EPSILON, Metric
from grading.metrics.numbers import (
    mae,
    mean_column_rmse,
    mean_column_rmsle,
    mean_column_spearman,
    pearson_correlation,
    rmse,
    rmsle,
)
from grading.metrics.probabilities import binary_log_loss, log_loss, mean_column_roc_auc, roc_auc, weighted_roc_auc
from grading.metrics.words import map_at_5, map_at_12, mean_levenshtein, mean_word_jaccard, micro_f1_of_labels

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["DECIMALS", "EPSILON", "METRICS", "Metric", "score"]

DECIMALS = 5  # of a published score

HIGHER_IS_BETTER = (
    accuracy,
    macro_f1,
    map_at_5,
    map_at_12,
    matthews_correlation,
    mean_column_roc_auc,
    mean_column_spearman,
    mean_word_jaccard,
    micro_f1_of_labels,
    pearson_correlation,
    quadratic_weighted_kappa,
    roc_auc,
    weighted_roc_auc,
)
LOWER_IS_BETTER = (
    binary_log_loss,
    error_rate,
    log_loss,
    mae,
    mean_column_rmse,
    mean_column_rmsle,
    mean_levenshtein,
    rmse,
    rmsle,
)
METRICS: dict[str, Metric] = {
    function.__name__: Metric(name=function.__name__, function=function, lower_is_better=function in LOWER_IS_BETTER)
    for function in (*HIGHER_IS_BETTER, *LOWER_IS_BETTER)
}


def score(metric_name: str, truth: "pd.DataFrame", prediction: "pd.DataFrame") -> float:
    """Give the value of a metric, rounded to 5 decimals.

    Raises:
        SubmissionInvalid: the metric is not defined for what the submission holds.
        GraderFailed: the metric failed, gave no finite number, or there is none of that name.
    """
    try:
        value = float(METRICS[metric_name].function(truth, prediction))
    except SubmissionInvalid:
        raise
    except Exception as error:
        reason = " ".join(f"{type(error).__name__}: {error}".split())
        raise GraderFailed(f"metric {metric_name!r} failed: {reason}") from error
    if not math.isfinite(value):
        raise GraderFailed(f"metric {metric_name!r} gave {value}")
    return round(value, DECIMALS)
