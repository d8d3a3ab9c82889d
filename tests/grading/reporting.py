"""Reports for tests."""

from core.status import Status
from grading.medals import ThresholdKind, Thresholds
from grading.reports import AttemptReport, attempt_report

# Higher is better, all apart by 0.1.
THRESHOLDS = Thresholds(
    kind=ThresholdKind.REFERENCE, gold=0.9, silver=0.8, bronze=0.7, median=0.6, lower_is_better=False
)
LOW_THRESHOLDS = Thresholds(
    kind=ThresholdKind.LEADERBOARD, gold=0.1, silver=0.2, bronze=0.3, median=0.4, lower_is_better=True
)


def report(
    competition_id: str,
    seed: int,
    score: float | None,
    *,
    status: Status = Status.COMPLETED,
    thresholds: Thresholds = THRESHOLDS,
    technique: str | None = None,
) -> AttemptReport:
    """Make a report that has a submission where it has a score."""
    return attempt_report(
        competition_id=competition_id,
        thresholds=thresholds,
        score=score,
        submission_exists=score is not None,
        submission_path=None if score is None else f"{competition_id}_{seed}/submission/submission.csv",
        seed=seed,
        status=status,
        technique=technique,
    )
