"""What keeps technique tasks honest, over many views: nonsense, constants, the truth, the baseline, any JSON."""

import json
import random
from pathlib import Path
from statistics import fmean
from typing import Any

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from grading.checks import Truth
from tests.tasks.asking import (
    TECHNIQUES,
    baseline_answer,
    competition,
    data_folder,
    graded,
    load_technique,
    most_frequent,
    pairs,
    views,
)

SMALL = pairs(large=False)
NOT_BORNE = {("missing", "food-reviews"), ("scaling", "food-reviews")}  # one column of prose has neither
WORDS = ("the model data class scaling outliers leakage robust stratified median imbalance " * 3).split()


@pytest.fixture(scope="session")
def data_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return data_folder(tmp_path_factory.getbasetemp())


def test_every_technique_is_there_and_names_its_checks() -> None:
    assert TECHNIQUES == ["cv", "encoding", "imbalance", "leakage", "missing", "scaling"]
    for name in TECHNIQUES:
        technique = load_technique(name)
        description = technique.description()
        assert technique.answer_file in description
        assert all(f"`{field}`" in description for field in technique.fields)
        json.loads(description.rsplit("```json\n", 1)[1].split("```")[0])


@pytest.mark.parametrize(("technique", "asked_of"), SMALL)
def test_the_truth_gets_all_points_and_nonsense_none(technique: str, asked_of: str, data_dir: Path) -> None:
    made = views(technique, asked_of, data_dir)
    assert bool(made) is ((technique, asked_of) not in NOT_BORNE)
    draw = random.Random(0)
    fields = load_technique(technique).fields
    for view in made:
        truth = view.truth()
        assert graded(technique, truth["answer"], view).score == 1.0
        long_words = " ".join(draw.choices(WORDS, k=2000))
        nonsense: list[Any] = [
            {},
            {field: long_words for field in fields},
            {field: [long_words[:200]] for field in fields},
            {field: {long_words[:50]: long_words[:50]} for field in fields},
            {long_words[:100]: long_words},
            dict.fromkeys(fields),
            {field: True for field in fields},
            {field: -17 for field in fields},
        ]
        assert [graded(technique, answer, view).score for answer in nonsense] == [0.0] * len(nonsense)


@pytest.mark.parametrize(("technique", "asked_of"), SMALL)
def test_an_answer_that_ignores_the_data_fails(technique: str, asked_of: str, data_dir: Path) -> None:
    """The truth of one view, given for the others, whichever it is; and the most frequent verdicts of all."""
    made = views(technique, asked_of, data_dir)
    if not made:
        return
    truths = [view.truth()["answer"] for view in made]
    every_column = list(pd.read_csv(made[0].public / "train.csv", nrows=1))
    named = dict.fromkeys(load_technique(technique).fields, every_column)
    constants = [*truths[:4], most_frequent(truths), named]
    for number, constant in enumerate(constants):
        others = [view for place, view in enumerate(made) if place != number]
        assert fmean(graded(technique, constant, view).score or 0.0 for view in others) < 0.35


@pytest.mark.parametrize(("technique", "asked_of"), SMALL)
def test_the_baseline_answers_well(technique: str, asked_of: str, data_dir: Path) -> None:
    made = views(technique, asked_of, data_dir)
    scores = [graded(technique, baseline_answer(load_technique(technique), view), view).score or 0.0 for view in made]
    assert not scores or fmean(scores) > 0.8


@pytest.mark.parametrize("technique", TECHNIQUES)
def test_views_of_different_seeds_have_different_truths(technique: str, data_dir: Path) -> None:
    truths = [json.dumps(view.truth(), sort_keys=True) for view in views(technique, "credit-status", data_dir)]
    assert len(set(truths)) == len(truths) > 1


@pytest.mark.parametrize("technique", TECHNIQUES)
def test_a_wrong_verdict_costs_points(technique: str, data_dir: Path) -> None:
    """Each field that is graded matters: with it taken out of the truth, the score falls."""
    ungraded = {"reasoning", "pattern_evidence", "reasoning_per_feature"}
    for field in set(load_technique(technique).fields) - ungraded:
        views_of = views(technique, "credit-status", data_dir)
        answers = [{k: v for k, v in view.truth()["answer"].items() if k != field} for view in views_of]
        scores = [graded(technique, answer, view).score or 0.0 for answer, view in zip(answers, views_of, strict=True)]
        assert max(scores) < 1.0, field


SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=10)
VALUES = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner), max_leaves=10
)


@pytest.mark.parametrize("technique", TECHNIQUES)
def test_any_json_gets_a_score_and_never_an_exception(technique: str, data_dir: Path) -> None:
    """Arbitrary values in the fields, alone and mixed into the truth at any depth."""
    view = views(technique, "credit-status", data_dir)[0]
    truth: Truth = view.truth()
    loaded, fields = load_technique(technique), load_technique(technique).fields

    @settings(max_examples=60, deadline=None)
    @given(st.dictionaries(st.sampled_from(fields), VALUES), st.data())
    def holds(answer: dict[str, Any], data: st.DataObject) -> None:
        for candidate in (answer, {**truth["answer"], **answer}, _mixed(truth["answer"], data)):
            score = loaded.grade_answer(candidate, truth).score
            assert score is not None
            assert 0.0 <= score <= 1.0

    holds()


def test_keys_and_numbers_as_texts_are_the_same_answer(data_dir: Path) -> None:
    for technique in TECHNIQUES:
        view = views(technique, "credit-status", data_dir)[0]
        answer = {key.upper(): _as_text(value) for key, value in view.truth()["answer"].items()}
        assert graded(technique, answer, view).score == 1.0


def test_what_cannot_be_asked_is_said_with_its_reason(data_dir: Path) -> None:
    assert "images" in (load_technique("leakage").inapplicable(competition("handwritten-digits")) or "")
    assert "regression" in (load_technique("imbalance").inapplicable(competition("diamond-prices")) or "")
    for technique in ("imbalance", "cv"):
        assert load_technique(technique).inapplicable(competition("handwritten-digits")) is None


def _mixed(value: Any, data: st.DataObject) -> Any:
    """A copy of `value` with something else somewhere in it."""
    if not isinstance(value, dict) or not value:
        return data.draw(VALUES)
    if data.draw(st.booleans()):
        return {**value, data.draw(st.text(max_size=3)): data.draw(VALUES)}
    key = data.draw(st.sampled_from(sorted(value)))
    return {**value, key: _mixed(value[key], data)}


def _as_text(value: Any) -> Any:
    if isinstance(value, dict):
        return {key.upper(): _as_text(entry) for key, entry in value.items()}
    if isinstance(value, list):
        return [_as_text(entry) for entry in value]
    return str(value)
