"""Money for models: no set of calls spends more than its budget, whatever becomes of the workers."""

import random
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from core.errors import LeaseLost
from store import spending
from store.records import Lease
from store.runs import Store
from store.spending import Budget, Demand, Refusal, Reservation, Spent
from store.tables import run_spending
from tests.records import a_run, some_attempts

LONG = 60.0
CALL = Demand(fixed_nano_usd=100, token_nano_usd=10, least_tokens=1, most_tokens=90)  # 110 to 1000


@pytest.fixture
def leases(store: Store) -> list[Lease]:
    """The leases of a run's three attempts, ready to spend."""
    run = a_run(planned=3)
    planned = some_attempts(run)
    store.create_run(run, planned)
    found = [store.acquire(attempt.attempt_id, owner="worker", lease_secs=LONG) for attempt in planned]
    known = [lease for lease in found if lease is not None]
    for lease in known:
        spending.open_account(store, lease)
    return known


def reserved(store: Store, lease: Lease, budget: Budget, demand: Demand = CALL, model: str = "m") -> Reservation:
    made = spending.reserve(store, lease, model, demand, budget)
    assert isinstance(made, Reservation)
    return made


def committed(store: Store, run_id: str) -> int:
    with store.reading() as connection:
        query = select(run_spending.c.committed_nano_usd).where(run_spending.c.run_id == run_id)
        return int(connection.execute(query).scalar_one())


def adopted(store: Store, lease: Lease) -> Lease:
    """The lease of the next worker of an attempt."""
    attempt = store.attempt(lease.attempt_id)
    again = store.adopt(attempt, owner="another", lease_secs=LONG, expired=False)
    assert again is not None
    return again


