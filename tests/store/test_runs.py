"""The database as the judge: who owns an attempt, what becomes of it, and when a run is over."""

import threading
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from core.errors import InputError, LeaseLost, UnknownName
from core.status import RunState, State, Status
from store.records import Attempt, Lease, Outcome, Run
from store.runs import Store
from tests.records import a_run, some_attempts

LONG = 60.0
EXPIRED = -1.0  # a lease that has run out already

Written = tuple[Run, list[Attempt]]


@pytest.fixture
def written(store: Store) -> Written:
    """A run of three attempts in the database."""
    run = a_run(planned=3)
    planned = some_attempts(run)
    store.create_run(run, planned)
    return run, planned


def acquired(store: Store, attempt: Attempt, *, owner: str = "worker", lease_secs: float = LONG) -> Lease:
    lease = store.acquire(attempt.attempt_id, owner=owner, lease_secs=lease_secs)
    assert lease is not None
    return lease


def requeue_expired(store: Store) -> list[str]:
    """What a worker does now and then about leases that ran out."""
    waiting, _ = store.requeue_expired(max_tries=9, grading_secs=LONG)
    return waiting


def finished(store: Store, attempt: Attempt, status: Status = Status.COMPLETED) -> None:
    lease = acquired(store, attempt)
    store.collected(lease, Outcome(status=status, message="", agent_secs=1.0, exit_code=0), grading_secs=LONG)
    assert store.finish(attempt.attempt_id, status=status, message="", score=0.5, medal="gold", report={"score": 0.5})


def test_what_is_written_is_read(store: Store, written: Written) -> None:
    run, planned = written
    assert store.run(run.run_id) == run
    assert store.attempts(run.run_id) == planned
    assert store.attempt(planned[1].attempt_id) == planned[1]
    assert [row.seed for row in store.progress(run.run_id)] == [0, 1, 2]


def test_opening_again_changes_nothing(database_url: str, store: Store, written: Written) -> None:
    again = Store.open(database_url)
    assert again.run(written[0].run_id) == written[0]
    again.close()


def test_runs_are_found_by_id_folder_path_and_latest(store: Store, written: Written) -> None:
    run, _ = written
    for name in (run.run_id, run.run_group, f"/some/where/{run.run_group}", "latest"):
        assert store.find_run(name) == run
    with pytest.raises(UnknownName, match="unknown run"):
        store.find_run("nothing")


def test_without_runs_the_message_says_so(store: Store) -> None:
    with pytest.raises(InputError, match="no runs yet"):
        store.find_run("latest")


def test_one_attempt_has_one_owner(store: Store, written: Written) -> None:
    attempt = written[1][0]
    assert acquired(store, attempt).fence == 1
    assert store.acquire(attempt.attempt_id, owner="other", lease_secs=LONG) is None


