"""The report of an attempt, and the grading report of a run. Their first fields are the reference benchmark's."""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import MISSING, dataclass, fields
from datetime import UTC, datetime
from typing import Any

from core.errors import InputError
from core.status import Status
from grading.medals import Medal, ThresholdKind, Thresholds

MESSAGE_LENGTH = 1_000
TIMES = ("created_at", "started_at", "finished_at")


@dataclass(frozen=True, kw_only=True)
class ModelUse:
    """What an attempt used of models, all of them together."""

    calls: int
    input_tokens: int
    output_tokens: int  # reasoning is among them
    cost_usd: float | None  # None: some of it is unknown


@dataclass(frozen=True, kw_only=True)
class AttemptReport:
    """The graded result of one attempt. Times are aware.

    Attributes:
        score: in the metric's unit, 5 decimals; None where nothing could be graded.
        valid_submission: whether there is a score. False also where the grader failed; `status` tells.
        submission_path: relative to the run folder; None where there is none.
        seed: tells attempts of the same competition apart.
        message: why it ended as it did, one line.
        started_at, finished_at: of the agent's work; agent_secs is how long it took.
        tries: how often the machinery had to start it.
        issues: known defects of the competition.
        technique_grade: of a technique attempt, a grading.checks.TechniqueGrade as JSON; `score` is its score then,
            and the medals and thresholds, which are the competition's, say nothing about it.
        model_calls, input_tokens, output_tokens: what it used of models, over all tries; None where it used none.
        cost_usd: what that cost; None where it used none, or where some of it is unknown.
    """

    competition_id: str
    score: float | None
    gold_threshold: float
    silver_threshold: float
    bronze_threshold: float
    median_threshold: float
    any_medal: bool
    gold_medal: bool
    silver_medal: bool
    bronze_medal: bool
    above_median: bool
    submission_exists: bool
    valid_submission: bool
    is_lower_better: bool
    created_at: datetime
    submission_path: str | None
    attempt_id: str | None
    run_id: str | None
    seed: int
    technique: str | None
    status: Status
    message: str
    threshold_kind: ThresholdKind
    agent_id: str | None
    started_at: datetime | None
    finished_at: datetime | None
    agent_secs: float | None
    exit_code: int | None
    tries: int
    issues: tuple[str, ...]
    technique_grade: Mapping[str, Any] | None = None
    model_calls: int | None = None
    input_tokens: int | None = None
    output_tokens: int | None = None
    cost_usd: float | None = None

    @property
    def thresholds(self) -> Thresholds:
        """The competition's thresholds."""
        return Thresholds(
            kind=self.threshold_kind,
            gold=self.gold_threshold,
            silver=self.silver_threshold,
            bronze=self.bronze_threshold,
            median=self.median_threshold,
            lower_is_better=self.is_lower_better,
        )

    @property
    def medal(self) -> Medal:
        """The best medal the score earns; a technique's score earns none."""
        return Medal.NONE if self.technique is not None else self.thresholds.medal(self.score)

    @property
    def scored(self) -> bool:
        """Whether it says something about the agent, and so counts in rates; the rule is in grading.statistics."""
        asked = self.technique_grade is None or bool(self.technique_grade["applicable"])
        return asked and not self.status.lost_to_machinery and self.status is not Status.CANCELLED

    def to_json(self) -> dict[str, Any]:
        """Give it as JSON values, times in ISO 8601."""
        values = {field.name: getattr(self, field.name) for field in fields(self)}
        times = {name: values[name].isoformat() for name in TIMES if values[name] is not None}
        return values | times | {"status": str(self.status), "threshold_kind": str(self.threshold_kind)}

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> "AttemptReport":
        """Take what `to_json` gave, also after a trip through JSON. Further keys are ignored.

        Raises:
            InputError: a key is missing, or a value cannot be one of a report.
        """
        # reports of older versions have not all of them
        values = {field.name: field.default for field in fields(cls) if field.default is not MISSING} | dict(values)
        names = [field.name for field in fields(cls)]
        missing = [name for name in names if name not in values]
        if missing:
            raise InputError(f"not a report of this program: {', '.join(missing[:5])} missing")
        known = {name: values[name] for name in names}
        try:
            times = {name: datetime.fromisoformat(known[name]) for name in TIMES if known[name] is not None}
            status, kind = Status(known["status"]), ThresholdKind(known["threshold_kind"])
            issues = tuple(known["issues"])
        except (TypeError, ValueError) as error:
            raise InputError(f"not a report of this program: {error}") from error
        return cls(**known | times | {"status": status, "threshold_kind": kind, "issues": issues})


