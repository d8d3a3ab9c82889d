"""Views of the dev competitions for tests, made once in a process, and answers to them."""

import json
import os
from functools import cache
from pathlib import Path
from typing import Any

from agents.baseline.learner.skills import ANSWERS
from agents.baseline.learner.skills.tables import Tables
from core.errors import NotApplicable
from grading.answers import named
from grading.checks import TechniqueGrade
from tasks.data import prepare
from tasks.registry import Competition, competition_roots, list_techniques, load_competition
from tasks.registry import load_technique as read_technique
from tasks.splits import load_split
from tasks.technique import Technique
from tasks.views import View, make_view, view_description

ROOTS = competition_roots(None)
DEV = load_split("dev", roots=ROOTS).competitions
TECHNIQUES = list_techniques()
SEEDS, FEW_SEEDS = 20, 8
LARGE = ("flight-delays", "diamond-prices")  # their views take long: for the integration tests


load_technique = cache(read_technique)


def pairs(*, large: bool) -> list[tuple[str, str]]:
    """Techniques with the dev competitions whose folders let them be asked."""
    return [
        (technique, competition)
        for technique in TECHNIQUES
        for competition in DEV
        if (competition in LARGE) == large
        and load_technique(technique).inapplicable(load_competition(competition, roots=ROOTS)) is None
    ]


@cache
def views(technique_id: str, competition_id: str, data_dir: Path, *, seeds: int = FEW_SEEDS) -> tuple[View, ...]:
    """The views of the first seeds; none where the data does not bear the question."""
    technique, competition = load_technique(technique_id), load_competition(competition_id, roots=ROOTS)
    prepared = prepare(competition, data_dir)
    try:
        return tuple(make_view(technique, competition, prepared, seed) for seed in range(seeds))
    except NotApplicable:
        return ()


def data_folder(base: Path) -> Path:
    """One data folder for all processes of a test run, so that a view is made once."""
    folder = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "technique-data"
    folder.mkdir(exist_ok=True)
    return folder


def most_frequent(answers: list[dict[str, Any]]) -> dict[str, Any]:
    """The best that can be said without looking: for each field the value that is right most often."""

    def most(values: list[Any]) -> Any:
        return max(values, key=lambda value: sum(json.dumps(value) == json.dumps(other) for other in values))

    return {field: most([answer[field] for answer in answers]) for field in answers[0]}


def graded(technique_id: str, answer: object, view: View) -> TechniqueGrade:
    """Grade an answer after a trip through JSON."""
    return load_technique(technique_id).grade_answer(named(json.loads(json.dumps(answer))), view.truth())


def baseline_answer(technique: Technique, view: View) -> dict[str, Any]:
    """What the baseline agent says, which sees only what is public."""
    tables = Tables.read(view.public, view_description(technique, view))
    return ANSWERS[technique.id](tables)


def competition(competition_id: str) -> Competition:
    """Load one of the dev competitions."""
    return load_competition(competition_id, roots=ROOTS)
