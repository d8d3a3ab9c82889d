"""The report of a technique attempt, and the technique grades of a run."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from core.status import Status
from grading.checks import DECIMALS, PASSED_AT, TechniqueGrade, lost, not_applicable
from grading.reports import AttemptReport

Pair = tuple[str, str]  # competition id, technique id


def technique_report(report: AttemptReport, grade: TechniqueGrade) -> AttemptReport:
    """Make the report of a technique attempt out of one without a score: its score is the grade's, from 0 to 1.

    Medals and thresholds are the competition's, and say nothing about a technique.
    """
    graded = grade.score is not None and bool(grade.checks)  # of an answer that cannot be read nothing is checked
    valid = graded and report.submission_exists and report.status is not Status.INVALID_SUBMISSION
    return replace(
        report,
        score=grade.score,
        valid_submission=valid,
        is_lower_better=False,
        technique_grade=grade.to_json(),
    )


def technique_grades(reports: Sequence[AttemptReport], *, inapplicable: Mapping[Pair, str]) -> dict[str, Any]:
    """Give the content of technique_grades.json.

    Each competition has its `tasks`, by technique, and a `summary` of them. With one seed a task is its attempt's
    grade; with several, its score is the mean over the seeds that were scored, with the standard error `sem` (None
    for one), its checks have their mean points, and `seeds` has each seed's own grade.

    Args:
        reports: of the run's attempts; those without a technique are left out.
        inapplicable: pairs that the run has no attempt of, with the reason.
    """
    groups: dict[Pair, list[AttemptReport]] = defaultdict(list)
    for report in reports:
        if report.technique is not None:
            groups[report.competition_id, report.technique].append(report)
    tasks: dict[str, dict[str, Any]] = defaultdict(dict)
    for (competition, technique), reason in inapplicable.items():
        tasks[competition][technique] = not_applicable(technique, reason).to_json() | {"sem": None, "seeds": []}
    for (competition, technique), group in groups.items():
        tasks[competition][technique] = _task(technique, sorted(group, key=lambda report: report.seed))
    return {
        competition: {"tasks": dict(sorted(found.items())), "summary": _summary(found.values())}
        for competition, found in sorted(tasks.items())
    }


def grade_of(report: AttemptReport) -> TechniqueGrade:
    """Give the grade that a technique attempt's report carries; one that was lost has none of its own."""
    if report.technique_grade is None:
        return lost(report.technique or "", f"{report.status}: {report.message}")
    return TechniqueGrade.from_json(report.technique_grade)


def overall(grades: Mapping[str, Any]) -> dict[str, Any]:
    """Give a run's mean score of each technique over its competitions, and of all: means over seeds, with errors.

    Args:
        grades: the content of technique_grades.json.
    """
    found = [
        (technique, entry["seed"], entry["score"])
        for graded in grades.values()
        for technique, task in graded["tasks"].items()
        for entry in task["seeds"]
        if task["applicable"] and entry["score"] is not None
    ]
    techniques = sorted({row[0] for row in found})
    return {
        "techniques": {name: _over_seeds([row[1:] for row in found if row[0] == name]) for name in techniques},
        "all": _over_seeds([row[1:] for row in found]),
    }


def _task(technique: str, group: Sequence[AttemptReport]) -> dict[str, Any]:
    from grading.statistics import mean_and_sem  # numpy only where a run is summed up

    grades = [grade_of(report) for report in group]
    asked = [grade for grade in grades if grade.applicable]
    scores = [grade.score for grade in asked if grade.score is not None]
    score, sem = mean_and_sem(scores)
    first = next((grade for grade in asked if grade.score is not None), grades[0])
    return {
        "task": technique,
        "score": score,
        "sem": sem,
        # As scores are compared: means of equal numbers are not always that number.
        "passed": score is not None and round(score, DECIMALS) >= PASSED_AT,
        "applicable": bool(asked),
        "checks": list(first.checks) if len(scores) <= 1 else _mean_checks(asked),
        "message": first.message if len(grades) == 1 else f"{len(scores)} of {len(grades)} seeds scored",
        "seeds": [
            {"seed": report.seed, "attempt_id": report.attempt_id, "status": str(report.status), **grade.to_json()}
            for report, grade in zip(group, grades, strict=True)
        ],
    }


def _mean_checks(grades: Sequence[TechniqueGrade]) -> list[dict[str, Any]]:
    """Give the checks with their mean points over the seeds that asked for them."""
    points: dict[str, list[float]] = defaultdict(list)
    weights: dict[str, float] = {}
    for grade in grades:
        for check in grade.checks:
            weights[check["name"]] = check["weight"]
            if check["points"] is not None:
                points[check["name"]].append(check["points"])
    unread = sum(grade.score is not None and not grade.checks for grade in grades)  # their answers earned nothing
    for earned in points.values():
        earned += [0.0] * unread
    return [
        {
            "name": name,
            "weight": weight,
            "points": sum(points[name]) / len(points[name]) if points[name] else None,
            "seeds": len(points[name]),
        }
        for name, weight in weights.items()
    ]


def _summary(tasks: Any) -> dict[str, Any]:
    scored = [task for task in tasks if task["applicable"] and task["score"] is not None]
    rows = [
        (entry["seed"], entry["score"])
        for task in scored
        for entry in task["seeds"]
        if entry["applicable"] and entry["score"] is not None
    ]
    over = _over_seeds(rows)
    passed = sum(task["passed"] for task in scored)
    return {
        "total": len(scored),
        "passed": passed,
        "pass_rate": passed / len(scored) if scored else None,
        "mean_score": over["mean"],
        "sem": over["sem"],
        "not_applicable": sum(not task["applicable"] for task in tasks),
        "not_scored": sum(task["applicable"] and task["score"] is None for task in tasks),
    }


def _over_seeds(rows: Sequence[tuple[int, float]]) -> dict[str, float | None]:
    """Give the mean over seeds of the seeds' means, and its standard error."""
    from grading.statistics import mean_and_sem

    by_seed: dict[int, list[float]] = defaultdict(list)
    for seed, score in rows:
        by_seed[seed].append(score)
    mean, sem = mean_and_sem([sum(scores) / len(scores) for _, scores in sorted(by_seed.items())])
    return {"mean": mean, "sem": sem}
