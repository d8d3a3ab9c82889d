"""What is read across all runs, on both databases."""

from core.status import State, Status
from store import watching
from store.records import Lease, Outcome
from store.runs import Store
from tests.records import a_run, some_attempts


def test_who_holds_what_and_what_waits(store: Store) -> None:
    run = a_run(planned=4)
    first, second, third, fourth = some_attempts(run)
    store.create_run(run, [first, second, third, fourth])
    leases: list[Lease] = []
    for attempt, owner, lease_secs in ((first, "b", 60.0), (second, "a", -5.0), (third, "a", 60.0)):
        lease = store.acquire(attempt.attempt_id, owner=owner, lease_secs=lease_secs)
        assert lease is not None
        leases.append(lease)
    ended = Outcome(status=Status.AGENT_FAILED, message="", agent_secs=1.0, exit_code=1)
    store.collected(leases[-1], ended, grading_secs=60)
    held = watching.held(store)
    assert [(entry.owner, entry.attempt_id) for entry in held] == [("a", second.attempt_id), ("b", first.attempt_id)]
    assert [entry.lease_secs > 0 for entry in held] == [False, True]
    assert all(0 <= entry.elapsed_secs < 60 for entry in held)
    waiting = {entry.state: entry for entry in watching.waiting(store)}
    assert {state: entry.attempts for state, entry in waiting.items()} == {State.QUEUED: 1, State.COLLECTED: 1}
    assert waiting[State.QUEUED].since == fourth.queued_at
    assert all(0 <= entry.waited_secs < 60 for entry in waiting.values())
    assert all(entry.agent_id == "dummy" for entry in waiting.values())
    store.finish(third.attempt_id, status=Status.NO_SUBMISSION, message="", score=None, medal=None, report={})
    assert watching.open_attempts(store) == {
        (State.QUEUED, None): 1,
        (State.RUNNING, None): 2,
        (State.DONE, Status.NO_SUBMISSION): 1,
    }


def test_a_run_that_is_closed_counts_no_more(store: Store) -> None:
    run = a_run(planned=1)
    store.create_run(run, some_attempts(run))
    store.request_cancel(run.run_id)
    assert watching.open_attempts(store) == {(State.DONE, Status.CANCELLED): 1}
    store.close_run(run.run_id)
    assert watching.open_attempts(store) == {}
    assert watching.waiting(store) == []


def test_labels_name_attempts_as_people_do(store: Store) -> None:
    run = a_run(planned=watching.PARAMETERS + 1)
    attempts = some_attempts(run)
    store.create_run(run, attempts)
    labels = watching.labels(store, [attempt.attempt_id for attempt in attempts])
    assert len(labels) == len(attempts), "more than fit into one statement"
    last = attempts[-1]
    assert labels[last.attempt_id] == f"run {run.run_id}, tiny seed {last.seed}, attempt {last.attempt_id}"
    assert watching.labels(store, ["nobody"]) == {}
