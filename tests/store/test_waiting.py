"""What a host chooses from, and that what it takes is nobody else's."""

import threading
from collections.abc import Callable, Sequence

from core.resources import Allocation, Resources
from core.status import State
from store import waiting
from store.records import Attempt, Lease, Run
from store.runs import Store
from store.waiting import Choice, Queue
from tests.records import a_request, a_run, some_attempts

LONG = 60.0


def written(store: Store, *, planned: int = 3, **request: object) -> tuple[Run, list[Attempt]]:
    run = a_run(planned=planned, request=a_request(**request))
    attempts = some_attempts(run)
    store.create_run(run, attempts)
    return run, attempts


def take(store: Store, allocate: Callable[[Sequence[Allocation]], Allocation | None], **asked: str) -> Lease | None:
    """Take the first of what waits, with what `allocate` makes of what is held already."""

    def choose(queue: Queue) -> Choice | None:
        allocation = allocate(queue.held)
        return Choice(waiting=queue.waiting[0], allocation=allocation, **asked) if allocation else None

    return waiting.take(store, owner="w", lease_secs=LONG, host="here", choose=choose)


def test_alike_attempts_are_one_row_with_what_they_ask_for(store: Store) -> None:
    needs = Resources(gpus=1)
    run, attempts = written(store, user="ada", needs={"tiny": needs}, expected_secs={"tiny": 7.0})
    (row,) = waiting.queue(store, host="here").waiting
    assert (row.run_id, row.competition_id, row.technique, row.position) == (run.run_id, "tiny", None, 0)
    assert (row.needs, row.expected_secs, row.request.user) == (needs, 7.0, "ada")
    assert all(row.holds(attempt) for attempt in attempts)


def test_without_an_expectation_an_attempt_may_take_all_its_time(store: Store) -> None:
    written(store, time_limit_secs=50.0)
    (row,) = waiting.queue(store, host="here").waiting
    assert row.expected_secs == 50.0


def test_what_runs_is_counted_by_run_and_by_user(store: Store) -> None:
    run, attempts = written(store, user="ada")
    other, others = written(store, user="ada")
    for attempt in (attempts[0], attempts[1], others[0]):
        assert store.acquire(attempt.attempt_id, owner="w", lease_secs=LONG)
    found = waiting.queue(store, host="here")
    assert found.running == {run.run_id: 2, other.run_id: 1}
    assert found.users == {"ada": 3}
    assert [row.position for row in found.waiting if row.run_id == run.run_id] == [2]


def test_what_is_done_cancelled_or_backs_off_does_not_wait(store: Store) -> None:
    run, attempts = written(store)
    lease = store.acquire(attempts[0].attempt_id, owner="w", lease_secs=LONG)
    assert lease is not None
    store.give_back(lease, error="broken", counts=True, wait_secs=LONG)
    (row,) = waiting.queue(store, host="here").waiting
    assert row.position == 1
    store.request_cancel(run.run_id)
    assert waiting.queue(store, host="here").waiting == ()


def test_what_an_attempt_holds_of_its_host_is_seen_there_alone(store: Store) -> None:
    _, attempts = written(store)
    part = Allocation(cpus=1.5, memory_bytes=10, gpus=("1",))
    lease = take(store, lambda held: part)
    assert lease is not None and lease.attempt_id == attempts[0].attempt_id
    assert store.attempt(attempts[0].attempt_id).allocation == part
    assert waiting.queue(store, host="here").held == (part,)
    assert waiting.queue(store, host="there").held == ()
    store.give_back(lease, error="", counts=False)
    assert waiting.queue(store, host="here").held == ()


def test_without_room_an_attempt_stays_where_it_is(store: Store) -> None:
    _, attempts = written(store)
    assert take(store, lambda held: None) is None
    assert store.attempt(attempts[0].attempt_id).state is State.QUEUED
    assert store.tries(attempts[0].run_id) == []


def test_many_workers_of_a_host_never_share_a_gpu(store: Store) -> None:
    """Twelve at once ask for one of three GPUs."""
    _, attempts = written(store, planned=12)
    gate = threading.Barrier(12)

    def one_of_three(held: Sequence[Allocation]) -> Allocation | None:
        free = {"0", "1", "2"} - {gpu for part in held for gpu in part.gpus}
        return Allocation(cpus=1, memory_bytes=1, gpus=(min(free),)) if free else None

    def ask() -> None:
        gate.wait()
        take(store, one_of_three)

    threads = [threading.Thread(target=ask) for _ in attempts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    held = waiting.queue(store, host="here").held
    assert sorted(gpu for part in held for gpu in part.gpus) == ["0", "1", "2"]


def test_a_certain_attempt_may_be_taken(store: Store) -> None:
    _, attempts = written(store)
    part = Allocation(cpus=1, memory_bytes=1)
    lease = take(store, lambda held: part, attempt_id=attempts[2].attempt_id)
    assert lease is not None and lease.attempt_id == attempts[2].attempt_id
    assert take(store, lambda held: part, attempt_id=attempts[2].attempt_id) is None, "it is taken"
