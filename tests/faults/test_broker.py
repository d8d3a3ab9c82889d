"""Redis that is restarted, gone for a while, or full."""

import time
from collections.abc import Callable

import pytest
from sqlalchemy import text

from core.status import State
from tests.faults.accounts import Accounts
from tests.faults.redis_server import RedisServer
from tests.faults.site import TINY, Site
from tests.faults.sizes import OUTAGE_SECS
from tests.services import wait_until

Count = Callable[[Accounts], Accounts]


def test_redis_is_restarted_in_mid_run(here: Site, count: Count) -> None:
    here.host("one")
    run_id = here.submit("napper", seeds=6)
    here.wait_for(run_id, state=State.RUNNING, number=2)
    here.redis.restart()
    accounts = count(here.settle(run_id))
    assert accounts.statuses == {"completed": 6}
    assert accounts.tries == {"completed": 6}, "no agent's work was to be lost"


@pytest.mark.parametrize(
    ("leave", "come_back"),
    [(RedisServer.kill, RedisServer.start), (RedisServer.freeze, RedisServer.thaw)],
    ids=["dead", "silent"],
)
def test_redis_is_away_for_a_while_and_agents_work_on(
    here: Site, count: Count, leave: Callable[[RedisServer], None], come_back: Callable[[RedisServer], None]
) -> None:
    here.host("one")
    run_id = here.submit("napper", seeds=4)
    here.wait_for(run_id, state=State.RUNNING, number=2)
    leave(here.redis)
    gone = time.monotonic()
    here.wait_for(run_id, state=State.COLLECTED, number=2)
    time.sleep(max(0.0, OUTAGE_SECS - (time.monotonic() - gone)))
    come_back(here.redis)
    accounts = count(here.settle(run_id))
    assert accounts.statuses == {"completed": 4}
    assert accounts.tries == {"completed": 4}, "no agent's work was to be lost"


@pytest.mark.parametrize("more", [(), ("--detach",)], ids=["followed", "detached"])
def test_redis_is_full_when_a_run_is_submitted(here: Site, count: Count, more: tuple[str, ...]) -> None:
    """The command says that the run is carried out all the same, and it is."""
    here.redis.limit_memory(full=True)
    done = here.bench.run("submit", "--agent", "idler", "--seeds", "3", *TINY, *more)
    assert done.returncode == 1
    (error,) = [line for line in done.stderr.splitlines() if line.startswith("error: ")]
    (run,) = here.store.runs()
    assert "maxmemory" in error
    assert error.endswith(f"follow it with: python scripts/status.py {run.run_id}")
    assert "Traceback" not in done.stderr
    here.redis.limit_memory(full=False)
    here.host("one")
    assert count(here.settle(run.run_id)).statuses == {"no_submission": 3}


def test_redis_is_full_in_mid_run(here: Site, count: Count) -> None:
    here.host("one")
    run_id = here.submit("napper", seeds=4)
    here.wait_for(run_id, state=State.RUNNING, number=2)
    here.redis.limit_memory(full=True)
    wait_until(
        lambda: not any(attempt.state is State.RUNNING for attempt in here.attempts(run_id)),
        timeout_secs=90,
        description="the agents are done",
    )
    time.sleep(2)
    here.redis.limit_memory(full=False)
    accounts = count(here.settle(run_id))
    assert accounts.statuses == {"completed": 4}
    assert accounts.tries == {"completed": 4}


def test_gradings_that_end_while_redis_is_full_cost_no_slot(here: Site, count: Count) -> None:
    """Neither the grades nor the slots of the worker are lost that could not report them, nor is the run left open."""
    agents = here.host("agents", queues="agents")
    run_id = here.submit("solver", seeds=4)
    here.wait_for(run_id, state=State.COLLECTED, number=4)
    agents.stop()
    with here.store.engine.connect() as connection:
        connection.execute(text("LOCK TABLE attempts IN SHARE ROW EXCLUSIVE MODE"))  # grades cannot be stored
        grading = here.host("grading", queues="grading")
        blocked = text("SELECT count(*) FROM pg_locks WHERE NOT granted AND relation = 'attempts'::regclass")
        wait_until(
            lambda: (connection.execute(blocked).scalar() or 0) >= 2, timeout_secs=90, description="two are graded"
        )
        here.redis.limit_memory(full=True)
        connection.rollback()
    wait_until(
        lambda: grading.log.read_text().count("could not report its end") >= 2,
        timeout_secs=90,
        description="the gradings ended and could not say so",
    )
    time.sleep(5)  # their worker is free now, and takes the next message from the full Redis
    here.redis.limit_memory(full=False)
    here.host("more agents", queues="agents")
    another = here.submit("idler", seeds=2)
    here.wait_until_closed(another)
    assert grading.lives()
    assert count(here.settle(run_id)).statuses == {"completed": 4}
    assert count(here.settle(another)).statuses == {"no_submission": 2}
