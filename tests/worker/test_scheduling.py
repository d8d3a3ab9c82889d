"""Which waiting attempt a host takes next."""

from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from core.resources import GIB, Allocation, Capacity, Resources
from store.waiting import Queue, Waiting
from tests.records import a_request
from worker.scheduling import MEMORY_BYTES, Host, choose, in_order

EPOCH = datetime(2026, 1, 1, tzinfo=UTC)
HOST = Host(capacity=Capacity(cpus=8, memory_bytes=32 * GIB, gpus=("0", "1"), labels=("fast",)), slots=4)
GPU = Resources(gpus=1)


def waits(
    competition: str = "tiny", *, run: str = "run", age: float = 0.0, position: int = 0, **request: Any
) -> Waiting:
    """Attempts of a run that was created `age` seconds after the epoch; `secs` and `needs` are the competition's."""
    secs, needs = request.pop("secs", None), request.pop("needs", None)
    known = {
        "needs": {competition: needs} if needs else {},
        "expected_secs": {competition: secs} if secs else {},
        "user": "ada",
    }
    return Waiting(
        run_id=run,
        request=a_request(time_limit_secs=100.0, **{**known, **request}),
        created_at=EPOCH + timedelta(seconds=age),
        competition_id=competition,
        technique=None,
        position=position,
    )


def queue(
    *waiting: Waiting,
    running: dict[str, int] | None = None,
    users: dict[str, int] | None = None,
    working: dict[str, int] | None = None,
) -> Queue:
    return Queue(
        waiting=waiting,
        running=Counter(running or {}),
        users=Counter(users or {}),
        competitions=Counter(working or {}),
        held=(),
    )


def names(given: Queue, *, data: tuple[str, ...] = ()) -> list[str]:
    return [entry.competition_id for entry in in_order(given, has_data=lambda entry: entry.competition_id in data)]


def chosen(given: Queue, host: Host = HOST) -> str | None:
    found = choose(given, host=host, has_data=lambda entry: False)
    return found.competition_id if found else None


def test_higher_priority_goes_before_everything_else() -> None:
    old, urgent = waits("old", run="a", secs=99), waits("urgent", run="b", age=9, secs=1, priority=1)
    assert names(queue(old, urgent, running={"b": 50}, users={"ada": 50})) == ["urgent", "old"]


def test_who_has_least_running_goes_first() -> None:
    of_ada, of_bob = waits("of-ada", run="a"), waits("of-bob", run="b", age=9, user="bob")
    assert names(queue(of_ada, of_bob)) == ["of-ada", "of-bob"]
    assert names(queue(of_ada, of_bob, running={"a": 1}, users={"ada": 1})) == ["of-bob", "of-ada"]


def test_runs_of_one_user_share_too() -> None:
    first, second = waits("first", run="a"), waits("second", run="b", age=9)
    assert names(queue(first, second, running={"a": 1}, users={"ada": 1})) == ["second", "first"]


def test_three_attempts_do_not_wait_behind_225() -> None:
    """On a host that works on one attempt at a time, Bob's three are done after six turns."""
    left, running, order = {"many": 225, "few": 3}, Counter[str](), []
    for _ in range(6):
        given = [waits(name, run=name, user=name) for name, number in left.items() if number]
        name = chosen(Queue(waiting=tuple(given), running=running, users=running, competitions=Counter(), held=()))
        assert name is not None
        left[name] -= 1
        order.append(name)
        running[name] += 1  # as on a cluster that has a free slot for each
    assert order.count("few") == 3


def test_the_longest_expected_goes_first_within_a_run() -> None:
    given = queue(waits("short", secs=1), waits("unknown", position=1), waits("long", secs=60, position=2))
    assert names(given) == ["unknown", "long", "short"]


def test_data_on_the_host_counts_among_attempts_of_about_the_same_length() -> None:
    given = queue(waits("longest", secs=60), waits("near", secs=31, position=1), waits("short", secs=29, position=2))
    assert names(given) == ["longest", "near", "short"]
    assert names(given, data=("near", "short")) == ["near", "longest", "short"]


