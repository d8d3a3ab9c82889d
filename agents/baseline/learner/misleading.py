"""Leaves out columns that helped in the past and do not help later, where test rows come after train rows."""

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from .candidates import Case, probe
from .folds import Folds
from .metrics import Metric
from .views import Views

MAX_ROWS = 40_000  # of each side, to be quick
MAX_COLUMNS = 40  # of wider tables every column stays: a model per column is tried


def without_misleading(
    views: Views, y: NDArray[np.float64], *, case: Case, folds: Folds, metric: Metric
) -> tuple[Views, list[str]]:
    """`views` without the columns that predictions of later rows are better without, and the columns' names.

    One pass of backward elimination, from the last column to the first: categories with many levels, which are
    most prone to be learned by heart, come before categories with few, and those before numbers.
    """
    generator = np.random.default_rng(case.seed)
    learn_rows, judge_rows = (
        np.sort(generator.choice(rows, min(MAX_ROWS, len(rows)), replace=False)) for rows in folds.pairs[0]
    )

    def score(candidate: Views) -> float:
        model = probe(candidate, case).fit(candidate.trees[learn_rows], y[learn_rows])
        view = candidate.trees[judge_rows]
        return metric.function(y[judge_rows], model.predict_proba(view) if case.classes else model.predict(view))

    columns = [*views.tidy.numbers, *views.tidy.few(), *views.tidy.many()]
    if len(columns) > MAX_COLUMNS:
        return views, []
    best, left_out = score(views), []
    for column in reversed(columns):
        smaller = replace(views, tidy=views.tidy.without(column))
        if smaller.trees.shape[1] and (value := score(smaller)) >= best:
            views, best = smaller, value
            left_out.append(column)
    return views, left_out
