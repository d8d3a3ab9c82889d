"""Comparing two runs by pairs: the same competition (and technique) with the same seed.

All is told from the second run's side: a difference is second minus first, and a win is the second's.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, NamedTuple

import numpy as np

from core.errors import InputError
from grading.bootstrap import RESAMPLES, intervals
from grading.reports import AttemptReport
from grading.statistics import attempt_name

RATES = ("any_medal", "above_median")


class Pair(NamedTuple):
    """Two attempts of the same competition, technique and seed."""

    first: AttemptReport
    second: AttemptReport

    @property
    def sign(self) -> int:
        """1 where the second's score is better, -1 where the first's is, 0 for a tie. Any score beats none."""
        first, second = self.first.score, self.second.score
        if first is None or second is None:
            return (second is not None) - (first is not None)
        better = (second > first) - (second < first)
        return -better if self.first.is_lower_better else better


@dataclass(frozen=True, kw_only=True)
class Difference:
    """A rate's difference in percentage points.

    Attributes:
        first, second: the means over competitions of the rates over the pairs of each, in percent.
        difference: second minus first.
        interval: 95%, from resampling competitions and, within them, pairs; None for a single pair.
    """

    first: float
    second: float
    difference: float
    interval: tuple[float, float] | None


@dataclass(frozen=True, kw_only=True)
class SignCounts:
    """Pairs that the second run won, tied and lost, by score in the metric's direction."""

    wins: int
    ties: int
    losses: int


@dataclass(frozen=True, kw_only=True)
class CompetitionRow:
    """One competition (and technique). Mean scores are over the pairs in which that run has a score."""

    competition_id: str
    technique: str | None
    is_lower_better: bool
    pairs: int
    counts: SignCounts
    first_score: float | None
    second_score: float | None
    first_medal_rate: float
    second_medal_rate: float


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """Two runs by pairs.

    Attributes:
        pairs: how many pairs are compared.
        unpaired_first, unpaired_second: attempts without a partner, named; also those that are scored while
            their partner was lost to the machinery or cancelled.
        not_scored_first, not_scored_second: attempts lost to the machinery or cancelled, named.
        any_medal, above_median: rates and their difference.
        p_value: of the exact two-sided sign test over wins and losses; None where all pairs are tied. It takes pairs
            for independent, which the seeds of one competition are not quite: the intervals do not need that.
        competitions: a row for each, sorted by id.
    """

    pairs: int
    unpaired_first: tuple[str, ...]
    unpaired_second: tuple[str, ...]
    not_scored_first: tuple[str, ...]
    not_scored_second: tuple[str, ...]
    any_medal: Difference
    above_median: Difference
    counts: SignCounts
    p_value: float | None
    competitions: tuple[CompetitionRow, ...]

    def to_json(self) -> dict[str, Any]:
        """Give it as JSON values."""
        return asdict(self)


Key = tuple[str, str, int]


def compare(
    first: Sequence[AttemptReport], second: Sequence[AttemptReport], *, resamples: int = RESAMPLES
) -> Comparison:
    """Compare the runs that `first` and `second` are the reports of.

    Raises:
        InputError: no pair is scored in both, one run has two reports of an attempt, or the runs disagree on
            which direction of a metric is better.
    """
    ours, theirs = _scored(first), _scored(second)
    pairs = {key: Pair(ours[key], theirs[key]) for key in sorted(ours.keys() & theirs.keys())}
    if not pairs:
        raise InputError("the runs have no scored attempt of the same competition and seed in common")
    _check_directions(pairs)
    groups = _grouped(pairs)
    counts = _counts(list(pairs.values()))
    any_medal, above_median = _differences(groups, resamples)
    return Comparison(
        pairs=len(pairs),
        unpaired_first=_names(ours, without=pairs),
        unpaired_second=_names(theirs, without=pairs),
        not_scored_first=tuple(sorted(attempt_name(report) for report in first if not report.scored)),
        not_scored_second=tuple(sorted(attempt_name(report) for report in second if not report.scored)),
        any_medal=any_medal,
        above_median=above_median,
        counts=counts,
        p_value=_sign_test(counts),
        competitions=tuple(_row(group) for _, group in sorted(groups.items())),
    )


