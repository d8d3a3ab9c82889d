"""Scores: rounding, and whose fault a failure is."""

import warnings

import pandas as pd
import pytest

from core.errors import GraderFailed, SubmissionInvalid
from grading.metrics import METRICS, Metric, score
from tests.grading.metrics.columns import column


def test_scores_have_five_decimals() -> None:
    assert score("accuracy", column(list("aab")), column(list("abb"))) == 0.66667


@pytest.mark.parametrize("only", [0.0, 1.0])
def test_an_auc_of_one_class_is_the_graders_failure(only: float) -> None:
    with warnings.catch_warnings(), pytest.raises(GraderFailed, match="holds both 0 and 1"):
        warnings.simplefilter("error")
        score("roc_auc", column([only, only]), column([0.1, 0.2]))


@pytest.mark.parametrize("name", sorted(METRICS))
def test_broken_answers_are_the_graders_failure(name: str) -> None:
    with pytest.raises(GraderFailed):
        score(name, column([]), column([]))
    with pytest.raises(GraderFailed):
        score(name, column([0.0, 1.0]), column([0.0, 1.0], name="other"))


def test_a_truth_that_is_not_one_hot_is_the_graders_failure() -> None:
    with pytest.raises(GraderFailed, match="one-hot"):
        score("log_loss", pd.DataFrame({"a": [1, 1], "b": [0, 1]}), pd.DataFrame({"a": [0.5] * 2, "b": [0.5] * 2}))


def test_a_prediction_that_rmsle_cannot_take_is_the_submissions_fault() -> None:
    with pytest.raises(SubmissionInvalid, match=r"column 'x' holds -3; the metric needs more than -1"):
        score("rmsle", column([1.0, 2.0]), column([1.0, -3.0]))
    with pytest.raises(GraderFailed):
        score("rmsle", column([1.0, -2.0]), column([1.0, 3.0]))


def test_an_unknown_metric_is_the_graders_failure() -> None:
    with pytest.raises(GraderFailed, match="no such"):
        score("no such", column([1.0]), column([1.0]))


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_a_result_that_is_no_number_is_the_graders_failure(value: float, monkeypatch: pytest.MonkeyPatch) -> None:
    odd = Metric(name="odd", function=lambda truth, prediction: value, lower_is_better=True)
    monkeypatch.setitem(METRICS, "odd", odd)
    with pytest.raises(GraderFailed, match="'odd' gave"):
        score("odd", column([1.0]), column([1.0]))


def test_the_registry_names_each_metric_as_itself() -> None:
    assert all(metric.name == name for name, metric in METRICS.items())
    assert {name for name, metric in METRICS.items() if metric.lower_is_better} == {
        "binary_log_loss",
        "error_rate",
        "log_loss",
        "mae",
        "mean_column_rmse",
        "mean_column_rmsle",
        "mean_levenshtein",
        "rmse",
        "rmsle",
    }
