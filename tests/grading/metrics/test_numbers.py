"""Metrics of numbers against scikit-learn and scipy."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from sklearn import metrics as reference

from core.errors import GraderFailed, SubmissionInvalid
from grading.metrics import numbers, score
from tests.grading.metrics.columns import QUICK, column, seeds, sizes


@QUICK
@given(seeds, sizes)
def test_rmsle_is_scikit_learns(seed: int, size: int) -> None:
    random = np.random.default_rng(seed)
    truth, prediction = random.gamma(1, 1000, size), random.gamma(1, 1000, size) - 0.9
    expected = reference.root_mean_squared_log_error(truth, prediction)
    assert numbers.rmsle(column(truth), column(prediction)) == pytest.approx(expected)


@QUICK
@given(seeds, sizes)
def test_rmse_and_mae_are_scikit_learns(seed: int, size: int) -> None:
    random = np.random.default_rng(seed)
    truth, prediction = random.normal(size=size) * 1e3, random.normal(size=size) * 1e3
    expected = reference.root_mean_squared_error(truth, prediction)
    assert numbers.rmse(column(truth), column(prediction)) == pytest.approx(expected)
    expected = reference.mean_absolute_error(truth, prediction)
    assert numbers.mae(column(truth), column(prediction)) == pytest.approx(expected)


@QUICK
@given(seeds, sizes, st.integers(1, 4))
def test_mean_column_errors_are_scikit_learns(seed: int, size: int, columns: int) -> None:
    random = np.random.default_rng(seed)
    names = [f"c{index}" for index in range(columns)]
    truth, prediction = random.gamma(1, 9, (2, size, columns))
    tables = pd.DataFrame(truth, columns=names), pd.DataFrame(prediction, columns=names)
    expected = reference.root_mean_squared_error(truth, prediction)
    assert numbers.mean_column_rmse(*tables) == pytest.approx(expected)
    expected = reference.root_mean_squared_log_error(truth, prediction)
    assert numbers.mean_column_rmsle(*tables) == pytest.approx(expected)


@QUICK
@given(seeds, sizes, st.integers(1, 4))
def test_correlations_are_scipys(seed: int, size: int, columns: int) -> None:
    random = np.random.default_rng(seed)
    names = [f"c{index}" for index in range(columns)]
    truth = np.vstack([np.zeros(columns), np.ones(columns), random.integers(0, 4, (size, columns)) / 4])
    prediction = np.vstack([np.ones(columns), np.zeros(columns), random.integers(0, 4, (size, columns)) * 1e6])
    pairs = list(zip(truth.T, prediction.T, strict=True))
    expected = np.mean([stats.spearmanr(*pair).statistic for pair in pairs])
    tables = pd.DataFrame(truth, columns=names), pd.DataFrame(prediction, columns=names)
    assert numbers.mean_column_spearman(*tables) == pytest.approx(expected, abs=1e-9)
    expected = stats.pearsonr(*pairs[0]).statistic
    assert numbers.pearson_correlation(tables[0].iloc[:, :1], tables[1].iloc[:, :1]) == pytest.approx(
        expected, abs=1e-9
    )


@pytest.mark.parametrize("constant", [0.0, 0.1, 1e300])
@pytest.mark.parametrize("name", ["pearson_correlation", "mean_column_spearman"])
def test_a_constant_prediction_has_no_correlation(name: str, constant: float) -> None:
    with pytest.raises(SubmissionInvalid, match="column 'x' holds the same value in every row"):
        score(name, column([0.1, 0.2, 0.7]), column([constant] * 3))
    with pytest.raises(GraderFailed, match="all truths are the same"):
        score(name, column([0.5] * 3), column([0.1, 0.2, 0.7]))


@pytest.mark.parametrize("name", ["rmse", "mean_column_rmse", "mae"])
def test_numbers_too_large_to_square_or_add_are_the_submissions_fault(name: str) -> None:
    with pytest.raises(SubmissionInvalid, match="column 'x' holds numbers too large"):
        score(name, column([1.0, 2.0]), column([1.7e308, -1.7e308]))


def test_huge_predictions_still_correlate() -> None:
    assert score("pearson_correlation", column([0.0, 0.5, 1.0]), column([-1e308, 0, 1e308])) == 1.0
