"""Postgres that is restarted, or gone for longer than a lease."""

import time
from collections.abc import Callable

from core.status import State
from tests.faults.accounts import Accounts
from tests.faults.hosts import agents_below, at_rest
from tests.faults.site import LEASE_SECS, Site
from tests.services import wait_until

Count = Callable[[Accounts], Accounts]


def test_postgres_is_restarted_while_agents_work(here: Site, count: Count) -> None:
    here.host("one")
    run_id = here.submit("napper", seeds=4)
    here.wait_for(run_id, state=State.RUNNING, number=2)
    here.postgres.stop()
    here.postgres.start()
    accounts = count(here.settle(run_id))
    assert accounts.statuses == {"completed": 4}
    assert accounts.tries == {"completed": 4}, "no agent's work was to be lost"


def test_an_agent_that_ends_while_postgres_is_away_for_less_than_a_lease_has_not_worked_in_vain(
    here: Site, count: Count
) -> None:
    here.host("one")
    run_id = here.submit("napper", seeds=2)
    here.wait_for(run_id, state=State.RUNNING, number=2)
    time.sleep(1)
    here.postgres.stop()
    stopped = time.monotonic()
    wait_until(lambda: not agents_below(here.bench.runs_dir), timeout_secs=LEASE_SECS, description="the agents ended")
    time.sleep(0.5)
    here.postgres.start()
    assert time.monotonic() - stopped < LEASE_SECS - 1
    accounts = count(here.settle(run_id))
    assert accounts.statuses == {"completed": 2}
    assert accounts.tries == {"completed": 2}, "no agent's work was to be lost"


def test_agents_rest_while_postgres_is_gone_for_longer_than_a_lease_and_go_on(here: Site, count: Count) -> None:
    """Nobody can know who owns an attempt, so its agent is frozen; and nobody took it meanwhile, so it goes on."""
    one = here.host("one")
    run_id = here.submit("sleeper", "--time-limit", "10", seeds=2)
    here.wait_for(run_id, state=State.RUNNING, number=2)
    agents = one.agents()
    here.postgres.stop()
    wait_until(lambda: at_rest(agents), timeout_secs=LEASE_SECS + 4, description="agents without a lease rest")
    time.sleep(2)
    here.postgres.start()
    accounts = count(here.settle(run_id))
    assert accounts.statuses == {"time_limit": 2}
    assert accounts.tries == {"time_limit": 2}, "no agent's work was to be lost"
    worked = [attempt.agent_secs or 0.0 for attempt in here.attempts(run_id)]
    assert all(10 <= secs < 12 for secs in worked), f"the time for which they rested does not count: {worked}"
