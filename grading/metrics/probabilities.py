"""Metrics of probabilities: log losses, and areas under ROC curves, for which any number that ranks will do."""

from typing import TYPE_CHECKING

from grading.metrics.metric import EPSILON, check_shape

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    from numpy.typing import NDArray

WEIGHTED_AUC_STEPS = ((0.0, 0.4, 2.0), (0.4, 1.0, 1.0))  # (true positive rate from, to, weight)


def roc_auc(truth: "pd.DataFrame", prediction: "pd.DataFrame") -> float:
    """Area under the ROC curve of one binary column.

    The probability that a positive gets a higher value than a negative, ties counted half (Hanley and McNeil 1982,
    doi:10.1148/radiology.143.1.7063747).

    Raises:
        ValueError: the truth is not one column of zeros and ones with both of them in it.
    """
    from sklearn.metrics import roc_auc_score

    check_shape(truth, prediction, columns=1)
    _check_binary(truth)
    return float(roc_auc_score(truth.iloc[:, 0], prediction.iloc[:, 0]))


def mean_column_roc_auc(truth: "pd.DataFrame", prediction: "pd.DataFrame") -> float:
    """Mean of the columns' areas under the ROC curve, each as in `roc_auc`.

    Raises:
        ValueError: a column of the truth is not of zeros and ones with both of them in it.
    """
    check_shape(truth, prediction)
    return sum(roc_auc(truth[[name]], prediction[[name]]) for name in truth.columns) / truth.shape[1]


def weighted_roc_auc(truth: "pd.DataFrame", prediction: "pd.DataFrame") -> float:
    """Area under the ROC curve of one binary column, where the part below a true positive rate of 0.4 counts double.

    (2 A1 + A2) / 1.4: A1 is the area under min(TPR, 0.4), A2 the one between 0.4 and TPR, both over the false
    positive rate from 0 to 1 (the metric of the Kaggle competition ALASKA2). 0.4 / 1.4 at worst, 1 at best.

    Raises:
        ValueError: the truth is not one column of zeros and ones with both of them in it.
    """
    import numpy as np
    from sklearn.metrics import auc, roc_curve

    check_shape(truth, prediction, columns=1)
    _check_binary(truth)
    false_rate, true_rate, _ = roc_curve(truth.iloc[:, 0], prediction.iloc[:, 0])
    area = 0.0
    for low, high, weight in WEIGHTED_AUC_STEPS:
        # The curve between the two rates; where it has reached the upper one, it goes on straight to the right.
        inside = (low <= true_rate) & (true_rate < high)
        entered, left = _crossing(false_rate, true_rate, low), _crossing(false_rate, true_rate, high)
        x = np.concatenate([[entered], false_rate[inside], [left, 1.0]])
        y = np.concatenate([[low], true_rate[inside], [high, high]])
        area += weight * float(auc(x, y - low))
    return area / sum(weight * (high - low) for low, high, weight in WEIGHTED_AUC_STEPS)


def _crossing(false_rate: "NDArray[np.float64]", true_rate: "NDArray[np.float64]", level: float) -> float:
    """The false positive rate where a curve first reaches a true positive rate, straight between its points."""
    index = int((true_rate >= level).argmax())
    if true_rate[index] == level:
        return float(false_rate[index])
    share = (level - true_rate[index - 1]) / (true_rate[index] - true_rate[index - 1])
    return float(false_rate[index - 1] + share * (false_rate[index] - false_rate[index - 1]))


def log_loss(truth: "pd.DataFrame", prediction: "pd.DataFrame") -> float:
    """Multi-class log loss: the mean over rows of -ln(probability of the true class).

    The truth is one-hot, a column for each class. Probabilities are clipped to [2^-52, 1 - 2^-52] and not rescaled,
    as in scikit-learn's log_loss for rows that sum to one.

    Raises:
        ValueError: the truth is not one-hot.
    """
    import numpy as np

    check_shape(truth, prediction)
    true = truth.to_numpy(dtype=float)
    if not (np.isin(true, (0, 1)).all() and (true.sum(axis=1) == 1).all()):
        raise ValueError("the truth of a log loss is one-hot")
    clipped = np.clip(prediction.to_numpy(dtype=float), EPSILON, 1 - EPSILON)
    return float(-np.log(clipped[true == 1]).mean())


def binary_log_loss(truth: "pd.DataFrame", prediction: "pd.DataFrame") -> float:
    """Log loss of one binary column: the mean over rows of -ln(p) where the truth is 1 and of -ln(1 - p) where it is 0.

    Both p and 1 - p are clipped to [2^-52, 1 - 2^-52], as in scikit-learn's log_loss.

    Raises:
        ValueError: the truth holds anything but zeros and ones.
    """
    import numpy as np

    check_shape(truth, prediction, columns=1)
    true, predicted = truth.iloc[:, 0].to_numpy(), prediction.iloc[:, 0].to_numpy(dtype=float)
    if not np.isin(true, (0, 1)).all():
        raise ValueError("the truth of a binary log loss holds 0 and 1 and nothing else")
    likelihood = np.clip(np.where(true == 1, predicted, 1 - predicted), EPSILON, 1 - EPSILON)
    return float(-np.log(likelihood).mean())


def _check_binary(truth: "pd.DataFrame") -> None:
    classes = set(truth.iloc[:, 0].unique())
    if classes != {0, 1}:
        raise ValueError(f"the truth of an AUC holds both 0 and 1 and nothing else, not {sorted(classes)[:5]}")
