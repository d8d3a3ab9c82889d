"""What a metric is, and what all of them check."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd

EPSILON = 2.0**-52  # float64's machine epsilon, scikit-learn's clip of probabilities


@dataclass(frozen=True, kw_only=True)
class Metric:
    """A metric.

    Attributes:
        function: takes (truth, prediction), two tables with the same columns and rows in the same order.
    """

    name: str
    function: Callable[["pd.DataFrame", "pd.DataFrame"], float]
    lower_is_better: bool


def check_shape(truth: "pd.DataFrame", prediction: "pd.DataFrame", *, columns: int | None = None) -> None:
    """Check what `align` and the competition's format promise.

    Raises:
        ValueError: they are not aligned, or empty.
    """
    if list(truth.columns) != list(prediction.columns) or len(truth) != len(prediction) or truth.empty:
        raise ValueError(f"truth {truth.shape} and prediction {prediction.shape} do not have the same columns and rows")
    if columns is not None and truth.shape[1] != columns:
        raise ValueError(f"expected {columns} column, not {list(truth.columns)[:5]}")
