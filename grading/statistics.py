"""Means and errors over seeds, with what they rest on.

The rule: an attempt that ended by the agent's doing is scored, and without a valid submission it has no medal. One
that was lost to the machinery or cancelled says nothing about the agent: it is not scored, neither as a miss nor as
anything else, and is counted and named in the coverage. Rates are percentages, from 0 to 100.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from core.status import Status
from grading.bootstrap import RESAMPLES, Floats, intervals

if TYPE_CHECKING:
    from grading.reports import AttemptReport

OUTCOMES = ("any_medal", "gold_medal", "silver_medal", "bronze_medal", "above_median", "valid_submission")


@dataclass(frozen=True, kw_only=True)
class Estimate:
    """A rate in percent.

    Attributes:
        mean: over the seeds' rates; None where no attempt was scored.
        sem: standard error of that mean over seeds; None for one seed.
        interval: 95%, from resampling competitions and, within them, seeds; None where one cell is all there is.
            It is of the mean over competitions, which is `mean` unless attempts are not scored.
    """

    mean: float | None
    sem: float | None
    interval: tuple[float, float] | None


@dataclass(frozen=True, kw_only=True)
class Coverage:
    """What an aggregate rests on.

    Attributes:
        planned, scored: numbers of attempts, side by side.
        competitions: how many there are in the split, or in the run.
        competitions_scored: how many of them have a scored attempt.
        absent: those of the split that the run has no attempt of.
        seeds: the run's.
        seeds_scored: those with a scored attempt, which the means are taken over.
        lost_to_machinery, cancelled: the attempts that are not scored, named.
        unreported: planned attempts that have no report.
    """

    planned: int
    scored: int
    competitions: int
    competitions_scored: int
    absent: tuple[str, ...]
    seeds: tuple[int, ...]
    seeds_scored: tuple[int, ...]
    lost_to_machinery: tuple[str, ...]
    cancelled: tuple[str, ...]
    unreported: int


@dataclass(frozen=True, kw_only=True)
class Aggregate:
    """The rates of a set of competitions.

    Attributes:
        outcomes: for each of OUTCOMES its estimate.
        per_seed: seed -> rates, with the number of competitions they are taken over as `competitions`.
    """

    coverage: Coverage
    outcomes: Mapping[str, Estimate]
    per_seed: Mapping[int, Mapping[str, float]]

    def to_json(self) -> dict[str, Any]:
        """Give it as JSON values; the seeds become text, as JSON's keys are."""
        return asdict(self) | {"per_seed": {str(seed): dict(rates) for seed, rates in self.per_seed.items()}}


@dataclass(frozen=True, kw_only=True)
class CompetitionScores:
    """The scores of one competition over seeds, in its metric's unit.

    Attributes:
        scores: (seed, score) of the scored attempts; the score is None without a valid submission.
        mean, sem: over those with a score; None for too few.
    """

    competition_id: str
    technique: str | None
    is_lower_better: bool
    threshold_kind: str
    planned: int
    scored: int
    scores: tuple[tuple[int, float | None], ...]
    mean: float | None
    sem: float | None

    def to_json(self) -> dict[str, Any]:
        """Give it as JSON values."""
        return asdict(self)


def mean_and_sem(values: Sequence[float]) -> tuple[float | None, float | None]:
    """Give the mean and its standard error: sample standard deviation (n - 1) over sqrt(n); None where undefined."""
    if not values:
        return None, None
    mean = float(np.mean(values))
    if len(values) == 1:
        return mean, None
    return mean, float(np.std(values, ddof=1) / np.sqrt(len(values)))


def aggregate(
    reports: Sequence["AttemptReport"],
    *,
    competitions: Collection[str] | None = None,
    planned: int | None = None,
    resamples: int = RESAMPLES,
) -> Aggregate:
    """Give the rates over `competitions`, or over all that have reports.

    For each seed the share of its scored competitions that have the outcome; then mean and standard error over seeds.
    Several attempts of a competition with the same seed (techniques) count as one, with their mean.

    Args:
        planned: number of planned attempts, where it may be more than there are reports.
    """
    chosen = [report for report in reports if competitions is None or report.competition_id in competitions]
    cells = _cells([report for report in chosen if report.scored])
    by_seed = _regrouped(cells, key=1)
    rates = {seed: np.mean(rows, axis=0) for seed, rows in sorted(by_seed.items())}
    return Aggregate(
        coverage=_coverage(chosen, competitions=competitions, planned=planned),
        outcomes=_estimates(list(rates.values()), _regrouped(cells, key=0), resamples),
        per_seed={
            seed: {"competitions": len(by_seed[seed]), **dict(zip(OUTCOMES, row.tolist(), strict=True))}
            for seed, row in rates.items()
        },
    )


