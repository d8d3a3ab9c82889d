"""The metrics, by name. A metric takes aligned truth and prediction, the format's columns alone, and gives a number.

To add one: write a function and name it in `METRICS`. A metric raises SubmissionInvalid where it is not defined for a
prediction that the format allows; whatever else it raises is the grader's failure.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from core.errors import GraderFailed, SubmissionInvalid

if TYPE_CHECKING:
    import pandas as pd

DECIMALS = 5  # of a published score
EPSILON = 2.0**-52  # float64's machine epsilon, scikit-learn's clip of probabilities


@dataclass(frozen=True, kw_only=True)
class Metric:
    """A metric.

    Attributes:
        function: takes (truth, prediction), two tables with the same columns and rows in the same order.
    """

    name: str
    function: Callable[["pd.DataFrame", "pd.DataFrame"], float]
    lower_is_better: bool


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


def roc_auc(truth: "pd.DataFrame", prediction: "pd.DataFrame") -> float:
    """Area under the ROC curve of one binary column.

    The probability that a positive gets a higher value than a negative, ties counted half (Hanley and McNeil 1982,
    doi:10.1148/radiology.143.1.7063747).

    Raises:
        ValueError: the truth is not one column of zeros and ones with both of them in it.
    """
    from sklearn.metrics import roc_auc_score

    _check_shape(truth, prediction, columns=1)
    classes = set(truth.iloc[:, 0].unique())
    if classes != {0, 1}:
        raise ValueError(f"the truth of an AUC holds both 0 and 1 and nothing else, not {sorted(classes)[:5]}")
    return float(roc_auc_score(truth.iloc[:, 0], prediction.iloc[:, 0]))


def rmsle(truth: "pd.DataFrame", prediction: "pd.DataFrame") -> float:
    """Root mean squared logarithmic error: sqrt(mean((ln(1 + truth) - ln(1 + prediction))^2)).

    As scikit-learn's root_mean_squared_log_error.

    Raises:
        SubmissionInvalid: a prediction is -1 or less.
        ValueError: a truth is.
    """
    import numpy as np

    _check_shape(truth, prediction, columns=1)
    true, predicted = truth.iloc[:, 0].to_numpy(), prediction.iloc[:, 0].to_numpy()
    if predicted.min() <= -1:
        name = prediction.columns[0]
        raise SubmissionInvalid(f"column {name!r} holds {predicted.min():.6g}; the metric needs more than -1")
    if true.min() <= -1:
        raise ValueError("the truth of an RMSLE is greater than -1")
    return float(np.sqrt(np.mean((np.log1p(true) - np.log1p(predicted)) ** 2)))


def log_loss(truth: "pd.DataFrame", prediction: "pd.DataFrame") -> float:
    """Multi-class log loss: the mean over rows of -ln(probability of the true class).

    The truth is one-hot, a column for each class. Probabilities are clipped to [2^-52, 1 - 2^-52] and not rescaled,
    as in scikit-learn's log_loss for rows that sum to one.

    Raises:
        ValueError: the truth is not one-hot.
    """
    import numpy as np

    _check_shape(truth, prediction)
    true = truth.to_numpy(dtype=float)
    if not (np.isin(true, (0, 1)).all() and (true.sum(axis=1) == 1).all()):
        raise ValueError("the truth of a log loss is one-hot")
    clipped = np.clip(prediction.to_numpy(dtype=float), EPSILON, 1 - EPSILON)
    return float(-np.log(clipped[true == 1]).mean())


def accuracy(truth: "pd.DataFrame", prediction: "pd.DataFrame") -> float:
    """Share of rows whose label is the true one, compared as they are. As scikit-learn's accuracy_score."""
    _check_shape(truth, prediction, columns=1)
    return float((truth.iloc[:, 0].to_numpy() == prediction.iloc[:, 0].to_numpy()).mean())


def _check_shape(truth: "pd.DataFrame", prediction: "pd.DataFrame", *, columns: int | None = None) -> None:
    """Check what `align` and the competition's format promise.

    Raises:
        ValueError: they are not aligned, or empty.
    """
    if list(truth.columns) != list(prediction.columns) or len(truth) != len(prediction) or truth.empty:
        raise ValueError(f"truth {truth.shape} and prediction {prediction.shape} do not have the same columns and rows")
    if columns is not None and truth.shape[1] != columns:
        raise ValueError(f"expected {columns} column, not {list(truth.columns)[:5]}")


METRICS: dict[str, Metric] = {
    metric.name: metric
    for metric in (
        Metric(name="accuracy", function=accuracy, lower_is_better=False),
        Metric(name="log_loss", function=log_loss, lower_is_better=True),
        Metric(name="rmsle", function=rmsle, lower_is_better=True),
        Metric(name="roc_auc", function=roc_auc, lower_is_better=False),
    )
}
