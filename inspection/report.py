"""All checks over the attempts of one or more runs: a report, not a verdict."""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from inspection.by_hand import labelled_by_hand
from inspection.code import Source, sources
from inspection.copies import Submitted, copied, copied_bytes
from inspection.findings import Degree, Finding
from inspection.judge import Ask, Opinion, opinion
from inspection.predictions import SUBMISSION, predictions_of, sample_predictions
from inspection.reaching import reaching
from inspection.rollouts import Known, Rollout
from inspection.same_answers import answer_of, same_answers
from inspection.similar_code import Notebook, Written, commonplace, similar_code
from inspection.winnow import fingerprints

NOTICE = "Findings are places to look at, not verdicts: each says what an innocent reason would be."


@dataclass(frozen=True, kw_only=True)
class Report:
    """What all checks found.

    Attributes:
        attempts: labels of all that were inspected.
        findings: by competition, the strongest first.
        limits: what could not be looked at, or only in part, as sentences.
        opinions: of a model, where one was asked.
    """

    runs: tuple[str, ...]
    attempts: tuple[str, ...]
    findings: tuple[Finding, ...]
    limits: tuple[str, ...]
    opinions: tuple[Opinion, ...] = ()

    def counts(self) -> dict[str, int]:
        """How many findings there are of each degree, the strongest first."""
        found = Counter(str(finding.degree) for finding in self.findings)
        return {str(degree): found[str(degree)] for degree in reversed(Degree)}

    def to_json(self) -> dict[str, Any]:
        """Give it as JSON values."""
        return {
            "notice": NOTICE,
            "runs": list(self.runs),
            "attempts": list(self.attempts),
            "counts": self.counts(),
            "findings": [finding.to_json() for finding in self.findings],
            "limits": list(self.limits),
            "opinions": [entry.to_json() for entry in self.opinions],
        }


@dataclass(kw_only=True)
class _Gathered:
    findings: list[Finding]
    limits: list[str]

    def add(self, findings: Iterable[Finding], limits: Iterable[str] = ()) -> None:
        self.findings += findings
        self.limits += limits


def inspect(
    rollouts: Sequence[Rollout],
    *,
    known_of: Callable[[str], Known],
    notebooks: Sequence[Notebook] = (),
    note: Callable[[str], None] = lambda text: None,
) -> Report:
    """Run all checks.

    Args:
        rollouts: the attempts, of one or more runs.
        known_of: gives what this host knows of a competition, by its id.
        notebooks: references to compare code with.
        note: is told what is being looked at.
    """
    gathered = _Gathered(findings=[], limits=[])
    code: dict[str, list[Source]] = {}
    written = []
    for rollout in rollouts:
        code[rollout.label], limits = sources(rollout)
        gathered.add((), limits)
        written.append(Written(rollout=rollout, prints=fingerprints(code[rollout.label])))
    common = commonplace(written, notebooks)
    for competition_id in sorted({rollout.competition_id for rollout in rollouts}):
        ours = [rollout for rollout in rollouts if rollout.competition_id == competition_id]
        note(f"{competition_id}: {len(ours)} attempts")
        known = known_of(competition_id)
        if known.data is None:
            said = f"{competition_id}: its data is not on this host; nothing was compared with the sample submission"
            gathered.add((), [said])
        _submissions(ours, known, code, gathered)
        _answers(ours, gathered)
        for rollout in ours:
            gathered.add(*reaching(rollout, known))
        by_competition = [entry for entry in written if entry.rollout.competition_id == competition_id]
        gathered.add(similar_code(by_competition, notebooks, common))
    return Report(
        runs=tuple(dict.fromkeys(rollout.run_id for rollout in rollouts)),
        attempts=tuple(rollout.label for rollout in rollouts),
        findings=tuple(
            sorted(gathered.findings, key=lambda entry: (entry.competition_id, -entry.degree.rank, entry.check))
        ),
        limits=tuple(dict.fromkeys(gathered.limits)),
    )


def with_opinions(
    report: Report, rollouts: Sequence[Rollout], *, model: str, ask: Ask, note: Callable[[str], None]
) -> Report:
    """Have a model read every attempt, and add what it thinks."""
    opinions = []
    for rollout in rollouts:
        note(f"{model} reads {rollout.label}")
        concerned = [finding for finding in report.findings if rollout.label in finding.attempts]
        opinions.append(opinion(rollout, concerned, model=model, ask=ask))
    return replace(report, opinions=tuple(opinions))


def _submissions(rollouts: Sequence[Rollout], known: Known, code: dict[str, list[Source]], gathered: _Gathered) -> None:
    """Check submissions for copies and for handwork. One at a time is in memory as a whole."""
    ours = [rollout for rollout in rollouts if rollout.technique is None and SUBMISSION in rollout.files]
    sample = sample_predictions(known)
    submitted, unreadable = [], []
    for rollout in ours:
        predictions, why_not = predictions_of(rollout, known, rows=None if sample is None else sample.rows)
        if predictions is None:
            unreadable.append(rollout)
            gathered.add((), [why_not] if why_not else ())
            continue
        submitted.append(Submitted(rollout=rollout, predictions=predictions))
        gathered.add(labelled_by_hand(rollout, predictions, code[rollout.label]))
    gathered.add(copied(submitted, sample))
    gathered.add(copied_bytes(unreadable))


def _answers(rollouts: Sequence[Rollout], gathered: _Gathered) -> None:
    for technique in sorted({rollout.technique for rollout in rollouts if rollout.technique is not None}):
        answered = []
        for rollout in rollouts:
            if rollout.technique == technique:
                answer, why_not = answer_of(rollout)
                answered += [] if answer is None else [answer]
                gathered.add((), [why_not] if why_not else ())
        gathered.add(same_answers(answered))
