"""The vocabulary of checks: how an answer is held against the truth, and what a check reports.

A check gives a share of its points from 0 to 1. It counts as much as the checks it rests on: a judgement without
the facts behind it is a guess, and earns what its facts earned of theirs.
"""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from grading.answers import Answer, excerpt

Truth = Mapping[str, Any]
PASSED_AT = 0.7
DECIMALS = 5


@dataclass(frozen=True, kw_only=True)
class Finding:
    """What one check found.

    Attributes:
        share: of the check's points, 0 to 1; None where the view gives nothing to ask.
        expected: what the truth is.
        answered: what was said.
        note: what is wrong, for people.
    """

    share: float | None
    expected: Any
    answered: Any
    note: str = ""


Check = Callable[[Answer, Truth], Finding]


@dataclass(frozen=True, kw_only=True)
class Weighed:
    """A check with its place in the score.

    Attributes:
        weight: points that it can earn.
        needs: names of the checks that it rests on; they come before it.
        is_extra: its points are added to the score and not missed where they are not earned.
    """

    name: str
    weight: float
    needs: tuple[str, ...]
    check: Check
    is_extra: bool = False


@dataclass(frozen=True, kw_only=True)
class TechniqueGrade:
    """The graded answer to one technique.

    Attributes:
        score: from 0 to 1; None where the technique is not applicable or nothing could be graded.
        applicable: whether the technique can be asked of the competition; `message` says why not.
        checks: each with name, weight, points, expected, answered, note.
        judge: what a model thought of the reasoning, beside the score; None where none was asked.
    """

    task: str
    score: float | None
    passed: bool
    applicable: bool
    checks: tuple[Mapping[str, Any], ...]
    message: str
    judge: Mapping[str, Any] | None = None

    def to_json(self) -> dict[str, Any]:
        """Give it as JSON values."""
        return {**self.__dict__, "checks": [dict(check) for check in self.checks]}

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> "TechniqueGrade":
        """Take what `to_json` gave."""
        return cls(**{**values, "checks": tuple(values["checks"])})


def graded(task: str, checks: Sequence[Weighed], answer: Answer, truth: Truth) -> TechniqueGrade:
    """Grade an answer by `checks`: the weighted sum of their shares over the points there are."""
    shares: dict[str, float | None] = {}
    rows: list[Mapping[str, Any]] = []
    for entry in checks:
        finding = entry.check(answer, truth)
        share = finding.share
        for needed in entry.needs:
            share = share if share is None or shares[needed] is None else share * (shares[needed] or 0.0)
        shares[entry.name] = share
        rows.append(_row(entry, finding, share))
    possible = sum(row["weight"] for row in rows if row["points"] is not None and not row["is_extra"])
    earned = sum(row["points"] for row in rows if row["points"] is not None)
    score = round(min(earned / possible, 1.0), DECIMALS) if possible else 0.0
    low = [row["name"] for row in rows if row["points"] is not None and row["points"] < row["weight"]]
    message = f"points were lost at {', '.join(low)}" if low else "all right"
    return TechniqueGrade(
        task=task, score=score, passed=score >= PASSED_AT, applicable=True, checks=tuple(rows), message=message
    )


def _row(entry: Weighed, finding: Finding, share: float | None) -> Mapping[str, Any]:
    return {
        "name": entry.name,
        "weight": entry.weight,
        "points": None if share is None else round(entry.weight * share, DECIMALS),
        "needs": list(entry.needs),
        "is_extra": entry.is_extra,
        "expected": excerpt(finding.expected),
        "answered": excerpt(finding.answered),
        "note": finding.note,
    }


def ungraded(task: str, message: str) -> TechniqueGrade:
    """Give the grade of an answer that cannot be read, or is not there: 0, with the reason."""
    return TechniqueGrade(task=task, score=0.0, passed=False, applicable=True, checks=(), message=message)


def not_applicable(task: str, reason: str) -> TechniqueGrade:
    """Give the grade of what cannot be asked: no score, with the reason."""
    return TechniqueGrade(task=task, score=None, passed=False, applicable=False, checks=(), message=reason)


def lost(task: str, reason: str) -> TechniqueGrade:
    """Give the grade of an attempt that says nothing about the agent: no score, with the reason."""
    return TechniqueGrade(task=task, score=None, passed=False, applicable=True, checks=(), message=reason)


def f1(found: Iterable[str], truth: Collection[str]) -> float:
    """Give the harmonic mean of precision and recall of a set of names; 1 where both are empty."""
    said, right = set(found), set(truth)
    if not said and not right:
        return 1.0
    return 2 * len(said & right) / (len(said) + len(right))


def near(value: float | None, expected: float, *, relative: float, absolute: float = 0.0) -> bool:
    """Whether a number is there and within the larger of the two tolerances of `expected`."""
    return value is not None and abs(value - expected) <= max(relative * abs(expected), absolute) + 1e-12


def mean(shares: Iterable[float | bool]) -> float | None:
    """Give the mean of shares; None where there is none to ask for."""
    values = [float(share) for share in shares]
    return sum(values) / len(values) if values else None
