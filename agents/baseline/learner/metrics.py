"""Metrics, all turned so that higher is better, for choosing between candidates."""

import re
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sklearn import metrics as sk

from .question import Kind

Array = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class Metric:
    """A metric as it is used for choosing.

    `function` takes the truth (class numbers, or values) and the prediction (one column per class, or values).
    """

    name: str
    kind: Kind
    function: Callable[[Array, Array], float]
    log_target: bool = False  # learn log(1 + y), and compare there
    absolute: bool = False  # judged by absolute errors: learn the median


def _auc(truth: Array, prediction: Array) -> float:
    present = np.unique(truth).astype(int)
    if len(present) < 2:
        return 0.5
    if prediction.shape[1] == 2:
        return float(sk.roc_auc_score(truth, prediction[:, 1]))
    return float(np.mean([sk.roc_auc_score(truth == number, prediction[:, number]) for number in present]))


def _log_loss(truth: Array, prediction: Array) -> float:
    chosen = prediction[np.arange(len(truth)), truth.astype(int)] / prediction.sum(axis=1)
    return float(np.log(np.clip(chosen, 1e-15, 1)).mean())


def _by_label(function: Callable[..., float], **options: object) -> Callable[[Array, Array], float]:
    return lambda truth, prediction: float(function(truth, prediction.argmax(axis=1), **options))


def _rmse(truth: Array, prediction: Array) -> float:
    return -float(np.sqrt(np.mean((truth - prediction) ** 2)))


def _mae(truth: Array, prediction: Array) -> float:
    return -float(np.mean(np.abs(truth - prediction)))


_ALL = (
    Metric(name="roc_auc", kind=Kind.CLASSES, function=_auc),
    Metric(name="log_loss", kind=Kind.CLASSES, function=_log_loss),
    Metric(name="accuracy", kind=Kind.CLASSES, function=_by_label(sk.accuracy_score)),
    Metric(name="balanced_accuracy", kind=Kind.CLASSES, function=_by_label(sk.balanced_accuracy_score)),
    Metric(name="f1", kind=Kind.CLASSES, function=_by_label(sk.f1_score, average="macro", zero_division=0)),
    Metric(name="kappa", kind=Kind.CLASSES, function=_by_label(sk.cohen_kappa_score, weights="quadratic")),
    Metric(name="mcc", kind=Kind.CLASSES, function=_by_label(sk.matthews_corrcoef)),
    Metric(name="rmse", kind=Kind.NUMBER, function=_rmse),
    Metric(name="rmsle", kind=Kind.NUMBER, function=_rmse, log_target=True),
    Metric(name="mae", kind=Kind.NUMBER, function=_mae, absolute=True),
)
METRICS = {metric.name: metric for metric in _ALL}

# In the order in which they are looked for: "root mean squared logarithmic error" before "root mean squared error".
PATTERNS = (
    ("rmsle", r"rmsle|mean squared log"),
    ("log_loss", r"log[ _-]?loss|cross[ _-]entropy|logarithmic loss"),
    ("roc_auc", r"\broc\b|auc\b|area under"),
    ("kappa", r"kappa|\bqwk\b"),
    ("mcc", r"matthews|\bmcc\b"),
    ("balanced_accuracy", r"balanced[ _-]accuracy"),
    ("f1", r"\bf1\b|f1[ _-]|f-?score"),
    ("accuracy", r"accuracy"),
    ("mae", r"\bmae\b|mean absolute error"),
    ("rmse", r"rmse|root mean squared? error|\bmse\b|mean squared error|\br2\b|r squared"),
)


def find_metric(text: str) -> str | None:
    """The name of the metric that `text` (a metric's name, or a description) speaks of, or None."""
    plain = text.lower()
    return next((name for name, pattern in PATTERNS if re.search(pattern, plain)), None)


def metric_for(name: str, kind: Kind) -> Metric:
    """The metric called `name` where it suits the target, else the usual one for that kind of target."""
    metric = METRICS.get(name)
    if metric and metric.kind is kind:
        return metric
    return METRICS["log_loss" if kind is Kind.CLASSES else "rmse"]
