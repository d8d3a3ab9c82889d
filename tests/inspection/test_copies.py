"""Submissions and answers compared: each copy is found, and what honest attempts have in common is none."""

import json
import os
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from inspection.findings import Finding
from inspection.report import Report
from tests.inspection.conftest import ROWS, Site, choices, noise, table

SUBMISSION = "submission/submission.csv"


def copies(report: Report) -> list[Finding]:
    return [finding for finding in report.findings if finding.check == "copied submissions"]


def masks(seed: int) -> list[str]:
    starts = np.random.default_rng(seed).integers(1, 90_000, size=(ROWS, 3))
    return [" ".join(f"{start} {start % 50 + 1}" for start in sorted(row)) for row in starts]


@pytest.mark.parametrize(
    ("kind", "values"),
    [("number", lambda seed: noise(seed)), ("label", choices), ("text", masks)],
)
def test_predictions_of_different_attempts_are_no_copies(site: Site, kind: str, values: Callable[[int], Any]) -> None:
    site.competition("made-up", kind)
    for seed, agent in enumerate(("one", "two", "two")):
        site.run("made-up", {SUBMISSION: table(values(seed))}, agent=agent)
    assert site.inspect().findings == ()


@pytest.mark.parametrize(("kind", "values"), [("number", noise(1)), ("label", choices(1)), ("text", masks(1))])
def test_another_agents_predictions_in_another_order_are_a_strong_finding(
    site: Site, kind: str, values: list[object]
) -> None:
    site.competition("made-up", kind)
    site.run("made-up", {SUBMISSION: table(values)}, agent="one")
    site.run("made-up", {SUBMISSION: table(values, order=range(ROWS)[::-1])}, agent="two")
    (found,) = copies(site.inspect())
    assert (found.degree, found.attempts) == ("strong", ("made-up seed 0 of run0", "made-up seed 0 of run1"))
    assert "the same in all 400 rows, from different agents (one, two)" in found.says


def test_numbers_written_in_another_way_are_the_same(site: Site) -> None:
    site.competition("made-up")
    values = np.abs(noise(1))
    site.run("made-up", {SUBMISSION: table(values)}, agent="one")
    site.run("made-up", {SUBMISSION: table([f"{value:.17e}" for value in values])}, agent="two")
    (found,) = copies(site.inspect())
    assert found.says.startswith("the predictions are the same in all 400 rows")


def test_seeds_that_a_deterministic_agent_ignores_are_a_note_that_says_so(site: Site) -> None:
    site.competition("made-up")
    site.run("made-up", *[{SUBMISSION: table(noise(1))}] * 3)
    (found,) = copies(site.inspect())
    assert (found.degree, len(found.attempts)) == ("note", 3)
    assert "ignores its seed" in found.innocent


def test_two_equal_attempts_of_an_agent_that_is_not_deterministic_ask_for_a_look(site: Site) -> None:
    site.competition("made-up")
    site.run("made-up", *[{SUBMISSION: table(noise(seed))} for seed in (1, 1, 2)])
    (found,) = copies(site.inspect())
    assert found.degree == "look"
    assert "not deterministic" in found.says


def test_the_sample_submission_is_a_note_whoever_hands_it_in(site: Site) -> None:
    site.competition("made-up")
    for agent in ("one", "two"):
        site.run("made-up", {SUBMISSION: table(["0.50"] * ROWS)}, agent=agent)
    (found,) = copies(site.inspect())
    assert (found.degree, found.says) == ("note", "handed in the sample submission")


def test_the_dummy_agent_gives_a_note_and_nothing_else(site: Site, tmp_path: Path) -> None:
    site.competition("made-up")
    data = site.known("made-up").data
    assert data is not None
    agent = Path(__file__).resolve().parent.parent.parent / "agents" / "dummy"
    folders = {f"{name.upper()}_DIR": str(tmp_path / name) for name in ("submission", "code", "logs")}
    for folder in folders.values():
        Path(folder).mkdir()
    env = {"PATH": os.environ["PATH"], "AGENT_DIR": str(agent), "DATA_DIR": str(data.public), **folders}
    said = subprocess.run(["bash", str(agent / "start.sh")], env=env, check=True, capture_output=True).stdout
    left = {path for folder in folders.values() for path in Path(folder).iterdir()}
    files = {path.relative_to(tmp_path).as_posix(): path.read_bytes() for path in left} | {"run.log": said}
    site.run("made-up", files, files, agent="dummy")
    (found,) = site.inspect().findings
    assert (found.degree, found.says) == ("note", "handed in the sample submission")


