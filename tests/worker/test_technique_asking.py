"""Which techniques a run asks: names, `all`, what cannot be asked, and the judge's key."""

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from core.errors import InputError
from store.runs import Store
from tests.tasks.asking import TECHNIQUES, competition
from worker.settings import Settings, load_settings
from worker.submitting import Order, create_run, plan
from worker.technique_asking import check_judge, chosen_techniques, not_asked, require_a_question


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return load_settings(data_dir=tmp_path / "data", runs_dir=tmp_path / "runs", env_file=tmp_path / ".env")


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    opened = Store.open(f"sqlite:///{tmp_path / 'runs.db'}")
    yield opened
    opened.close()


def test_all_means_every_technique() -> None:
    assert chosen_techniques(["all"]) == tuple(TECHNIQUES)
    assert chosen_techniques(["missing", "cv"]) == ("missing", "cv")


@pytest.mark.parametrize(
    ("names", "message"),
    [(["imbalanse"], "did you mean imbalance"), (["cv", "cv"], "twice"), (["cv", "all"], "unknown technique 'all'")],
)
def test_wrong_names_are_refused(names: list[str], message: str) -> None:
    with pytest.raises(InputError, match=re.escape(message)):
        chosen_techniques(names)


def test_a_run_has_an_attempt_for_each_pair_that_can_be_asked(settings: Settings, store: Store) -> None:
    order = Order(
        agent="dummy",
        competitions=("diamond-prices", "handwritten-digits"),
        techniques=("imbalance", "leakage"),
        sandbox="process",
        seeds=2,
    )
    run = create_run(plan(order, settings, local=True), store)
    pairs = [(row.competition_id, row.technique, row.seed) for row in store.progress(run.run_id)]
    assert sorted(pairs) == [
        *[("diamond-prices", "leakage", seed) for seed in (0, 1)],
        *[("handwritten-digits", "imbalance", seed) for seed in (0, 1)],
    ]
    assert run.planned == 4
    assert set(not_asked(run.request, competition)) == {
        ("diamond-prices", "imbalance"),
        ("handwritten-digits", "leakage"),
    }


def test_nothing_to_ask_is_refused_with_the_reasons(settings: Settings) -> None:
    order = Order(agent="dummy", competitions=("diamond-prices",), techniques=("imbalance",), sandbox="process")
    with pytest.raises(InputError, match=r"nothing to ask: .* of kind regression"):
        plan(order, settings, local=True)
    require_a_question((), [competition("diamond-prices")])


def test_a_judge_needs_techniques_and_a_key(settings: Settings) -> None:
    with pytest.raises(InputError, match="needs --techniques"):
        check_judge("model", (), {"OPENAI_API_KEY": "x"})
    with pytest.raises(InputError, match="OPENAI_API_KEY"):
        check_judge("model", ("cv",), {})
    check_judge("model", ("cv",), None)  # other hosts grade
    order = Order(agent="dummy", competitions=("credit-status",), techniques=("cv",), sandbox="process", judge="m1")
    assert plan(order, settings, local=False).request.judge == "m1"
    assert plan(replace(order, judge=None), settings, local=True).request.judge is None
