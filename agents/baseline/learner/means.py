"""Encodes categories with many levels by what the target does in each level."""

from typing import Self

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, TransformerMixin

Array = NDArray[np.float64]
FOLDS = 5
STRENGTH = 20.0  # rows that a level needs until its own mean weighs as much as the overall mean


class MeansByLevel(TransformerMixin, BaseEstimator):  # type: ignore[misc]  # scikit-learn has no types
    """Replaces the last `columns` columns by the target's mean (per class) in each level.

    A train row's own target is not in its means: they come from the other folds.
    """

    def __init__(self, columns: int, *, classes: int | None, seed: int) -> None:
        self.columns = columns
        self.classes = classes  # None: the target is a number
        self.seed = seed

    def fit(self, X: Array, y: Array) -> Self:  # noqa: N803 - scikit-learn's names
        targets = self._targets(y)
        self.prior_ = targets.mean(axis=0)
        self.means_ = [self._means(X[:, column], targets) for column in self._encoded(X)]
        return self

    def transform(self, X: Array) -> Array:  # noqa: N803
        encoded = [
            self._look_up(X[:, column], means) for column, means in zip(self._encoded(X), self.means_, strict=True)
        ]
        return np.hstack([X[:, : X.shape[1] - self.columns], *encoded])

    def fit_transform(self, X: Array, y: Array) -> Array:  # noqa: N803
        self.fit(X, y)
        targets = self._targets(y)
        fold = np.random.default_rng(self.seed).permutation(len(X)) % FOLDS
        encoded = [np.empty((len(X), targets.shape[1])) for _ in range(self.columns)]
        for number in range(FOLDS):
            inside = fold == number
            for column, values in zip(self._encoded(X), encoded, strict=True):
                means = self._means(X[~inside, column], targets[~inside])
                values[inside] = self._look_up(X[inside, column], means)
        return np.hstack([X[:, : X.shape[1] - self.columns], *encoded])

    def _encoded(self, X: Array) -> range:  # noqa: N803
        return range(X.shape[1] - self.columns, X.shape[1])

    def _targets(self, y: Array) -> Array:
        if self.classes is None:
            return np.asarray(y, dtype=float).reshape(-1, 1)
        one_hot: Array = np.eye(self.classes)[np.asarray(y, dtype=int)]
        return one_hot[:, 1:]  # the first follows from the others

    def _means(self, levels: Array, targets: Array) -> Array:
        """Row n: the smoothed means of level n - 1. Row 0 is for gaps."""
        numbers = _numbers(levels)
        size = int(numbers.max(initial=0)) + 1
        counts = np.bincount(numbers, minlength=size)
        sums = [np.bincount(numbers, weights=target, minlength=size) for target in targets.T]
        means: Array = (np.column_stack(sums) + STRENGTH * self.prior_) / (counts[:, None] + STRENGTH)
        return means

    def _look_up(self, levels: Array, means: Array) -> Array:
        numbers = _numbers(levels)
        known = numbers < len(means)
        return np.where(known[:, None], means[np.where(known, numbers, 0)], self.prior_)


def _numbers(levels: Array) -> NDArray[np.int64]:
    """Level numbers from 1; 0 for gaps."""
    return (np.nan_to_num(levels, nan=-1.0) + 1).astype(np.int64)
