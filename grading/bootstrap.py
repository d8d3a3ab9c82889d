"""A bootstrap for results that are grouped: some competitions, and some seeds in each."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

RESAMPLES = 10_000
CONFIDENCE = 0.95
DECIMALS = 9
BATCH_CELLS = 1_000_000  # draws held in memory at a time

Floats = NDArray[np.float64]


def intervals(groups: Sequence[Floats], *, resamples: int = RESAMPLES, seed: int = 0) -> Floats | None:
    """Give percentile intervals of the mean over groups of the means within groups.

    A resample draws as many groups as there are, with replacement, and within each drawn group as many of its
    members as it has, with replacement (the two-level bootstrap of Davison and Hinkley 1997, section 3.8). Where all
    groups have the same size the mean is that of all members. An interval has no width where nothing varies: for
    rates of 0 or 1 from few groups it is too narrow.

    Args:
        groups: for each group a (members, quantities) table; all with the same quantities, none empty.
        seed: of the random numbers; the same input gives the same intervals.

    Returns:
        For each quantity its 95% interval, as (quantities, 2); None where there is one member in all, or none.
    """
    if sum(len(group) for group in groups) < 2:
        return None
    means = _resampled_means(groups, resamples=resamples, generator=np.random.default_rng(seed))
    tail = (1 - CONFIDENCE) / 2
    # Weights sum to one but for the last digits: where nothing varies, both ends are the same number.
    return np.asarray(np.quantile(means, [tail, 1 - tail], axis=0).T, dtype=np.float64).round(DECIMALS)


def _resampled_means(groups: Sequence[Floats], *, resamples: int, generator: np.random.Generator) -> Floats:
    sizes = np.array([len(group) for group in groups])
    members = np.concatenate(list(groups))
    batch = max(1, BATCH_CELLS // (len(groups) * int(sizes.max())))
    counts = [min(batch, resamples - start) for start in range(0, resamples, batch)]
    return np.concatenate([_weights(sizes, count, generator) @ members for count in counts])


def _weights(sizes: NDArray[np.int64], resamples: int, generator: np.random.Generator) -> Floats:
    """Give what each member weighs in each of the resamples; the weights of a resample sum to one."""
    groups, total = len(sizes), int(sizes.sum())
    starts = np.cumsum(sizes) - sizes
    drawn = generator.integers(groups, size=(resamples, groups))
    size = sizes[drawn][..., None]
    draw = (generator.random((resamples, groups, int(sizes.max()))) * size).astype(np.int64)
    used = np.arange(int(sizes.max())) < size
    cells = np.arange(resamples)[:, None, None] * total + starts[drawn][..., None] + draw
    weights = np.broadcast_to(1 / (size * groups), used.shape)
    summed: Floats = np.bincount(cells[used], weights=weights[used], minlength=resamples * total).astype(np.float64)
    return summed.reshape(resamples, total)
