"""The four properties of technique tasks over twenty seeds, on every dev competition that a technique applies to."""

from statistics import fmean

import pytest

from tests.tasks.asking import (
    SEEDS,
    baseline_answer,
    data_folder,
    graded,
    load_technique,
    most_frequent,
    pairs,
    views,
)

EVERY = pairs(large=False) + pairs(large=True)


@pytest.mark.timeout(400)  # twenty views of the large tables
@pytest.mark.parametrize(("technique", "asked_of"), EVERY)
def test_truth_nonsense_constants_and_baseline_over_twenty_seeds(
    technique: str, asked_of: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    made = views(technique, asked_of, data_folder(tmp_path_factory.getbasetemp()), seeds=SEEDS)
    if not made:
        assert asked_of == "food-reviews"
        return
    truths = [view.truth()["answer"] for view in made]
    assert [graded(technique, truth, view).score for truth, view in zip(truths, made, strict=True)] == [1.0] * SEEDS
    nonsense = {field: "median outliers class leakage " * 500 for field in load_technique(technique).fields}
    assert [graded(technique, nonsense, view).score for view in made] == [0.0] * SEEDS
    for number, constant in enumerate([*truths[:5], most_frequent(truths)]):
        others = [view for place, view in enumerate(made) if place != number]
        assert fmean(graded(technique, constant, view).score or 0.0 for view in others) < 0.35
    answers = [baseline_answer(load_technique(technique), view) for view in made]
    assert fmean(graded(technique, answer, view).score or 0.0 for answer, view in zip(answers, made, strict=True)) > 0.8