def test_of_many_that_want_an_attempt_at_once_one_gets_it(store: Store, written: Written) -> None:
    attempt_id = written[1][0].attempt_id
    leases: list[Lease | None] = []
    start = threading.Barrier(8)

    def take(number: int) -> None:
        start.wait()
        leases.append(store.acquire(attempt_id, owner=f"worker-{number}", lease_secs=LONG))

    threads = [threading.Thread(target=take, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(leases) == 8
    assert len([lease for lease in leases if lease is not None]) == 1


def test_a_lease_that_ran_out_is_taken_over_and_the_old_one_is_void(store: Store, written: Written) -> None:
    attempt = written[1][0]
    old = acquired(store, attempt, owner="old", lease_secs=EXPIRED)
    assert store.acquire(attempt.attempt_id, owner="new", lease_secs=LONG) is None
    assert requeue_expired(store) == [attempt.attempt_id]
    new = acquired(store, attempt, owner="new")
    assert new.fence == old.fence + 1
    assert store.renew([old, new], lease_secs=LONG, last_lines={}) == {attempt.attempt_id: False}
    assert store.renew([old], lease_secs=LONG, last_lines={}) == {}
    outcome = Outcome(status=Status.COMPLETED, message="")
    writes: list[Callable[[], None]] = [
        lambda: store.agent_started(old, environment={}),
        lambda: store.collected(old, outcome, grading_secs=LONG),
        lambda: store.give_back(old, error="", counts=True),
        lambda: store.give_up(old, outcome, error=""),
    ]
    for write in writes:
        with pytest.raises(LeaseLost):
            write()
    assert store.attempt(attempt.attempt_id).owner == "new"


def test_every_try_is_kept(store: Store, written: Written) -> None:
    run, planned = written
    acquired(store, planned[0], owner="first", lease_secs=EXPIRED)
    requeue_expired(store)
    second = acquired(store, planned[0], owner="second")
    store.give_back(second, error="engine gone", counts=True)
    third = acquired(store, planned[0], owner="third")
    store.collected(third, Outcome(status=Status.COMPLETED, message=""), grading_secs=LONG)
    kept = [(entry.owner, entry.outcome, entry.error) for entry in store.tries(run.run_id)]
    assert kept == [
        ("first", "lost", "its lease ran out"),
        ("second", "given_back", "engine gone"),
        ("third", "completed", None),
    ]


def test_a_worker_that_stops_spends_no_try(store: Store, written: Written) -> None:
    attempt = written[1][0]
    store.give_back(acquired(store, attempt), error="its worker stopped", counts=False)
    assert store.attempt(attempt.attempt_id).tries == 0
    store.give_back(acquired(store, attempt), error="engine gone", counts=True)
    assert store.attempt(attempt.attempt_id).tries == 1


def test_an_attempt_whose_worker_is_gone_is_adopted_once(store: Store, written: Written) -> None:
    run, planned = written
    old = acquired(store, planned[0], owner="gone")
    attempt = store.attempt(planned[0].attempt_id)
    assert store.adopt(attempt, owner="heir", lease_secs=LONG, expired=True) is None  # its lease has not run out
    lease = store.adopt(attempt, owner="heir", lease_secs=LONG, expired=False)
    assert lease is not None
    assert store.adopt(attempt, owner="late", lease_secs=LONG, expired=False) is None
    with pytest.raises(LeaseLost):
        store.give_back(old, error="", counts=True)
    store.collected(lease, Outcome(status=Status.COMPLETED, message=""), grading_secs=LONG)
    assert store.attempt(attempt.attempt_id).tries == 1
    assert [entry.outcome for entry in store.tries(run.run_id)] == ["adopted", "completed"]


def test_an_attempt_that_was_left_is_adopted_or_taken_when_its_lease_ends(store: Store, written: Written) -> None:
    for number, attempt in enumerate(written[1][:2]):
        store.leave(acquired(store, attempt, owner="stopped"), lease_secs=LONG if number == 0 else EXPIRED)
    left, expired = (store.attempt(attempt.attempt_id) for attempt in written[1][:2])
    assert left.tries == expired.tries == 0
    assert store.acquire(left.attempt_id, owner="other", lease_secs=LONG) is None
    assert store.adopt(left, owner="heir", lease_secs=LONG, expired=False) is not None
    assert requeue_expired(store) == [expired.attempt_id]
    assert store.acquire(expired.attempt_id, owner="other", lease_secs=LONG) is not None
    assert store.adopt(expired, owner="heir", lease_secs=LONG, expired=False) is None


def test_a_try_that_is_left_and_adopted_counts_once_beside_those_before_it(store: Store, written: Written) -> None:
    attempt_id = written[1][0].attempt_id
    store.give_back(acquired(store, written[1][0]), error="the engine", counts=True)
    store.leave(acquired(store, written[1][0], owner="stopped"), lease_secs=LONG)
    left = store.attempt(attempt_id)
    assert left.message.startswith("left running")
    assert store.adopt(left, owner="heir", lease_secs=LONG, expired=False) is not None
    adopted = store.attempt(attempt_id)
    assert (adopted.tries, adopted.message) == (2, "")
    assert store.adopt(adopted, owner="next", lease_secs=LONG, expired=False) is not None
    assert store.attempt(attempt_id).tries == 2


def test_the_time_since_the_agents_start_is_by_the_databases_clock(store: Store, written: Written) -> None:
    store.agent_started(acquired(store, written[1][0]), environment={})
    attempt = store.attempt(written[1][0].attempt_id)
    assert 0 <= store.secs_since_start(attempt) < 60
    earlier = replace(attempt, agent_started_at=(attempt.agent_started_at or datetime.now(UTC)) - timedelta(hours=1))
    assert 3600 <= store.secs_since_start(earlier) < 3660


def test_the_heartbeat_carries_last_lines_and_the_wish_to_cancel(store: Store, written: Written) -> None:
    run, planned = written
    lease = acquired(store, planned[0])
    attempt_id = planned[0].attempt_id
    assert store.renew([lease], lease_secs=LONG, last_lines={attempt_id: "epoch 3"}) == {attempt_id: False}
    assert store.progress(run.run_id)[0].last_line == "epoch 3"
    store.request_cancel(run.run_id)
    assert store.renew([lease], lease_secs=LONG, last_lines={}) == {attempt_id: True}


def test_an_attempt_is_graded_once(store: Store, written: Written) -> None:
    attempt = written[1][0]
    finished(store, attempt)
    again = {"status": Status.GRADER_FAILED, "message": "", "score": 0.9, "medal": None, "report": {}}
    assert not store.finish(attempt.attempt_id, **again)  # type: ignore[arg-type]  # a mapping of mixed values
    assert store.attempt(attempt.attempt_id).score == 0.5


def test_expired_attempts_wait_again_until_their_tries_are_spent(store: Store, written: Written) -> None:
    attempt_id = written[1][0].attempt_id
    for _ in range(2):
        assert store.acquire(attempt_id, owner="worker", lease_secs=EXPIRED)
        assert store.requeue_expired(max_tries=3, grading_secs=LONG) == ([attempt_id], [])
        assert store.requeue_expired(max_tries=3, grading_secs=LONG) == ([], [])
    assert store.acquire(attempt_id, owner="worker", lease_secs=EXPIRED)
    assert store.requeue_expired(max_tries=3, grading_secs=LONG) == ([], [])
    attempt = store.attempt(attempt_id)
    assert (attempt.state, attempt.status) == (State.DONE, Status.INFRASTRUCTURE_FAILED)


def test_an_attempt_that_nobody_grades_is_handed_out_again(store: Store, written: Written) -> None:
    attempt = written[1][0]
    outcome = Outcome(status=Status.COMPLETED, message="")
    store.collected(acquired(store, attempt), outcome, grading_secs=EXPIRED)
    assert store.requeue_expired(max_tries=3, grading_secs=LONG) == ([], [attempt.attempt_id])
    assert store.requeue_expired(max_tries=3, grading_secs=LONG) == ([], [])


def test_a_run_closes_when_all_its_attempts_are_final(store: Store, written: Written) -> None:
    run, planned = written
    for attempt in planned[:2]:
        finished(store, attempt)
    assert not store.close_run(run.run_id)
    assert store.open_runs_without_work(since_secs=0) == []
    finished(store, planned[2])
    assert store.open_runs_without_work(since_secs=0) == [run.run_id]
    assert store.open_runs_without_work(since_secs=LONG) == []
    assert store.close_run(run.run_id)
    assert store.run(run.run_id).state is RunState.CLOSED
    assert store.close_run(run.run_id)


def test_cancelling_ends_what_waits_and_leaves_what_runs_to_its_worker(store: Store, written: Written) -> None:
    run, planned = written
    lease = acquired(store, planned[0])
    assert store.request_cancel(run.run_id) == 2
    states = [row.state for row in store.progress(run.run_id)]
    assert states == [State.RUNNING, State.DONE, State.DONE]
    store.give_up(lease, Outcome(status=Status.CANCELLED, message="cancelled"), error="cancelled")
    assert store.close_run(run.run_id)
    assert store.run(run.run_id).state is RunState.CANCELLED


def test_what_a_dead_worker_holds_of_a_cancelled_run_is_ended(store: Store, written: Written) -> None:
    run, planned = written
    acquired(store, planned[0], owner="dead")
    acquired(store, planned[1], owner="alive")
    store.request_cancel(run.run_id)
    store.cancel_held_by(run.run_id, dead_owners=["dead"])
    rows = store.progress(run.run_id)
    assert [row.state for row in rows] == [State.DONE, State.RUNNING, State.DONE]
    assert rows[0].status is Status.CANCELLED


def test_resuming_queues_only_what_has_no_result(store: Store, written: Written) -> None:
    run, planned = written
    finished(store, planned[0])
    finished(store, planned[1], Status.AGENT_FAILED)
    lease = acquired(store, planned[2])
    failed = Outcome(status=Status.INFRASTRUCTURE_FAILED, message="engine gone", agent_secs=4.0, exit_code=1)
    store.give_up(lease, failed, error="")
    store.close_run(run.run_id)
    assert store.reopen_run(run.run_id, dead_owners=[]) == [planned[2].attempt_id]
    assert store.run(run.run_id).state is RunState.OPEN
    attempt = store.attempt(planned[2].attempt_id)
    assert (attempt.state, attempt.status, attempt.tries) == (State.QUEUED, None, 0)
    assert (attempt.agent_secs, attempt.exit_code, attempt.agent_started_at) == (None, None, None)


def test_a_new_try_has_nothing_of_what_the_one_before_it_did(store: Store, written: Written) -> None:
    run, planned = written
    lease = acquired(store, planned[0])
    store.agent_started(lease, environment={})
    cancelled = Outcome(status=Status.CANCELLED, message="", agent_secs=4.0, exit_code=143)
    store.give_up(lease, cancelled, error="")
    store.reopen_run(run.run_id, dead_owners=[])
    acquired(store, planned[0], lease_secs=EXPIRED)
    store.requeue_expired(max_tries=1, grading_secs=LONG)
    attempt = store.attempt(planned[0].attempt_id)
    assert attempt.status is Status.INFRASTRUCTURE_FAILED
    assert (attempt.agent_secs, attempt.exit_code, attempt.agent_started_at) == (None, None, None)


def test_resuming_takes_attempts_from_the_dead_and_not_from_the_living(store: Store, written: Written) -> None:
    run, planned = written
    acquired(store, planned[0], owner="dead")
    acquired(store, planned[1], owner="alive")
    assert store.owners(run.run_id) == {"dead", "alive"}
    store.reopen_run(run.run_id, dead_owners=["dead"])
    states = [row.state for row in store.progress(run.run_id)]
    assert states == [State.QUEUED, State.RUNNING, State.QUEUED]


def test_a_run_is_written_whole_or_not_at_all(store: Store) -> None:
    run = a_run(planned=2)
    first, _ = some_attempts(run)
    with pytest.raises(Exception, match=r"(?i)unique|constraint"):
        store.create_run(run, [first, first])
    assert store.runs() == []


def test_a_database_that_cannot_be_opened_is_named_without_its_password(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"postgresql.*\*\*\*.*does not answer") as caught:
        Store.open("postgresql://user:sesame@127.0.0.1:1/bench")
    assert "sesame" not in str(caught.value)
    with pytest.raises(InputError, match="does not answer"):
        Store.open(f"sqlite:///{tmp_path}/missing/folder/runs.db")
    for wrong in ("mysql://localhost/x", "no url"):
        with pytest.raises(InputError, match="expected postgresql"):
            Store.open(wrong)


def test_one_at_a_time_is_at_a_thing(store: Store, database_url: str) -> None:
    other = Store.open(database_url)
    with store.alone("closing a") as first, other.alone("closing a") as second, store.alone("closing a") as third:
        assert (first, second, third) == (True, False, False)
    with other.alone("closing a") as afterwards:
        assert afterwards
    other.close()
