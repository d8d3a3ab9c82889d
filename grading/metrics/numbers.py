"""Metrics of numbers: errors and correlations."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from core.errors import SubmissionInvalid
from grading.metrics.metric import check_shape

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    from numpy.typing import NDArray


def rmse(truth: "pd.DataFrame", prediction: "pd.DataFrame") -> float:
    """Root mean squared error of one column: sqrt(mean((truth - prediction)^2)).

    Raises:
        SubmissionInvalid: a prediction is so large that its square is no number.
    """
    check_shape(truth, prediction, columns=1)
    return _rmse(truth, prediction)


def mean_column_rmse(truth: "pd.DataFrame", prediction: "pd.DataFrame") -> float:
    """Mean of the columns' root mean squared errors.

    Raises:
        SubmissionInvalid: a prediction is so large that its square is no number.
    """
    return _column_mean(_rmse, truth, prediction)


def mae(truth: "pd.DataFrame", prediction: "pd.DataFrame") -> float:
    """Mean absolute error of one column: mean(|truth - prediction|).

    Raises:
        SubmissionInvalid: predictions are so large that their sum is no number.
    """
    import numpy as np

    check_shape(truth, prediction, columns=1)
    with np.errstate(over="ignore"):
        return _finite(np.abs(_values(truth) - _values(prediction)).mean(), prediction)


def rmsle(truth: "pd.DataFrame", prediction: "pd.DataFrame") -> float:
    """Root mean squared logarithmic error of one column: sqrt(mean((ln(1 + truth) - ln(1 + prediction))^2)).

    As scikit-learn's root_mean_squared_log_error.

    Raises:
        SubmissionInvalid: a prediction is -1 or less.
        ValueError: a truth is.
    """
    check_shape(truth, prediction, columns=1)
    return _rmsle(truth, prediction)


def mean_column_rmsle(truth: "pd.DataFrame", prediction: "pd.DataFrame") -> float:
    """Mean of the columns' root mean squared logarithmic errors, each as in `rmsle`.

    Raises:
        SubmissionInvalid: a prediction is -1 or less.
        ValueError: a truth is.
    """
    return _column_mean(_rmsle, truth, prediction)


def pearson_correlation(truth: "pd.DataFrame", prediction: "pd.DataFrame") -> float:
    """Pearson's correlation coefficient of one column: cov(truth, prediction) / (sd(truth) sd(prediction)).

    As scipy's pearsonr.

    Raises:
        SubmissionInvalid: all predictions are the same, or nearly: there is no correlation.
        ValueError: all truths are.
    """
    check_shape(truth, prediction, columns=1)
    return _correlation(_values(truth), _values(prediction), str(prediction.columns[0]))


def mean_column_spearman(truth: "pd.DataFrame", prediction: "pd.DataFrame") -> float:
    """Mean of the columns' rank correlations: Pearson's coefficient of the ranks, ties sharing their mean rank.

    As scipy's spearmanr.

    Raises:
        SubmissionInvalid: all predictions of a column are the same: there is no correlation.
        ValueError: all truths of a column are.
    """

    def spearman(true: "pd.DataFrame", predicted: "pd.DataFrame") -> float:
        from scipy.stats import rankdata

        return _correlation(rankdata(_values(true)), rankdata(_values(predicted)), str(predicted.columns[0]))

    return _column_mean(spearman, truth, prediction)


def _column_mean(
    metric: Callable[["pd.DataFrame", "pd.DataFrame"], float], truth: "pd.DataFrame", prediction: "pd.DataFrame"
) -> float:
    check_shape(truth, prediction)
    return sum(metric(truth[[name]], prediction[[name]]) for name in truth.columns) / truth.shape[1]


def _rmse(truth: "pd.DataFrame", prediction: "pd.DataFrame") -> float:
    import numpy as np

    with np.errstate(over="ignore"):
        return _finite(np.sqrt(((_values(truth) - _values(prediction)) ** 2).mean()), prediction)


def _rmsle(truth: "pd.DataFrame", prediction: "pd.DataFrame") -> float:
    import numpy as np

    true, predicted = _values(truth), _values(prediction)
    if predicted.min() <= -1:
        name = prediction.columns[0]
        raise SubmissionInvalid(f"column {name!r} holds {predicted.min():.6g}; the metric needs more than -1")
    if true.min() <= -1:
        raise ValueError("the truth of an RMSLE is greater than -1")
    return float(np.sqrt(np.mean((np.log1p(true) - np.log1p(predicted)) ** 2)))


def _correlation(true: "NDArray[np.float64]", predicted: "NDArray[np.float64]", name: str) -> float:
    import numpy as np

    if np.ptp(true) == 0:
        raise ValueError("all truths are the same: there is no correlation")
    # Scaled first, so that no square leaves the range of numbers.
    true, predicted = true / np.abs(true).max(), predicted / (np.abs(predicted).max() or 1)
    true, predicted = true - true.mean(), predicted - predicted.mean()
    if np.abs(predicted).max() < np.finfo(float).eps:
        raise SubmissionInvalid(f"column {name!r} holds the same value in every row: there is no correlation")
    value = true @ predicted / (np.linalg.norm(true) * np.linalg.norm(predicted))
    return float(np.clip(value, -1, 1))


def _values(table: "pd.DataFrame") -> "NDArray[np.float64]":
    return table.iloc[:, 0].to_numpy(dtype=float)


def _finite(value: float, prediction: "pd.DataFrame") -> float:
    if not value < float("inf"):
        raise SubmissionInvalid(f"column {prediction.columns[0]!r} holds numbers too large for the metric")
    return float(value)
