"""How runs are doing, counted by the database."""

from datetime import timedelta

from core.status import RunState, State, Status
from store.overviews import attempt_ids, collected, overview, overviews
from store.records import Outcome
from store.runs import Store
from tests.records import a_run, some_attempts


def test_states_and_endings_are_counted(store: Store) -> None:
    run = a_run(planned=5)
    planned = some_attempts(run)
    store.create_run(run, planned)
    fresh = overview(store, run.run_id)
    assert (fresh.begun, fresh.changed_at, fresh.lost) == (False, run.created_at, 0)
    assert fresh.states == {State.QUEUED: 5, State.RUNNING: 0, State.COLLECTED: 0, State.DONE: 0}
    leases = [store.acquire(attempt.attempt_id, owner="me", lease_secs=60) for attempt in planned[:4]]
    done, waits, lost = leases[:3]
    assert done and waits and lost
    for lease in (done, waits):
        store.collected(lease, Outcome(status=Status.COMPLETED, message="well"), grading_secs=60)
    store.finish(planned[0].attempt_id, status=Status.COMPLETED, message="well", score=1.0, medal=None, report={})
    store.give_up(lost, Outcome(status=Status.INFRASTRUCTURE_FAILED, message="the disk burned"), error="")
    seen = overview(store, run.run_id)
    assert seen.states == {State.QUEUED: 1, State.RUNNING: 1, State.COLLECTED: 1, State.DONE: 2}
    assert seen.statuses == {Status.COMPLETED: 1, Status.INFRASTRUCTURE_FAILED: 1}
    assert (seen.begun, seen.lost, seen.lost_message) == (True, 1, "the disk burned")
    attempt = store.attempt(planned[2].attempt_id)
    assert seen.changed_at == attempt.finished_at


def test_runs_come_newest_first_and_in_pages(store: Store) -> None:
    newest = a_run(planned=1)
    runs = [a_run(planned=1, created_at=newest.created_at - timedelta(days=days // 2)) for days in range(5)]
    for run in runs:
        store.create_run(run, some_attempts(run))
    expected = sorted(runs, key=lambda run: (run.created_at, run.run_id), reverse=True)
    pages, before = [], None
    while page := overviews(store, limit=2, before=before):
        pages.append([seen.run.run_id for seen in page])
        before = page[-1].run
    assert [len(page) for page in pages] == [2, 2, 1]
    assert [run_id for page in pages for run_id in page] == [run.run_id for run in expected]
    assert store.find_run("latest") == expected[0]


def test_what_was_collected_last_comes_first(store: Store) -> None:
    run = a_run(planned=3)
    planned = some_attempts(run)
    store.create_run(run, planned)
    for attempt in planned[:2]:
        lease = store.acquire(attempt.attempt_id, owner="me", lease_secs=60)
        assert lease is not None
        store.collected(lease, Outcome(status=Status.COMPLETED, message=""), grading_secs=60)
    found = collected(store, run.run_id, limit=5)
    assert [(each.name, each.fence) for each in found] == [(planned[1].name, 1), (planned[0].name, 1)]
    assert len(collected(store, run.run_id, limit=1)) == 1
    assert attempt_ids(store, run.run_id) == {attempt.name: attempt.attempt_id for attempt in planned}


def test_open_runs_are_those_that_are_not_closed(store: Store) -> None:
    opened, closed = a_run(planned=1), a_run(planned=1, state=RunState.CLOSED)
    for run in (opened, closed):
        store.create_run(run, some_attempts(run))
    assert store.open_runs() == [opened]
    assert store.run_of_folder(closed.run_group) == closed
    assert store.run_of_folder(closed.run_id) is None
