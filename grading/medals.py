"""Medals from thresholds. A threshold is reached by a score that equals it; the median has to be beaten."""

from dataclasses import dataclass
from enum import StrEnum


class ThresholdKind(StrEnum):
    """Where a competition's thresholds come from."""

    LEADERBOARD = "leaderboard"  # the final Kaggle leaderboard
    REFERENCE = "reference"  # recorded reference models; there is no leaderboard


class Medal(StrEnum):
    """The best medal a score earns. Exclusive: a gold is not also a silver."""

    GOLD = "gold"
    SILVER = "silver"
    BRONZE = "bronze"
    NONE = "none"


@dataclass(frozen=True, kw_only=True)
class Thresholds:
    """The scores a competition's medals ask for, in the metric's unit."""

    kind: ThresholdKind
    gold: float
    silver: float
    bronze: float
    median: float
    lower_is_better: bool

    def medal(self, score: float | None) -> Medal:
        """Give the best medal whose threshold `score` reaches; no score earns none."""
        if score is None:
            return Medal.NONE
        steps = ((Medal.GOLD, self.gold), (Medal.SILVER, self.silver), (Medal.BRONZE, self.bronze))
        return next((medal for medal, threshold in steps if self._reaches(score, threshold)), Medal.NONE)

    def above_median(self, score: float | None) -> bool:
        """Whether `score` is strictly better than the median."""
        if score is None:
            return False
        return score < self.median if self.lower_is_better else score > self.median

    def next_step(self, score: float | None) -> tuple[str, float] | None:
        """Give the next better threshold and the distance to it, in the metric's unit, never negative.

        The distance is 0.0 for a score that equals the median, which has to be beaten and not only reached.
        None where there is no score, and at gold.
        """
        if score is None:
            return None
        match self.medal(score):
            case Medal.GOLD:
                return None
            case Medal.SILVER:
                name, threshold = "gold", self.gold
            case Medal.BRONZE:
                name, threshold = "silver", self.silver
            case Medal.NONE if self.above_median(score):
                name, threshold = "bronze", self.bronze
            case Medal.NONE:
                name, threshold = "median", self.median
        return name, abs(threshold - score)

    def _reaches(self, score: float, threshold: float) -> bool:
        return score <= threshold if self.lower_is_better else score >= threshold
