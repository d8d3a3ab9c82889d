"""Area under the ROC curve overall, and of the comments that mention an identity against the others.

Predictions and truth are cut at 0.5 first, so that each curve has a single corner.
"""

from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from core.files import read_lines
from grading.metrics.probabilities import roc_auc

IDENTITIES = read_lines(Path(__file__).with_name("identities.txt"))
POWER = -5
Flags = NDArray[np.bool_]


def grade(prediction: pd.DataFrame, answers: pd.DataFrame) -> float:
    flagged = prediction["prediction"].to_numpy() >= 0.5
    toxic = _flags(answers["toxicity"])
    aucs = np.array([_identity_aucs(toxic, flagged, _flags(answers[name])) for name in IDENTITIES])
    means = [_power_mean(column) for column in aucs.T]
    return (_auc(toxic, flagged, np.full(len(toxic), True)) + sum(means)) / 4


def _flags(cells: "pd.Series[str]") -> Flags:
    """Whether a share is at least one half; an empty cell is not."""
    return np.asarray(pd.to_numeric(cells.replace("", "0")).to_numpy() >= 0.5)


def _identity_aucs(toxic: Flags, flagged: Flags, mentioned: Flags) -> tuple[float, float, float]:
    """Within the comments that mention an identity; with the toxic of the others; with the harmless of the others."""
    return (
        _auc(toxic, flagged, mentioned),
        _auc(toxic, flagged, toxic != mentioned),
        _auc(toxic, flagged, toxic == mentioned),
    )


def _auc(toxic: Flags, flagged: Flags, rows: Flags) -> float:
    truth, prediction = pd.DataFrame({"toxic": toxic[rows]}), pd.DataFrame({"toxic": flagged[rows]})
    return roc_auc(truth.astype(int), prediction.astype(int))


def _power_mean(values: NDArray[np.float64]) -> float:
    return float((values**POWER).mean() ** (1 / POWER)) if values.all() else 0.0
