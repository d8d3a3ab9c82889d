"""Drops train rows class by class, to a drawn ratio between the largest and the smallest class."""

import numpy as np
from numpy.random import RandomState

from core.errors import NotApplicable
from tasks.planting import Planted, Tables, pick

RATIOS = (1.2, 5.0, 20.0, 150.0)
SPREAD = 0.1  # a ratio is drawn within so much of these: clear of 3, 10 and 100, where the severity changes
LEAST_MAJORITY, LEAST_MINORITY = 40, 6
MODERATE, SEVERE, EXTREME = 3.0, 10.0, 100.0
MANY_ROWS = 1000  # of the smallest class: enough to leave out rows of the others
ENOUGH_TO_REPEAT = 20  # rows of the smallest class
WEIGHING = ("class_weights", "threshold", "combined")


def plant(tables: Tables, draw: RandomState) -> Planted:
    labels = tables.target.astype(str)
    counts = {str(label): int(size) for label, size in labels.value_counts().items()}
    kept = _drawn_counts({label: size for label, size in sorted(counts.items()) if size >= LEAST_MINORITY}, draw)
    rows = [draw.permutation(np.flatnonzero(labels == label))[:size] for label, size in kept.items()]
    return Planted(tables=tables.of_rows(np.concatenate(rows)), truth=truth_of(kept))


def _drawn_counts(counts: dict[str, int], draw: RandomState) -> dict[str, int]:
    """Draw how many rows of each class stay."""
    smallest = min(counts.values(), default=0)
    ratios = [ratio * (1 + SPREAD * (2 * draw.random_sample() - 1)) for ratio in RATIOS]
    ways = {
        ratio: [label for label, size in counts.items() if _fits(min(size, int(ratio * smallest)), ratio)]
        for ratio in ratios
    }
    possible = [ratio for ratio in ratios if ways[ratio]]
    if len(counts) < 2 or not possible:
        raise NotApplicable("its classes are too small to drop rows of")
    ratio = pick(draw, possible)[0]
    major = pick(draw, ways[ratio])[0]
    most = min(counts[major], int(ratio * smallest))
    least = round(most / ratio)
    minor = pick(draw, [label for label in counts if label != major])[0]
    between = {label: int(draw.randint(least, min(size, most) + 1)) for label, size in counts.items()}
    return between | {major: most, minor: least}


def _fits(most: int, ratio: float) -> bool:
    return most >= LEAST_MAJORITY and round(most / ratio) >= LEAST_MINORITY


def truth_of(counts: dict[str, int]) -> dict[str, object]:
    """Give what follows from the counts."""
    total, smallest = sum(counts.values()), min(counts.values())
    ratio = max(counts.values()) / smallest
    severity = next(
        name
        for name, limit in (("extreme", EXTREME), ("severe", SEVERE), ("moderate", MODERATE), ("balanced", 0.0))
        if ratio >= limit
    )
    strategies = _strategies(severity, smallest)
    return {
        "counts": counts,
        "ratio": ratio,
        "is_imbalanced": ratio >= MODERATE,
        "severity": severity,
        "strategies": strategies,
        "answer": {
            "class_distribution": counts,
            "class_percentages": {label: 100 * size / total for label, size in counts.items()},
            "imbalance_ratio": ratio,
            "is_imbalanced": ratio >= MODERATE,
            "severity": severity,
            "chosen_strategy": strategies[0],
            "reasoning": "",
        },
    }


def _strategies(severity: str, smallest: int) -> list[str]:
    if severity == "balanced":
        return ["none"]
    fitting = [*WEIGHING]
    if smallest >= MANY_ROWS:
        fitting.append("undersample")
    if severity != "extreme" and smallest >= ENOUGH_TO_REPEAT:
        fitting.append("oversample")
    return fitting
