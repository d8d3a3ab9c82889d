"""Metrics of labels against scikit-learn."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn import metrics as reference

from core.errors import GraderFailed, SubmissionInvalid
from grading.metrics import labels, score
from tests.grading.metrics.columns import QUICK, column, seeds, sizes


@QUICK
@given(seeds, sizes)
def test_accuracy_is_scikit_learns(seed: int, size: int) -> None:
    random = np.random.default_rng(seed)
    truth, prediction = random.choice(["a", "b", "NA"], size), random.choice(["a", "b", "NA"], size)
    expected = reference.accuracy_score(truth, prediction)
    assert labels.accuracy(column(truth), column(prediction)) == pytest.approx(expected)


@QUICK
@given(seeds, sizes)
def test_the_error_rate_is_what_accuracy_lacks(seed: int, size: int) -> None:
    random = np.random.default_rng(seed)
    truth, prediction = column(random.integers(0, 3, size)), column(random.integers(0, 3, size))
    assert labels.error_rate(truth, prediction) == pytest.approx(1 - labels.accuracy(truth, prediction))


@QUICK
@given(seeds, sizes, st.integers(1, 8), st.booleans())
def test_macro_f1_is_scikit_learns(seed: int, size: int, classes: int, as_text: bool) -> None:
    random = np.random.default_rng(seed)
    truth, prediction = random.integers(0, classes, size), random.integers(0, 2 * classes, size)
    if as_text:
        truth, prediction = truth.astype(str), prediction.astype(str)
    expected = reference.f1_score(truth, prediction, average="macro", zero_division=0)
    assert labels.macro_f1(column(truth), column(prediction)) == pytest.approx(expected)


@QUICK
@given(seeds, sizes, st.sampled_from([[0, 1, 2, 3, 4], [0, 4], [-3, 0, 40], [1, 2, 1000]]))
def test_quadratic_weighted_kappa_is_scikit_learns(seed: int, size: int, grades: list[int]) -> None:
    random = np.random.default_rng(seed)
    truth = np.concatenate([[0, 1], random.integers(0, 5, size)])
    prediction = random.choice(grades, size + 2)
    expected = reference.cohen_kappa_score(truth, prediction, weights="quadratic")
    assert labels.quadratic_weighted_kappa(column(truth), column(prediction)) == pytest.approx(expected)


def test_kappa_has_the_known_fixed_points() -> None:
    truth = column([0, 1, 2, 4])
    assert score("quadratic_weighted_kappa", truth, truth) == 1.0
    assert score("quadratic_weighted_kappa", truth, column([2] * 4)) == 0.0
    with pytest.raises(SubmissionInvalid, match="every prediction is the same label"):
        score("quadratic_weighted_kappa", column([1, 1]), column([1, 1]))


@QUICK
@given(seeds, sizes, st.integers(1, 4))
def test_matthews_correlation_is_scikit_learns(seed: int, size: int, classes: int) -> None:
    random = np.random.default_rng(seed)
    truth = np.concatenate([[0, 1], random.integers(0, classes, size)])
    prediction = random.integers(0, classes, size + 2)
    expected = reference.matthews_corrcoef(truth, prediction)
    assert labels.matthews_correlation(column(truth), column(prediction)) == pytest.approx(expected, abs=1e-12)


@pytest.mark.timeout(20)
@pytest.mark.parametrize("name", ["quadratic_weighted_kappa", "matthews_correlation", "macro_f1"])
def test_as_many_labels_as_rows_need_no_table_of_label_by_label(name: str) -> None:
    prediction = column(np.arange(200_000))
    assert abs(score(name, column(np.arange(200_000) % 2), prediction)) < 1


def test_a_grader_is_not_asked_without_rows() -> None:
    with pytest.raises(GraderFailed):
        score("macro_f1", column([]), column([]))
