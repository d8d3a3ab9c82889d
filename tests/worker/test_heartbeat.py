"""Leases are kept while the attempts work, and lost ones are noticed."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from store.records import Attempt, Lease
from store.runs import Store
from tests.records import a_run, some_attempts
from tests.services import wait_until
from worker.heartbeat import Heartbeat, Watch

BEAT_SECS = 0.05
LEASE_SECS = 0.5


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    opened = Store.open(f"sqlite:///{tmp_path / 'runs.db'}")
    yield opened
    opened.close()


@pytest.fixture
def heartbeat(store: Store) -> Iterator[Heartbeat]:
    beating = Heartbeat(store, every_secs=BEAT_SECS, lease_secs=LEASE_SECS)
    yield beating
    beating.close()


def planned(store: Store) -> list[Attempt]:
    run = a_run(planned=2)
    attempts = some_attempts(run)
    store.create_run(run, attempts)
    return attempts


def taken(store: Store, attempt: Attempt, owner: str = "worker") -> Lease:
    lease = store.acquire(attempt.attempt_id, owner=owner, lease_secs=LEASE_SECS)
    assert lease is not None
    return lease


def watched(store: Store, heartbeat: Heartbeat, attempt: Attempt) -> Watch:
    return heartbeat.watch(taken(store, attempt), last_line=lambda: "step 1")


def test_leases_outlive_their_length_and_end_when_released(store: Store, heartbeat: Heartbeat) -> None:
    first, second = planned(store)
    watch = watched(store, heartbeat, first)
    released = watched(store, heartbeat, second)
    heartbeat.release(released)
    wait_until(
        lambda: store.requeue_expired(max_tries=3, grading_secs=60) == ([second.attempt_id], []),
        timeout_secs=10,
        description="the released lease runs out",
    )
    assert not watch.lost.is_set()
    assert store.attempt(first.attempt_id).last_line == "step 1"


def test_a_lease_that_another_took_is_lost(store: Store, heartbeat: Heartbeat) -> None:
    first, second = planned(store)
    kept = watched(store, heartbeat, second)
    stolen = Lease(attempt_id=first.attempt_id, run_id=first.run_id, owner="worker", fence=0)
    taken(store, first, owner="other")
    watch = heartbeat.watch(stolen, last_line=lambda: "")
    assert watch.lost.wait(10)
    assert not kept.lost.is_set()


def test_the_wish_to_cancel_arrives(store: Store, heartbeat: Heartbeat) -> None:
    first, _ = planned(store)
    watch = watched(store, heartbeat, first)
    store.request_cancel(first.run_id)
    assert watch.cancelled.wait(10)
    assert not watch.lost.is_set()


def test_without_a_database_watches_become_stale_and_fresh_again(tmp_path: Path) -> None:
    store = Store.open(f"sqlite:///{tmp_path / 'runs.db'}")
    heartbeat = Heartbeat(store, every_secs=BEAT_SECS, lease_secs=LEASE_SECS)
    watch = watched(store, heartbeat, planned(store)[0])
    with store.engine.begin() as connection:
        connection.exec_driver_sql("ALTER TABLE attempts RENAME TO gone")
    wait_until(watch.is_stale, timeout_secs=10, description="the watch is stale")
    assert not watch.lost.is_set()
    with store.engine.begin() as connection:
        connection.exec_driver_sql("ALTER TABLE gone RENAME TO attempts")
    wait_until(lambda: not watch.is_stale(), timeout_secs=10, description="the watch is fresh again")
    assert not watch.lost.is_set()  # nobody has taken the attempt meanwhile
    heartbeat.close()
    store.close()