def attempt_report(
    *,
    competition_id: str,
    thresholds: Thresholds,
    score: float | None,
    submission_exists: bool,
    submission_path: str | None,
    status: Status,
    message: str = "",
    attempt_id: str | None = None,
    run_id: str | None = None,
    seed: int = 0,
    technique: str | None = None,
    agent_id: str | None = None,
    started_at: datetime | None = None,
    finished_at: datetime | None = None,
    agent_secs: float | None = None,
    exit_code: int | None = None,
    tries: int = 1,
    issues: tuple[str, ...] = (),
    model_use: ModelUse | None = None,
) -> AttemptReport:
    """Make the report of an attempt, created now; without a score all about medals and the median is false."""
    medal = thresholds.medal(score)
    return AttemptReport(
        competition_id=competition_id,
        score=score,
        gold_threshold=thresholds.gold,
        silver_threshold=thresholds.silver,
        bronze_threshold=thresholds.bronze,
        median_threshold=thresholds.median,
        any_medal=medal is not Medal.NONE,
        gold_medal=medal is Medal.GOLD,
        silver_medal=medal is Medal.SILVER,
        bronze_medal=medal is Medal.BRONZE,
        above_median=thresholds.above_median(score),
        submission_exists=submission_exists,
        valid_submission=score is not None,
        is_lower_better=thresholds.lower_is_better,
        created_at=datetime.now(UTC),
        submission_path=submission_path,
        attempt_id=attempt_id,
        run_id=run_id,
        seed=seed,
        technique=technique,
        status=status,
        message=" ".join(message.split())[:MESSAGE_LENGTH],
        threshold_kind=thresholds.kind,
        agent_id=agent_id,
        started_at=started_at,
        finished_at=finished_at,
        agent_secs=agent_secs,
        exit_code=exit_code,
        tries=tries,
        issues=issues,
        model_calls=model_use.calls if model_use else None,
        input_tokens=model_use.input_tokens if model_use else None,
        output_tokens=model_use.output_tokens if model_use else None,
        cost_usd=model_use.cost_usd if model_use else None,
    )


def grading_report(
    reports: Sequence[AttemptReport],
    *,
    planned: int,
    splits: Mapping[str, Collection[str]],
) -> dict[str, Any]:
    """Give the content of grading_report.json: the reference benchmark's fields, then ours.

    The reference's totals count reports as they are. Ours: how many attempts were planned and how many are scored,
    how many ended with each status, the rates over the run and over each split that shares a competition with it
    (a split's coverage names what the run lacks of it), and the scores of each competition over seeds.

    Args:
        planned: number of attempts the run consists of.
        splits: name -> competition ids.
    """
    from grading.statistics import aggregate, competition_scores  # numpy only where a run is summed up

    present = {report.competition_id for report in reports}
    touched = {name: ids for name, ids in sorted(splits.items()) if present & set(ids)}
    return {
        **_totals(reports),
        "competition_reports": [report.to_json() for report in reports],
        "planned_runs": planned,
        "scored_runs": sum(report.scored for report in reports),
        "statuses": dict(sorted(Counter(str(report.status) for report in reports).items())),
        **model_totals(reports),
        "threshold_kinds": sorted({str(report.threshold_kind) for report in reports}),
        "rates": aggregate(reports, planned=planned).to_json(),
        "rates_by_split": {
            name: aggregate(reports, competitions=frozenset(ids)).to_json() for name, ids in touched.items()
        },
        "scores_by_competition": [entry.to_json() for entry in competition_scores(reports)],
    }


def model_totals(reports: Sequence[AttemptReport]) -> dict[str, int | float | None]:
    """Sum up what the attempts used of models: all None where none did, the cost also where one's is unknown."""
    users = [report for report in reports if report.model_calls is not None]
    costs = [report.cost_usd for report in users if report.cost_usd is not None]
    return {
        "total_model_calls": sum(report.model_calls or 0 for report in users) if users else None,
        "total_input_tokens": sum(report.input_tokens or 0 for report in users) if users else None,
        "total_output_tokens": sum(report.output_tokens or 0 for report in users) if users else None,
        "total_cost_usd": round(sum(costs), 9) if users and len(costs) == len(users) else None,
    }


def _totals(reports: Sequence[AttemptReport]) -> dict[str, int]:
    return {
        "total_runs": len(reports),
        "total_runs_with_submissions": sum(report.submission_exists for report in reports),
        "total_valid_submissions": sum(report.valid_submission for report in reports),
        "total_medals": sum(report.any_medal for report in reports),
        "total_gold_medals": sum(report.gold_medal for report in reports),
        "total_silver_medals": sum(report.silver_medal for report in reports),
        "total_bronze_medals": sum(report.bronze_medal for report in reports),
        "total_above_median": sum(report.above_median for report in reports),
    }
