"""Metrics of labels: one label a row, compared as it is."""

from typing import TYPE_CHECKING

from core.errors import SubmissionInvalid
from grading.metrics.metric import check_shape

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    from numpy.typing import NDArray


def accuracy(truth: "pd.DataFrame", prediction: "pd.DataFrame") -> float:
    """Share of rows whose label is the true one, compared as they are. As scikit-learn's accuracy_score.

    The micro-averaged F1 of one label a row is the same number.
    """
    check_shape(truth, prediction, columns=1)
    return float((truth.iloc[:, 0].to_numpy() == prediction.iloc[:, 0].to_numpy()).mean())


def error_rate(truth: "pd.DataFrame", prediction: "pd.DataFrame") -> float:
    """Share of rows whose label is not the true one: 1 - accuracy."""
    return 1 - accuracy(truth, prediction)


def macro_f1(truth: "pd.DataFrame", prediction: "pd.DataFrame") -> float:
    """Mean of the labels' F1 = 2 TP / (2 TP + FP + FN), over all labels in truth or prediction.

    As scikit-learn's f1_score(average="macro"): a label without a hit counts 0, so predicting one that is never
    true lowers the mean.
    """
    import numpy as np

    check_shape(truth, prediction, columns=1)
    true, predicted, labels = _positions(truth, prediction)
    hits = np.bincount(true[true == predicted], minlength=labels)
    occurrences = np.bincount(true, minlength=labels) + np.bincount(predicted, minlength=labels)
    return float((2 * hits / occurrences).mean())


def quadratic_weighted_kappa(truth: "pd.DataFrame", prediction: "pd.DataFrame") -> float:
    """Cohen's kappa with quadratic weights: 1 - sum((t - p)^2) / (the same expected by chance).

    t and p are the positions of the labels in the sorted list of those that occur in truth or prediction, not the
    labels themselves: as scikit-learn's cohen_kappa_score(weights="quadratic") (Cohen 1968, doi:10.1037/h0026256).

    Raises:
        SubmissionInvalid: there is one label in truth and prediction together.
    """
    check_shape(truth, prediction, columns=1)
    whole = _positions(truth, prediction)
    true, predicted = whole[0].astype(float), whole[1].astype(float)
    by_chance = (true**2).mean() + (predicted**2).mean() - 2 * true.mean() * predicted.mean()
    if by_chance == 0:
        raise SubmissionInvalid("every prediction is the same label, for which the metric is not defined here")
    return float(1 - ((true - predicted) ** 2).mean() / by_chance)


def matthews_correlation(truth: "pd.DataFrame", prediction: "pd.DataFrame") -> float:
    """Matthews' correlation coefficient, for any number of labels.

    (n c - sum t_k p_k) / sqrt((n^2 - sum p_k^2) (n^2 - sum t_k^2)) with n rows, c of them right, t_k of them with
    true label k and p_k with predicted label k (Gorodkin 2004, doi:10.1016/j.compbiolchem.2004.09.006); 0 where the
    denominator is 0. As scikit-learn's matthews_corrcoef.
    """
    import numpy as np

    check_shape(truth, prediction, columns=1)
    true, predicted, labels = _positions(truth, prediction)
    rows, right = float(len(true)), float((true == predicted).sum())
    t, p = np.bincount(true, minlength=labels) / rows, np.bincount(predicted, minlength=labels) / rows
    spread = (1 - (p**2).sum()) * (1 - (t**2).sum())
    if max(t.max(), p.max()) == 1:
        return 0.0
    return float((right / rows - (t * p).sum()) / np.sqrt(spread))


def _positions(truth: "pd.DataFrame", prediction: "pd.DataFrame") -> "tuple[NDArray[np.intp], NDArray[np.intp], int]":
    """Positions of the true and of the predicted labels in the sorted list of both, and its length."""
    import numpy as np

    both = np.concatenate([truth.iloc[:, 0].to_numpy(), prediction.iloc[:, 0].to_numpy()])
    labels, positions = np.unique(both, return_inverse=True)
    return positions[: len(truth)], positions[len(truth) :], len(labels)
