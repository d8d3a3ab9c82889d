"""Workers announce themselves, and are forgotten when they are gone."""

from core.resources import Capacity
from store import hosts
from store.runs import Store

CAPACITY = Capacity(cpus=8, memory_bytes=1 << 35, gpus=("0",), labels=("fast",))


def test_a_worker_is_seen_with_what_its_host_has(store: Store) -> None:
    hosts.announce(store, "w", host="here", slots=4, capacity=CAPACITY)
    (worker,) = hosts.announced(store, within_secs=60)
    assert (worker.worker, worker.host, worker.slots, worker.capacity) == ("w", "here", 4, CAPACITY)
    assert 0 <= worker.unseen_secs < 30


def test_announcing_again_changes_what_it_says_and_not_since_when(store: Store) -> None:
    hosts.announce(store, "w", host="here", slots=4, capacity=CAPACITY)
    (before,) = hosts.announced(store, within_secs=60)
    hosts.announce(store, "w", host="here", slots=2, capacity=CAPACITY)
    (after,) = hosts.announced(store, within_secs=60)
    assert after.slots == 2
    assert after.started_at == before.started_at
    assert after.seen_at > before.seen_at


def test_workers_are_told_apart_by_host(store: Store) -> None:
    for worker, host in (("a", "here"), ("b", "there"), ("c", "here")):
        hosts.announce(store, worker, host=host, slots=1, capacity=CAPACITY)
    assert [worker.worker for worker in hosts.announced(store, within_secs=60)] == ["a", "c", "b"]
    assert [worker.worker for worker in hosts.announced(store, within_secs=60, host="here")] == ["a", "c"]


def test_who_retires_or_was_not_seen_for_long_is_not_there(store: Store) -> None:
    hosts.announce(store, "w", host="here", slots=1, capacity=CAPACITY)
    assert hosts.announced(store, within_secs=0) == []
    hosts.retire(store, "w")
    assert hosts.announced(store, within_secs=60) == []