def _scored(reports: Sequence[AttemptReport]) -> dict[Key, AttemptReport]:
    found: dict[Key, AttemptReport] = {}
    for report in reports:
        key = (report.competition_id, report.technique or "", report.seed)
        if not report.scored:
            continue
        if key in found:
            raise InputError(f"a run has two reports of {attempt_name(report)}, so that pairs cannot be made")
        found[key] = report
    return found


def _check_directions(pairs: Mapping[Key, Pair]) -> None:
    for pair in pairs.values():
        if pair.first.is_lower_better is not pair.second.is_lower_better:
            raise InputError(
                f"the runs disagree on whether a lower score of {pair.first.competition_id} is better: "
                "they were graded by different versions of the competition"
            )


def _names(reports: Mapping[Key, AttemptReport], *, without: Mapping[Key, Pair]) -> tuple[str, ...]:
    return tuple(attempt_name(report) for key, report in sorted(reports.items()) if key not in without)


def _grouped(pairs: Mapping[Key, Pair]) -> dict[tuple[str, str], list[Pair]]:
    groups: dict[tuple[str, str], list[Pair]] = defaultdict(list)
    for (competition_id, technique, _), pair in pairs.items():
        groups[competition_id, technique].append(pair)
    return groups


def _counts(pairs: Sequence[Pair]) -> SignCounts:
    signs = [pair.sign for pair in pairs]
    return SignCounts(wins=signs.count(1), ties=signs.count(0), losses=signs.count(-1))


def _sign_test(counts: SignCounts) -> float | None:
    from scipy.stats import binomtest

    decided = counts.wins + counts.losses
    return float(binomtest(counts.wins, decided, 0.5).pvalue) if decided else None


def _rates(pair: Pair) -> list[float]:
    """Give both runs' outcomes and their difference, in percent, for each of RATES."""
    row = []
    for name in RATES:
        first, second = (100.0 * getattr(report, name) for report in pair)
        row += [first, second, second - first]
    return row


def _differences(groups: Mapping[tuple[str, str], Sequence[Pair]], resamples: int) -> list[Difference]:
    # A competition is resampled with all its techniques: they share its data.
    by_competition: dict[str, list[list[float]]] = defaultdict(list)
    for (competition_id, _), pairs in groups.items():
        by_competition[competition_id] += [_rates(pair) for pair in pairs]
    tables = [np.array(rows) for rows in by_competition.values()]
    means = np.mean([table.mean(axis=0) for table in tables], axis=0)
    bounds = intervals(tables, resamples=resamples)
    return [
        Difference(
            first=float(means[start]),
            second=float(means[start + 1]),
            difference=float(means[start + 2]),
            interval=None if bounds is None else (float(bounds[start + 2, 0]), float(bounds[start + 2, 1])),
        )
        for start in range(0, 3 * len(RATES), 3)
    ]


def _row(pairs: Sequence[Pair]) -> CompetitionRow:
    report = pairs[0].first
    first, second = zip(*pairs, strict=True)
    return CompetitionRow(
        competition_id=report.competition_id,
        technique=report.technique,
        is_lower_better=report.is_lower_better,
        pairs=len(pairs),
        counts=_counts(pairs),
        first_score=_mean_score(first),
        second_score=_mean_score(second),
        first_medal_rate=float(np.mean([100.0 * entry.any_medal for entry in first])),
        second_medal_rate=float(np.mean([100.0 * entry.any_medal for entry in second])),
    )


def _mean_score(reports: Sequence[AttemptReport]) -> float | None:
    scores = [report.score for report in reports if report.score is not None]
    return float(np.mean(scores)) if scores else None
