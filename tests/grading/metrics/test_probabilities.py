"""Metrics of probabilities against scikit-learn and brute force."""

from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn import metrics as reference

from core.errors import GraderFailed
from grading.metrics import probabilities, score
from tests.grading.metrics.columns import QUICK, column, seeds, sizes


@QUICK
@given(seeds, sizes)
def test_roc_auc_is_the_share_of_pairs_in_order(seed: int, size: int) -> None:
    random = np.random.default_rng(seed)
    truth = np.concatenate([[0, 1], random.integers(0, 2, size)]).astype(float)
    prediction = random.integers(0, 5, size + 2) / 4  # many ties
    gaps = prediction[truth == 1][:, None] - prediction[truth == 0][None, :]
    expected = np.mean(np.where(gaps > 0, 1.0, np.where(gaps == 0, 0.5, 0.0)))
    assert probabilities.roc_auc(column(truth), column(prediction)) == pytest.approx(expected)


@QUICK
@given(seeds, sizes, st.integers(2, 6))
def test_log_loss_is_scikit_learns(seed: int, size: int, classes: int) -> None:
    random = np.random.default_rng(seed)
    prediction = random.dirichlet(np.full(classes, 0.3), size)
    prediction[0] = np.eye(classes)[random.integers(classes)]  # certain, maybe wrong
    truth = np.eye(classes)[random.integers(classes, size=size)]
    names = [f"class {index}" for index in range(classes)]
    expected = reference.log_loss(truth, prediction)
    found = probabilities.log_loss(pd.DataFrame(truth, columns=names), pd.DataFrame(prediction, columns=names))
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
    assert probabilities.log_loss(truth, pd.DataFrame({"a": [0.5], "b": [0.1]})) == pytest.approx(np.log(2))


@QUICK
@given(seeds, sizes)
def test_binary_log_loss_is_scikit_learns(seed: int, size: int) -> None:
    random = np.random.default_rng(seed)
    truth = np.concatenate([[0, 1], random.integers(0, 2, size)])
    prediction = np.concatenate([[1, 0], random.uniform(size=size).round(1)])  # certain and wrong at first
    expected = reference.log_loss(truth, prediction)
    assert probabilities.binary_log_loss(column(truth), column(prediction)) == pytest.approx(expected)


def test_binary_log_loss_has_the_known_fixed_points() -> None:
    truth = column([0, 1, 1])
    assert score("binary_log_loss", truth, column([0, 1, 1])) == 0.0
    assert score("binary_log_loss", truth, column([0.5] * 3)) == 0.69315
    assert score("binary_log_loss", truth, column([1, 0, 0])) == 36.04365
    with pytest.raises(GraderFailed, match="0 and 1 and nothing else"):
        score("binary_log_loss", column([0.5]), column([0.5]))


@QUICK
@given(seeds, sizes, st.integers(1, 4))
def test_mean_column_roc_auc_is_scikit_learns(seed: int, size: int, columns: int) -> None:
    random = np.random.default_rng(seed)
    names = [f"c{index}" for index in range(columns)]
    truth = np.vstack([np.zeros(columns), np.ones(columns), random.integers(0, 2, (size, columns))])
    prediction = random.integers(-9, 9, (size + 2, columns))
    expected = reference.roc_auc_score(truth, prediction, average="macro")
    found = probabilities.mean_column_roc_auc(
        pd.DataFrame(truth, columns=names), pd.DataFrame(prediction, columns=names)
    )
    assert found == pytest.approx(expected)


def _weighted_auc_by_points(truth: list[int], prediction: list[float]) -> float:
    """The definition, a point of the curve after the other: one for each threshold, and one put in at 0.4."""
    positives, negatives = sum(truth), len(truth) - sum(truth)
    points = [(0.0, 0.0)]
    for threshold in sorted(set(prediction), reverse=True):
        above = [label for label, value in zip(truth, prediction, strict=True) if value >= threshold]
        points.append(((len(above) - sum(above)) / negatives, sum(above) / positives))
    if all(rate != 0.4 for _, rate in points):
        after = next(index for index, (_, rate) in enumerate(points) if rate > 0.4)
        (x1, y1), (x2, y2) = points[after - 1], points[after]
        points.insert(after, (x1 + (x2 - x1) * (0.4 - y1) / (y2 - y1), 0.4))

    def area(curve: list[tuple[float, float]], base: float) -> float:
        return sum((x2 - x1) * ((y1 + y2) / 2 - base) for (x1, y1), (x2, y2) in pairwise(curve))

    lower = [point for point in points if point[1] <= 0.4] + [(1.0, 0.4)]
    upper = [point for point in points if point[1] >= 0.4] + [(1.0, 1.0)]
    return (2 * area(lower, 0) + area(upper, 0.4)) / 1.4


@QUICK
@given(seeds, sizes, st.sampled_from([2, 5, 10, 1000]))
def test_weighted_roc_auc_is_its_definition(seed: int, size: int, levels: int) -> None:
    random = np.random.default_rng(seed)
    truth = [0, 1, *(int(label) for label in random.integers(0, 2, size))]
    prediction = [float(value) for value in random.integers(0, levels, size + 2)]
    expected = _weighted_auc_by_points(truth, prediction)
    assert probabilities.weighted_roc_auc(column(truth), column(prediction)) == pytest.approx(expected)


def test_weighted_roc_auc_of_a_constant_and_of_the_truth() -> None:
    truth = column([0, 1, 0, 1, 1])
    assert score("weighted_roc_auc", truth, column([3.0] * 5)) == 0.58571
    assert score("weighted_roc_auc", truth, truth) == 1.0
