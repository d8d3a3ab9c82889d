"""The calls, carried out by hand: what they ask for, with a clock that does not wait."""

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pytest

from sdk import InputError, NotFound, Run, ServerUnreachable, StillRunning
from sdk.calls import OUTAGE_SECS, Calls
from sdk.wire import Pause, Reply, Request
from tests.sdk.answers import run_object
from tests.sdk.scripted_server import as_json


class Performed:
    """Carries a call out against answers in turn, the last one again and again. Time passes in pauses only."""

    def __init__(self, answers: Iterable[Any]) -> None:
        self.requests: list[Request] = []
        self.now = 1000.0
        self._answers = list(answers)

    def calls(self, **options: Any) -> Calls:
        return Calls(clock=lambda: self.now, **options)

    def __call__(self, flow: Any) -> Any:
        outcome: Any = None
        try:
            while True:
                thrown = isinstance(outcome, Exception)
                action = flow.throw(outcome) if thrown else flow.send(outcome)
                outcome = self._perform(action)
        except StopIteration as end:
            return end.value

    def _perform(self, action: Any) -> Any:
        if isinstance(action, Pause):
            self.now += action.secs
            return None
        self.requests.append(action)
        return self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]


def reply(value: Any, status: int = 200) -> Reply:
    return Reply(status=status, headers={}, body=as_json(value).body)


RUNNING, COMPLETED, FAILED = (reply(run_object(status)) for status in ("running", "completed", "failed"))
GONE = ServerUnreachable("gone", maybe_taken=True)


@pytest.mark.parametrize("end", [COMPLETED, FAILED])
def test_waiting_gives_the_run_also_one_that_failed(end: Reply) -> None:
    perform = Performed([RUNNING, RUNNING, end])
    run = perform(perform.calls().wait_for_completion("abc", poll_interval=7))
    assert run.ended
    assert perform.now == 1014


def test_the_latest_run_stays_the_one_that_it_was() -> None:
    perform = Performed([RUNNING, COMPLETED])
    perform(perform.calls().wait_for_completion("latest"))
    assert [request.path for request in perform.requests] == ["/runs/latest", "/runs/0123456789ab"]


def test_waiting_ends_at_its_time_limit_with_the_run_as_it_was() -> None:
    perform = Performed([RUNNING])
    with pytest.raises(StillRunning, match=r"is still running after 12 s \(2 of 6 attempts are done\)") as raised:
        perform(perform.calls().wait_for_completion("abc", poll_interval=5, timeout=12))
    assert isinstance(raised.value, TimeoutError)
    assert raised.value.run.status == "running"
    assert perform.now == 1012
    assert len(perform.requests) == 4  # at 0, 5, 10 and 12 seconds


def test_waiting_for_no_time_at_all_looks_once() -> None:
    perform = Performed([RUNNING])
    with pytest.raises(StillRunning):
        perform(perform.calls().wait_for_completion("abc", timeout=0))
    assert len(perform.requests) == 1


def test_a_server_that_comes_back_is_waited_for() -> None:
    perform = Performed([RUNNING, *[GONE] * 9, COMPLETED])
    assert perform(perform.calls(retries=0).wait_for_completion("abc", poll_interval=10)).status == "completed"


def test_a_server_that_stays_away_is_an_error() -> None:
    perform = Performed([RUNNING, GONE])
    with pytest.raises(ServerUnreachable):
        perform(perform.calls(retries=0).wait_for_completion("abc", poll_interval=10))
    assert OUTAGE_SECS < perform.now - 1000 < OUTAGE_SECS + 20


def test_a_server_that_is_away_at_first_is_an_error_at_once() -> None:
    perform = Performed([GONE])
    with pytest.raises(ServerUnreachable):
        perform(perform.calls(retries=0).wait_for_completion("abc"))
    assert len(perform.requests) == 1


def test_a_run_that_is_not_there_is_not_waited_for() -> None:
    perform = Performed([RUNNING, reply({"detail": "no such run"}, 404)])
    with pytest.raises(NotFound, match="no such run"):
        perform(perform.calls().wait_for_completion("abc"))