def in_threads(work: Callable[[int], None], number: int) -> None:
    problems: list[Exception] = []

    def guarded(index: int) -> None:
        try:
            work(index)
        except Exception as error:
            problems.append(error)

    threads = [threading.Thread(target=guarded, args=(index,)) for index in range(number)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert problems == []


def test_calls_at_the_same_time_never_spend_more_than_the_budget(store: Store, leases: list[Lease]) -> None:
    """Sixteen callers of three attempts; what each call costs is known only afterwards."""
    budget = Budget(run_nano_usd=20_000, attempt_nano_usd=9_000)
    spent = [0] * len(leases)
    lock = threading.Lock()

    def spend(index: int) -> None:
        lease, dice = leases[index % len(leases)], random.Random(index)
        for _ in range(12):
            made = spending.reserve(store, lease, f"model-{index % 2}", CALL, budget)
            if made is Refusal.BUSY:
                time.sleep(0.01)
                continue
            if isinstance(made, Refusal):
                return
            cost = dice.randint(1, made.nano_usd)
            with lock:
                spent[index % len(leases)] += cost
            spending.settle(store, made, Spent(nano_usd=cost, input_tokens=1, output_tokens=2))

    in_threads(spend, 16)
    assert 9_000 < sum(spent) <= 20_000
    assert max(spent) <= 9_000
    used = spending.usage_of_run(store, leases[0].run_id)
    assert sum(usage.nano_usd or 0 for usage in used) == sum(spent) == committed(store, leases[0].run_id)
    for index, lease in enumerate(leases):
        own = spending.total(spending.usage_of_attempt(store, lease.attempt_id))
        assert own is not None and own.nano_usd == spent[index] and own.output_tokens == 2 * own.input_tokens


def test_what_a_call_does_not_cost_is_given_back(store: Store, leases: list[Lease]) -> None:
    budget = Budget(run_nano_usd=1_500)
    first = reserved(store, leases[0], budget)
    assert (first.nano_usd, first.tokens) == (1_000, 90)
    second = reserved(store, leases[1], budget)
    assert (second.nano_usd, second.tokens) == (500, 40), "its output is bounded by what is left"
    assert spending.reserve(store, leases[2], "m", CALL, budget) is Refusal.BUSY
    spending.settle(store, first, None)
    assert reserved(store, leases[2], budget).tokens == 90
    assert spending.usage_of_attempt(store, leases[0].attempt_id) == [], "nothing was asked of the model"


def test_a_refusal_says_whose_budget_is_spent(store: Store, leases: list[Lease]) -> None:
    of_attempt = Budget(run_nano_usd=10_000, attempt_nano_usd=1_000)
    spending.settle(store, reserved(store, leases[0], of_attempt), Spent(nano_usd=950))
    assert spending.reserve(store, leases[0], "m", CALL, of_attempt) is Refusal.ATTEMPT_SPENT
    assert isinstance(spending.reserve(store, leases[1], "m", CALL, of_attempt), Reservation)
    of_run = Budget(run_nano_usd=1_000)
    assert spending.reserve(store, leases[2], "m", replace(CALL, fixed_nano_usd=5_000), of_run) is Refusal.RUN_SPENT


def test_without_a_limit_everything_is_counted_and_nothing_refused(store: Store, leases: list[Lease]) -> None:
    for cost in (5, 7):
        spending.settle(store, reserved(store, leases[0], Budget()), Spent(nano_usd=cost, input_tokens=3))
    spending.settle(store, reserved(store, leases[0], Budget(), Demand(), "unpriced"), Spent(nano_usd=None))
    priced, unpriced = spending.usage_of_attempt(store, leases[0].attempt_id)
    assert (priced.model, priced.calls, priced.nano_usd, priced.input_tokens) == ("m", 2, 12, 6)
    assert (unpriced.model, unpriced.calls, unpriced.cost_usd) == ("unpriced", 1, None)
    both = spending.total([priced, unpriced])
    assert both is not None and both.calls == 3 and both.cost_usd is None, "what is unknown makes the sum unknown"


def test_what_a_dead_worker_had_reserved_counts_as_spent(store: Store, leases: list[Lease]) -> None:
    budget = Budget(run_nano_usd=2_000)
    lost = [reserved(store, leases[0], budget, replace(CALL, most_tokens=20)) for _ in range(2)]
    spending.settle(store, lost[0], Spent(nano_usd=50))
    again = adopted(store, leases[0])
    spending.open_account(store, again)
    (usage,) = spending.usage_of_attempt(store, leases[0].attempt_id)
    assert (usage.calls, usage.estimated, usage.nano_usd) == (2, 1, 350)
    spending.settle(store, lost[1], Spent(nano_usd=1))  # it lived after all
    assert committed(store, again.run_id) == 350
    assert reserved(store, again, budget).nano_usd == 1_000
    assert spending.usage_of_attempt(store, leases[0].attempt_id)[0].nano_usd == 1_350


def test_the_reservations_of_dead_workers_hold_nobody_up(store: Store, leases: list[Lease]) -> None:
    """A call that waits for them would wait for ever."""
    budget = Budget(run_nano_usd=1_000)
    reserved(store, leases[0], budget)
    assert spending.reserve(store, leases[1], "m", CALL, budget) is Refusal.BUSY
    store.give_back(leases[0], error="its worker is gone", counts=True)
    assert spending.reserve(store, leases[1], "m", CALL, budget) is Refusal.RUN_SPENT


def test_who_has_lost_the_attempt_can_spend_no_more(store: Store, leases: list[Lease]) -> None:
    adopted(store, leases[0])
    with pytest.raises(LeaseLost):
        spending.reserve(store, leases[0], "m", CALL, Budget())


def test_a_later_try_goes_on_with_the_same_budget(store: Store, leases: list[Lease]) -> None:
    budget = Budget(attempt_nano_usd=1_200)
    spending.settle(store, reserved(store, leases[0], budget), Spent(nano_usd=1_000))
    store.give_back(leases[0], error="again", counts=True)
    again = store.acquire(leases[0].attempt_id, owner="worker", lease_secs=LONG)
    assert again is not None
    spending.open_account(store, again)
    assert reserved(store, again, budget).nano_usd == 200


def test_turns_keep_the_rate_of_the_run_whoever_takes_them(store: Store, leases: list[Lease]) -> None:
    began, waits = time.monotonic(), []

    def take(index: int) -> None:
        wait = spending.take_turn(store, leases[0].run_id, calls_per_minute=60, within_secs=100)
        assert wait is not None
        waits.append(time.monotonic() - began + wait)

    in_threads(take, 8)
    moments = sorted(waits)
    # by the database's clock they are a second apart; here, when the answer came makes a little of it
    assert all(0.7 < later - earlier < 1.3 for earlier, later in pairwise(moments))


def test_a_turn_that_comes_too_late_is_not_taken(store: Store, leases: list[Lease]) -> None:
    run_id = leases[0].run_id
    assert spending.take_turn(store, run_id, calls_per_minute=1, within_secs=5) == 0
    assert spending.take_turn(store, run_id, calls_per_minute=1, within_secs=5) is None
    wait = spending.take_turn(store, run_id, calls_per_minute=1, within_secs=100)
    assert wait is not None and 55 < wait <= 60


@settings(deadline=None, max_examples=200)
@given(
    left=st.integers(-(10**12), 10**12),
    fixed=st.integers(0, 10**12),
    token=st.integers(0, 10**9),
    least=st.integers(0, 100),
    more=st.integers(0, 10**6),
)
def test_a_demand_never_takes_more_than_is_left(left: int, fixed: int, token: int, least: int, more: int) -> None:
    demand = Demand(fixed_nano_usd=fixed, token_nano_usd=token, least_tokens=least, most_tokens=least + more)
    tokens = demand.tokens_within(left)
    if tokens is None:
        assert fixed + least * token > left
    else:
        assert least <= tokens <= least + more
        assert fixed + tokens * token <= left