def competition_scores(reports: Sequence["AttemptReport"]) -> list[CompetitionScores]:
    """Give the scores over seeds of each competition (and technique), sorted by id."""
    groups: dict[tuple[str, str], list[AttemptReport]] = defaultdict(list)
    for report in reports:
        groups[report.competition_id, report.technique or ""].append(report)
    return [_competition_scores(group) for _, group in sorted(groups.items())]


def attempt_name(report: "AttemptReport") -> str:
    """Name an attempt for people, for example `spaceship-titanic seed 2`."""
    technique = f" {report.technique}" if report.technique else ""
    return f"{report.competition_id}{technique} seed {report.seed}"


def _competition_scores(group: Sequence["AttemptReport"]) -> CompetitionScores:
    first = group[0]
    scored = sorted((report for report in group if report.scored), key=lambda report: report.seed)
    mean, sem = mean_and_sem([report.score for report in scored if report.score is not None])
    return CompetitionScores(
        competition_id=first.competition_id,
        technique=first.technique,
        is_lower_better=first.is_lower_better,
        threshold_kind=str(first.threshold_kind),
        planned=len(group),
        scored=len(scored),
        scores=tuple((report.seed, report.score) for report in scored),
        mean=mean,
        sem=sem,
    )


def _cells(scored: Sequence["AttemptReport"]) -> dict[tuple[str, int], Floats]:
    """Give the outcomes in percent of each (competition, seed)."""
    groups: dict[tuple[str, int], list[list[float]]] = defaultdict(list)
    for report in scored:
        row = [100.0 * getattr(report, outcome) for outcome in OUTCOMES]
        groups[report.competition_id, report.seed].append(row)
    return {cell: np.mean(rows, axis=0) for cell, rows in groups.items()}


def _regrouped(cells: Mapping[tuple[str, int], Floats], *, key: int) -> dict[Any, Floats]:
    groups: dict[Any, list[Floats]] = defaultdict(list)
    for cell, row in sorted(cells.items()):
        groups[cell[key]].append(row)
    return {name: np.array(rows) for name, rows in groups.items()}


def _estimates(rates: Sequence[Floats], groups: Mapping[str, Floats], resamples: int) -> dict[str, Estimate]:
    bounds = intervals(list(groups.values()), resamples=resamples)
    estimates = {}
    for index, outcome in enumerate(OUTCOMES):
        mean, sem = mean_and_sem([float(row[index]) for row in rates])
        interval = None if bounds is None else (float(bounds[index, 0]), float(bounds[index, 1]))
        estimates[outcome] = Estimate(mean=mean, sem=sem, interval=interval)
    return estimates


def _coverage(
    chosen: Sequence["AttemptReport"], *, competitions: Collection[str] | None, planned: int | None
) -> Coverage:
    present = {report.competition_id for report in chosen}
    scored = [report for report in chosen if report.scored]
    return Coverage(
        planned=len(chosen) if planned is None else planned,
        scored=len(scored),
        competitions=len(present) if competitions is None else len(set(competitions)),
        competitions_scored=len({report.competition_id for report in scored}),
        absent=tuple(sorted(set(competitions or ()) - present)),
        seeds=tuple(sorted({report.seed for report in chosen})),
        seeds_scored=tuple(sorted({report.seed for report in scored})),
        lost_to_machinery=_names(report for report in chosen if report.status.lost_to_machinery),
        cancelled=_names(report for report in chosen if report.status is Status.CANCELLED),
        unreported=0 if planned is None else max(0, planned - len(chosen)),
    )


def _names(reports: Iterable["AttemptReport"]) -> tuple[str, ...]:
    return tuple(sorted(attempt_name(report) for report in reports))
