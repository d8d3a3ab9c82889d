"""Metrics against scikit-learn or brute force, and whose fault a failure is."""

import warnings

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics as reference

from core.errors import GraderFailed, SubmissionInvalid
from grading import metrics
from grading.metrics import METRICS, Metric, score

QUICK = settings(max_examples=40, deadline=None)
seeds = st.integers(0, 2**32 - 1)
sizes = st.integers(2, 60)


def column(values: object, name: str = "x") -> pd.DataFrame:
    return pd.DataFrame({name: values})


@QUICK
@given(seeds, sizes)
def test_roc_auc_is_the_share_of_pairs_in_order(seed: int, size: int) -> None:
    random = np.random.default_rng(seed)
    truth = np.concatenate([[0, 1], random.integers(0, 2, size)]).astype(float)
    prediction = random.integers(0, 5, size + 2) / 4  # many ties
    gaps = prediction[truth == 1][:, None] - prediction[truth == 0][None, :]
    expected = np.mean(np.where(gaps > 0, 1.0, np.where(gaps == 0, 0.5, 0.0)))
    assert metrics.roc_auc(column(truth), column(prediction)) == pytest.approx(expected)


@QUICK
@given(seeds, sizes)
def test_rmsle_is_scikit_learns(seed: int, size: int) -> None:
    random = np.random.default_rng(seed)
    truth, prediction = random.gamma(1, 1000, size), random.gamma(1, 1000, size) - 0.9
    expected = reference.root_mean_squared_log_error(truth, prediction)
    assert metrics.rmsle(column(truth), column(prediction)) == pytest.approx(expected)


@QUICK
@given(seeds, sizes, st.integers(2, 6))
def test_log_loss_is_scikit_learns(seed: int, size: int, classes: int) -> None:
    random = np.random.default_rng(seed)
    prediction = random.dirichlet(np.full(classes, 0.3), size)
    prediction[0] = np.eye(classes)[random.integers(classes)]  # certain, maybe wrong
    truth = np.eye(classes)[random.integers(classes, size=size)]
    names = [f"class {index}" for index in range(classes)]
    expected = reference.log_loss(truth, prediction)
    found = metrics.log_loss(pd.DataFrame(truth, columns=names), pd.DataFrame(prediction, columns=names))
    assert found == pytest.approx(expected)


def test_log_loss_has_the_known_fixed_points() -> None:
    names = [str(index) for index in range(99)]
    truth = pd.DataFrame(np.eye(99), columns=names)
    assert score("log_loss", truth, truth) == 0.0
    assert score("log_loss", truth, pd.DataFrame(np.full((99, 99), 1 / 99), columns=names)) == 4.59512
    wrong = pd.DataFrame(np.roll(np.eye(99), 1, axis=1), columns=names)
    assert score("log_loss", truth, wrong) == 36.04365


def test_log_loss_does_not_rescale_rows() -> None:
    truth = pd.DataFrame({"a": [1.0], "b": [0.0]})
    assert metrics.log_loss(truth, pd.DataFrame({"a": [0.5], "b": [0.1]})) == pytest.approx(np.log(2))


@QUICK
@given(seeds, sizes)
def test_accuracy_is_scikit_learns(seed: int, size: int) -> None:
    random = np.random.default_rng(seed)
    truth, prediction = random.choice(["a", "b", "NA"], size), random.choice(["a", "b", "NA"], size)
    expected = reference.accuracy_score(truth, prediction)
    assert metrics.accuracy(column(truth), column(prediction)) == pytest.approx(expected)


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
    assert {name for name, metric in METRICS.items() if metric.lower_is_better} == {"log_loss", "rmsle"}
