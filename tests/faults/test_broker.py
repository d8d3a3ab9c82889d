"""Redis that is restarted, gone for a while, or full."""

import os
import time
from collections.abc import Callable

import pytest

from core.status import State
from tests.faults.accounts import Accounts
from tests.faults.site import TINY, Site
from tests.services import wait_until

Count = Callable[[Accounts], Accounts]
OUTAGE_SECS = float(os.environ.get("MLEBENCH_FAULTS_OUTAGE_SECS", "8"))  # longer than lease and visibility timeout


def test_redis_is_restarted_in_mid_run(here: Site, count: Count) -> None:
    here.host("one")
    run_id = here.submit("napper", seeds=6)
    here.wait_for(run_id, state=State.RUNNING, number=2)
    here.redis.kill()
    here.redis.start()
    accounts = count(here.settle(run_id))
    assert accounts.statuses == {"completed": 6}
    assert accounts.tries == {"completed": 6}, "no agent's work was to be lost"


def test_redis_is_gone_for_a_while_and_agents_work_on(here: Site, count: Count) -> None:
    here.host("one")
    run_id = here.submit("napper", seeds=4)
    here.wait_for(run_id, state=State.RUNNING, number=2)
    here.redis.kill()
    gone = time.monotonic()
    here.wait_for(run_id, state=State.COLLECTED, number=2)
    time.sleep(max(0.0, OUTAGE_SECS - (time.monotonic() - gone)))
    here.redis.start()
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
        timeout_secs=30,
        description="the agents are done",
    )
    time.sleep(2)
    here.redis.limit_memory(full=False)
    accounts = count(here.settle(run_id))
    assert accounts.statuses == {"completed": 4}
    assert accounts.tries == {"completed": 4}