@pytest.mark.parametrize("wrong", [{"poll_interval": 0}, {"poll_interval": float("nan")}, {"timeout": -1}])
def test_times_that_make_no_sense_are_refused(wrong: dict[str, float]) -> None:
    perform = Performed([COMPLETED])
    with pytest.raises(InputError, match="expected seconds"):
        perform(perform.calls().wait_for_completion("abc", **wrong))
    assert perform.requests == []


def test_a_request_is_made_as_often_as_retries_say() -> None:
    perform = Performed([GONE])
    with pytest.raises(ServerUnreachable):
        perform(perform.calls(retries=2).list_agents())
    assert len(perform.requests) == 3


def test_a_submission_whose_answer_was_lost_is_not_repeated_and_says_what_to_do() -> None:
    perform = Performed([GONE])
    with pytest.raises(ServerUnreachable, match="look at list_runs"):
        perform(perform.calls().run(agent_id="dummy"))
    assert len(perform.requests) == 1


def test_a_submission_that_did_not_get_through_is_repeated() -> None:
    perform = Performed([ServerUnreachable("refused", maybe_taken=False), RUNNING])
    assert perform(perform.calls().run(agent_id="dummy")).run_id == "0123456789ab"


def test_a_submission_sends_what_was_said_and_no_more() -> None:
    perform = Performed([RUNNING])
    calls = perform.calls()
    perform(calls.run())
    perform(calls.run(competition_set=("a", "b"), lite=False, n_seeds=1, technique_tasks=["cv"], time_limit_secs=60))
    assert [request.body for request in perform.requests] == [
        {},
        {
            "competition_set": ["a", "b"],
            "lite": False,
            "n_seeds": 1,
            "technique_tasks": ["cv"],
            "time_limit_secs": 60,
        },
    ]


def page(first: int, size: int) -> Reply:
    return reply([run_object(run_id=f"r{number}") for number in range(first, first + size)])


def test_many_runs_come_in_pages() -> None:
    perform = Performed([page(0, 1000), page(1000, 1000), page(2000, 3)])
    runs: list[Run] = perform(perform.calls().list_runs(None))
    assert len(runs) == 2003
    assert [request.query for request in perform.requests] == [
        {"limit": "1000"},
        {"limit": "1000", "before": "r999"},
        {"limit": "1000", "before": "r1999"},
    ]


def test_no_more_runs_are_asked_for_than_are_wanted() -> None:
    perform = Performed([page(0, 1000), page(1000, 500)])
    assert len(perform(perform.calls().list_runs(1500, before="z"))) == 1500
    assert [request.query["limit"] for request in perform.requests] == ["1000", "500"]
    assert perform.requests[0].query["before"] == "z"


CALLS_WITH_A_RUN: list[Callable[[Calls, str], Any]] = [
    lambda calls, run_id: calls.get_run(run_id),
    lambda calls, run_id: calls.cancel(run_id),
    lambda calls, run_id: calls.get_run_summary(run_id),
    lambda calls, run_id: calls.get_artifacts(run_id),
    lambda calls, run_id: calls.wait_for_completion(run_id),
    lambda calls, run_id: calls.stream_events(run_id),
    lambda calls, run_id: calls.download_artifacts(run_id, "/nowhere"),
]


@pytest.mark.parametrize("call", CALLS_WITH_A_RUN)
@pytest.mark.parametrize("run_id", ["", "..", "../agents", "a/b", "a?b", "a b", "ä", None])
def test_what_cannot_be_a_run_is_not_asked_for(call: Callable[[Calls, Any], Any], run_id: Any) -> None:
    perform = Performed([RUNNING])
    with pytest.raises(InputError, match="expected the run_id"):
        perform(call(perform.calls(), run_id))
    assert perform.requests == []


def test_files_that_are_not_listed_are_not_passed_over_in_silence(tmp_path: Path) -> None:
    perform = Performed([reply({"run_id": "abc", "truncated": True})])
    with pytest.warns(UserWarning, match="more files than the server lists"):
        assert perform(perform.calls().download_artifacts("abc", tmp_path)) == []