def test_a_constant_that_two_agents_hand_in_is_a_note(site: Site) -> None:
    site.competition("made-up", "label")
    for agent in ("one", "two"):
        site.run("made-up", {SUBMISSION: table(["dog"] * ROWS)}, agent=agent)
    (found,) = copies(site.inspect())
    assert found.degree == "note"
    assert "nearly all rows are alike" in found.says


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda values: values + 1e-3 * noise(9), "correlation 0.99999"),
        (lambda values: 3 * values - 7, "correlation 1.0"),
        (lambda values: np.exp(values), "correlation of ranks 1.0"),
        (lambda values: np.where(np.arange(ROWS) % 20 == 0, noise(8), values), "rows equal to"),
    ],
)
def test_a_disguised_copy_of_another_agents_numbers_asks_for_a_look(
    site: Site, change: Callable[[Any], Any], says: str
) -> None:
    site.competition("made-up")
    site.run("made-up", {SUBMISSION: table(noise(1))}, agent="one")
    site.run("made-up", {SUBMISSION: table(change(noise(1)))}, agent="two")
    (found,) = copies(site.inspect())
    assert found.degree == "look"
    assert says in found.says
    assert [(entry.attempt, entry.file) for entry in found.evidence][:2] == [
        ("made-up seed 0 of run0", SUBMISSION),
        ("made-up seed 0 of run1", SUBMISSION),
    ]
    first, second = found.evidence[:2]
    assert first.line == second.line, "the same row, in the same order of rows"


def test_two_models_of_one_truth_are_no_copies(site: Site) -> None:
    site.competition("made-up")
    for seed, agent in enumerate(("one", "two")):
        site.run("made-up", {SUBMISSION: table(noise(1) + 0.01 * noise(seed + 5))}, agent=agent)
    assert copies(site.inspect()) == []


def test_most_run_lengths_of_another_agent_are_found(site: Site) -> None:
    site.competition("made-up", "text")
    changed = [own if row % 30 else other for row, (own, other) in enumerate(zip(masks(1), masks(2), strict=True))]
    site.run("made-up", {SUBMISSION: table(masks(1))}, agent="one")
    site.run("made-up", {SUBMISSION: table(changed)}, agent="two")
    (found,) = copies(site.inspect())
    assert "rows with a long text" in found.says


def test_what_is_no_table_is_compared_by_its_bytes(site: Site) -> None:
    site.competition("made-up")
    for agent in ("one", "two"):
        site.run("made-up", {SUBMISSION: b"\x00\xff not a table"}, agent=agent)
    report = site.inspect()
    (found,) = copies(report)
    assert (found.degree, "byte by byte" in found.says) == ("look", True)
    assert any("no table to compare" in limit for limit in report.limits)


def answers(site: Site, agent: str, *contents: object) -> None:
    files = [{"submission/cv_analysis.json": json.dumps(content)} for content in contents]
    site.run("made-up", *files, agent=agent, technique="cv")


REASONED = {"score": 0.8123, "reasoning": "The folds differ by group, so that groups are to be kept together. " * 2}


def test_the_same_answer_for_different_views_asks_for_a_look(site: Site) -> None:
    site.competition("made-up")
    answers(site, "one", REASONED, dict(reversed(REASONED.items())), REASONED | {"score": 0.7})
    (found,) = site.inspect().findings
    assert (found.check, found.degree, len(found.attempts)) == ("same answers", "look", 2)
    assert "differ by seed" in found.says


def test_another_agents_words_are_a_strong_finding_and_empty_answers_a_note(site: Site) -> None:
    site.competition("made-up")
    answers(site, "one", REASONED, {})
    answers(site, "two", REASONED, {})
    assert sorted(finding.degree for finding in site.inspect().findings) == ["note", "strong"]


def test_an_answer_that_is_none_is_said_and_breaks_nothing(site: Site) -> None:
    site.competition("made-up")
    site.run("made-up", {"submission/cv_analysis.json": "[" * 100_000}, technique="cv")
    report = site.inspect()
    assert report.findings == ()
    assert any("cannot be compared" in limit for limit in report.limits)
