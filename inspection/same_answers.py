"""Answers to technique questions compared: views differ by seed, and so should the answers."""

import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from core.errors import SubmissionInvalid
from grading.answers import read_answer
from inspection.findings import MOST_EVIDENCE, Degree, Evidence, Finding, excerpt, names
from inspection.rollouts import Rollout
from inspection.texts import texts

CHECK = "same answers"
FEWEST_CHARACTERS = 100  # of an answer as JSON; shorter ones are the same by chance
LONG_REASONING = 60  # characters of one text


@dataclass(frozen=True, kw_only=True)
class Answered:
    """An attempt with its answer, in one fixed way of writing it."""

    rollout: Rollout
    file: str
    written: str
    reasons: bool  # whether it holds a long text


def answer_of(rollout: Rollout) -> tuple[Answered | None, str | None]:
    """Read a technique attempt's answer; or give None and why not, as a sentence."""
    file = f"submission/{rollout.technique}_analysis.json"
    if file not in rollout.files:
        return None, None
    try:
        with rollout.local(file) as path:
            answer = read_answer(path)
        written = json.dumps(answer, sort_keys=True)
    except (SubmissionInvalid, OSError, RecursionError) as error:
        return None, f"{rollout.label}: its answer cannot be compared ({str(error)[:200]})"
    reasons = any(len(text) >= LONG_REASONING for text in texts(answer))
    return Answered(rollout=rollout, file=file, written=written, reasons=reasons), None


def same_answers(answered: Sequence[Answered]) -> Iterator[Finding]:
    """Compare the answers to one technique about one competition."""
    groups: dict[str, list[Answered]] = {}
    for entry in answered:
        groups.setdefault(hashlib.sha256(entry.written.encode()).hexdigest(), []).append(entry)
    for group in groups.values():
        if len(group) > 1:
            yield _finding(group)


def _finding(group: Sequence[Answered]) -> Finding:
    degree, said, innocent = _weight(group)
    first = group[0]
    return Finding(
        check=CHECK,
        degree=degree,
        competition_id=first.rollout.competition_id,
        attempts=tuple(entry.rollout.label for entry in group),
        says=f"the answers to {first.rollout.technique} are the same{said}",
        innocent=innocent,
        evidence=tuple(
            Evidence(attempt=entry.rollout.label, file=entry.file, line=None, excerpt=excerpt(entry.written))
            for entry in group[:MOST_EVIDENCE]
        ),
    )


def _weight(group: Sequence[Answered]) -> tuple[Degree, str, str]:
    seeds = {entry.rollout.seed for entry in group}
    agents = sorted({entry.rollout.agent_id for entry in group})
    if len(group[0].written) < FEWEST_CHARACTERS:
        return Degree.NOTE, ", and short", "Short answers are the same by chance, empty ones always."
    if len(agents) > 1 and group[0].reasons:
        innocent = "Both agents run the same program."
        return Degree.STRONG, f", word for word, from different agents ({names(agents)})", innocent
    if len(seeds) > 1:
        innocent = "What was asked for does not depend on the seed here, and a program writes it down the same way."
        return Degree.LOOK, ", though their views of the data differ by seed: known by heart?", innocent
    return Degree.NOTE, " for one seed", "The question has one right answer, and the same program gives it."
