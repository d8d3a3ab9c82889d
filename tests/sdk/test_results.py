"""Answers: dictionaries with typed attributes."""

import copy
import json
import pickle
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sdk import Run, UnexpectedAnswer
from sdk.results import Answer, Artifacts, GradingReport
from tests.sdk.answers import run_object

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)


def test_an_answer_reads_as_the_dictionary_that_came() -> None:
    run = Run(run_object())
    assert run["status"] == "running"
    assert run["created_at"] == "2025-12-11T03:48:13+00:00"
    assert run.get("nothing", 1) == 1
    assert "message" in run
    assert dict(run) == run == run_object()
    assert json.loads(json.dumps(run)) == run_object()


def test_known_fields_are_typed_attributes() -> None:
    run = Run(run_object())
    assert (run.run_id, run.status) == ("0123456789ab", "running")
    assert run.created_at == datetime(2025, 12, 11, 3, 48, 13, tzinfo=UTC)
    assert run.updated_at == datetime(2025, 12, 11, 3, 49, 13, tzinfo=UTC)
    assert run.progress is not None
    assert (run.progress.planned, run.progress.done) == (6, 2)
    assert [log.name for log in run.logs or ()] == ["run.log"]


@pytest.mark.parametrize(
    ("status", "ended"), [("queued", False), ("running", False), ("completed", True), ("failed", True)]
)
def test_a_run_knows_whether_it_has_ended(status: str, ended: bool) -> None:
    assert Run(run_object(status)).ended is ended


def test_fields_that_are_not_known_stay_and_do_no_harm() -> None:
    assert Run(run_object(colour="blue"))["colour"] == "blue"


def test_fields_that_an_older_server_does_not_send_have_their_defaults() -> None:
    run = Run({"run_id": "a", "status": "queued", "created_at": "2025-12-11T03:48:13+00:00"})
    assert (run.message, run.progress, run.logs, run.request) == (None, None, (), {})


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"run_id": None}, "run_id"),
        ({"status": 5}, "status"),
        ({"created_at": "yesterday"}, "created_at"),
        ({"created_at": "2025-12-11T03:48:13"}, "zone"),
        ({"progress": {"planned": "six"}}, "planned"),
        ({"progress": {"planned": True}}, "planned"),
        ({"logs": "none"}, "logs"),
    ],
)
def test_a_field_of_another_type_is_named(change: dict[str, Any], named: str) -> None:
    with pytest.raises(UnexpectedAnswer, match=named):
        Run(run_object(**change))


def test_a_missing_field_is_named() -> None:
    with pytest.raises(UnexpectedAnswer, match="without 'run_id'"):
        Run({"status": "queued"})


def test_answers_cannot_be_changed() -> None:
    run = Run(run_object())
    with pytest.raises(AttributeError):
        run.status = "completed"
    with pytest.raises(AttributeError):
        run.colour = "blue"
    changes: list[Callable[[], object]] = [
        lambda: run.__setitem__("status", "completed"),
        lambda: run.__delitem__("status"),
        lambda: run.update(status="completed"),
        lambda: run.setdefault("colour", "blue"),
        lambda: run.__ior__({}),
        run.popitem,
        run.clear,
        lambda: run.pop("status"),
    ]
    for change in changes:
        with pytest.raises(TypeError, match="cannot be changed"):
            change()
    assert run == run_object()


def test_answers_can_be_copied_and_pickled() -> None:
    run = Run(run_object())
    for other in (copy.copy(run), copy.deepcopy(run), pickle.loads(pickle.dumps(run))):
        assert type(other) is Run
        assert (other, other.created_at) == (run, run.created_at)


@given(value=JSON)
@settings(max_examples=100, deadline=None)
def test_whatever_comes_is_an_answer_or_is_refused(value: Any) -> None:
    for kind in (Run, GradingReport, Artifacts):
        with pytest.raises(UnexpectedAnswer):
            kind(value)
    if isinstance(value, dict):
        assert Answer(value).keys() == value.keys()