def test_a_host_without_the_data_leaves_a_competition_to_the_one_that_works_on_it() -> None:
    given = queue(waits("begun", secs=60), waits("new", secs=50, position=1), working={"begun": 2})
    assert names(given) == ["new", "begun"]
    assert names(given, data=("begun",)) == ["begun", "new"]


def test_an_attempt_that_asks_for_nothing_gets_its_share() -> None:
    assert HOST.allocate(Resources()) == Allocation(cpus=2, memory_bytes=8 * GIB)
    large = replace(HOST, capacity=replace(HOST.capacity, memory_bytes=1024 * GIB))
    assert large.demand(Resources()).memory_bytes == MEMORY_BYTES
    fixed = replace(HOST, cpus_each=3.0, memory_each=64 * GIB)
    assert fixed.demand(Resources()) == Allocation(cpus=3, memory_bytes=32 * GIB)


def test_gpus_are_given_to_one_attempt_each() -> None:
    first = HOST.allocate(GPU)
    assert first is not None and first.gpus == ("0",)
    second = replace(HOST, held=(first,)).allocate(GPU)
    assert second is not None and second.gpus == ("1",)
    assert replace(HOST, held=(first, second)).allocate(GPU) is None


def test_labels_choose_the_host() -> None:
    assert HOST.suits(Resources(labels=("fast",)))
    assert not HOST.suits(Resources(labels=("fast", "eu")))
    assert chosen(queue(waits("elsewhere", needs=Resources(labels=("eu",))), waits("here", secs=1))) == "here"


def test_what_does_not_fit_now_is_overtaken_only_by_what_takes_nothing_of_it() -> None:
    both = waits("both", needs=Resources(gpus=2), secs=90)
    one = waits("one", needs=Resources(gpus=1), secs=80, position=1)
    none = waits("none", secs=70, position=2)
    busy = replace(HOST, held=(Allocation(cpus=2, memory_bytes=8 * GIB, gpus=("0",)),))
    assert chosen(queue(both, one, none), busy) == "none"
    assert chosen(queue(both, one), busy) is None
    assert chosen(queue(one, none), busy) == "one"


def test_a_host_makes_room_for_what_needs_all_of_it() -> None:
    whole = waits("whole", needs=Resources(cpus=8), secs=90)
    busy = replace(HOST, held=(Allocation(cpus=2, memory_bytes=8 * GIB),))
    assert chosen(queue(whole, waits("small", secs=1)), busy) is None
    assert chosen(queue(whole, waits("small", secs=1))) == "whole"


def test_what_this_host_could_never_run_holds_up_nothing() -> None:
    assert chosen(queue(waits("huge", needs=Resources(cpus=64)), waits("small", secs=1))) == "small"


needs = st.builds(
    Resources,
    cpus=st.none() | st.sampled_from([0.5, 1, 3, 8, 9]),
    memory_gb=st.none() | st.sampled_from([1, 16, 33]),
    gpus=st.integers(0, 3),
)


@settings(max_examples=200, deadline=None)
@given(st.lists(needs, min_size=1, max_size=30), st.integers(1, 8), st.randoms(use_true_random=False))
def test_a_host_is_never_overcommitted_and_nothing_starves(wishes: list[Resources], slots: int, random: Any) -> None:
    """Attempts come, end in any order, and all that could ever run here have run in the end."""
    host = replace(HOST, slots=slots)
    left = [waits(f"c{number}", needs=wish, position=number) for number, wish in enumerate(wishes)]
    possible = {entry.competition_id for entry in left if host.suits(entry.needs)}
    held: list[Allocation] = []
    done = set()
    while True:
        now = replace(host, held=tuple(held))
        found = choose(queue(*left), host=now, has_data=lambda entry: False)
        if found is not None:
            part = now.allocate(found.needs)
            assert part is not None
            held.append(part)
            left.remove(found)
            done.add(found.competition_id)
            assert sum(one.cpus for one in held) <= host.capacity.cpus + 1e-6
            assert sum(one.memory_bytes for one in held) <= host.capacity.memory_bytes
            given_out = [gpu for one in held for gpu in one.gpus]
            assert len(given_out) == len(set(given_out))
        elif held:
            held.pop(random.randrange(len(held)))
        else:
            break
    assert done == possible
