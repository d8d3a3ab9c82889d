"""How the train rows are divided to judge models on rows that they have not seen."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.model_selection import GroupKFold, KFold, StratifiedKFold, train_test_split

Rows = NDArray[np.int64]
HOLDOUT_ROWS = 100_000  # from here, one division is enough
HOLDOUT_SHARE = 0.2
LEARN_ROWS = 100_000  # of more rows than that, so many are drawn for a trial


@dataclass(frozen=True, kw_only=True)
class Folds:
    """Pairs of rows to learn from and rows to judge by. With one pair only, the chosen model learns again."""

    kind: str
    pairs: tuple[tuple[Rows, Rows], ...]


def divide(
    y: NDArray[np.float64], *, order: pd.Series | None, groups: pd.Series | None, stratify: bool, seed: int
) -> Folds:
    """Divide as the test rows were divided from the train rows.

    Args:
        y: class numbers or values of the train rows.
        order: when each train row was, if the test rows come later.
        groups: a value per train row, if the test rows' values are mostly new ones.
        stratify: whether y holds class numbers.
    """
    rows = np.arange(len(y))
    if order is not None and len(y) >= 10:
        by_time = np.argsort(order.to_numpy(), kind="stable")
        cut = round(len(y) * (1 - HOLDOUT_SHARE))
        learn = _some(by_time[:cut], seed)
        return Folds(kind="the last 20 % held out", pairs=((learn, by_time[cut:]),))
    count = 5 if len(y) <= 20_000 else 3
    count = min(count, len(y))
    if count < 2:
        return Folds(kind="the only row", pairs=((rows, rows),))
    if groups is not None and groups.nunique() >= count:
        pairs = GroupKFold(count, shuffle=True, random_state=seed).split(rows, groups=groups.astype(str))
        return Folds(kind=f"{count} folds of groups", pairs=tuple(pairs))
    stratify = stratify and np.unique(y, return_counts=True)[1].min() >= count
    if len(y) >= HOLDOUT_ROWS:
        parts = train_test_split(rows, test_size=HOLDOUT_SHARE, random_state=seed, stratify=y if stratify else None)
        return Folds(kind="20 % held out", pairs=((_some(parts[0], seed), parts[1]),))
    splitter = (StratifiedKFold if stratify else KFold)(count, shuffle=True, random_state=seed)
    return Folds(kind=f"{count} folds", pairs=tuple(splitter.split(rows, y)))


def _some(rows: Rows, seed: int) -> Rows:
    if len(rows) <= LEARN_ROWS:
        return rows
    return np.sort(np.random.default_rng(seed).choice(rows, LEARN_ROWS, replace=False))
