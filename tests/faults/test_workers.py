"""Workers that die, stand still, or lose their submitter."""

import json
import signal
import time
from collections.abc import Callable

import pytest
from sqlalchemy import text

from core.status import State
from tests.faults.accounts import Accounts
from tests.faults.hosts import Host
from tests.faults.site import LEASE_SECS, TINY, Site
from tests.integration.bench import assert_all_gone
from tests.services import wait_until

Count = Callable[[Accounts], Accounts]
TAKEN_OVER_SECS = LEASE_SECS / 2 + 5  # until someone looks, and the start of the try


@pytest.mark.parametrize("kill", [Host.kill, Host.kill_tree], ids=["worker", "tree"])
def test_sigkill_of_a_worker_costs_a_try_and_no_attempt(here: Site, count: Count, kill: Callable[[Host], None]) -> None:
    doomed = here.host("doomed")
    run_id = here.submit("napper", seeds=2)
    here.wait_for(run_id, state=State.RUNNING, number=2)
    agents = doomed.agents()
    kill(doomed)
    killed = time.monotonic()
    heir = here.host("heir")
    assert_all_gone(agents, timeout_secs=LEASE_SECS)  # before anyone else may start them again
    wait_until(heir.is_ready, timeout_secs=90, description="the heir is there")
    from_when = max(killed + LEASE_SECS, time.monotonic())
    wait_until(
        lambda: all(attempt.tries == 2 or attempt.state is State.DONE for attempt in here.attempts(run_id)),
        timeout_secs=90,
        description="what the dead worker held is taken over",
    )
    assert time.monotonic() - from_when < TAKEN_OVER_SECS
    accounts = count(here.settle(run_id))
    assert accounts.statuses == {"completed": 2}
    assert accounts.tries == {"completed": 2, "lost": 2}


def test_a_worker_that_stood_still_finds_its_lease_gone_and_kills_its_agent(here: Site, count: Count) -> None:
    away = here.host("away", concurrency=1)
    run_id = here.submit("sleeper", "--time-limit", "8")
    here.wait_for(run_id, state=State.RUNNING)
    agents = away.agents()
    away.freeze()
    here.host("heir", concurrency=1)
    wait_until(lambda: here.attempts(run_id)[0].fence == 2, timeout_secs=90, description="another worker took over")
    here.wait_for(run_id, state=State.RUNNING)
    away.thaw()
    assert_all_gone(agents, timeout_secs=5)
    assert here.attempts(run_id)[0].state is State.RUNNING, "the heir's agent was to work on"
    accounts = count(here.settle(run_id))
    assert accounts.statuses == {"time_limit": 1}
    assert accounts.tries == {"lost": 1, "time_limit": 1}


def test_a_result_from_a_void_lease_is_dropped(here: Site, count: Count) -> None:
    """The agent ended while its worker stood still: when the worker wakes up, the attempt is another's.

    The database answers no write at that moment, so that the worker cannot have learned of it by a heartbeat.
    """
    away = here.host("away", concurrency=1)
    run_id = here.submit("napper")
    here.wait_for(run_id, state=State.RUNNING)
    away.freeze()
    here.host("heir", concurrency=1)
    wait_until(lambda: here.attempts(run_id)[0].fence == 2, timeout_secs=90, description="another worker took over")
    here.wait_for(run_id, state=State.RUNNING)
    (attempt,) = here.attempts(run_id)
    published = here.folder(run_id) / attempt.name
    with here.store.engine.connect() as connection:
        connection.execute(text("LOCK TABLE attempts IN SHARE ROW EXCLUSIVE MODE"))
        away.thaw()
        deadline = time.monotonic() + 2
        while time.monotonic() < deadline:
            assert not published.exists(), "files from a void lease were published"
            time.sleep(0.02)
        connection.rollback()
    accounts = count(here.settle(run_id))
    assert accounts.statuses == {"completed": 1}
    assert accounts.tries == {"completed": 1, "lost": 1}


def test_without_its_submitter_a_run_closes(here: Site, count: Count) -> None:
    here.host("one")
    with here.bench.start("submit", "--agent", "napper", "--seeds", "3", *TINY) as command:
        wait_until(here.store.runs, timeout_secs=90, description="it is submitted")
        run_id = here.store.runs()[0].run_id
        here.wait_for(run_id, state=State.RUNNING)
        command.send_signal(signal.SIGKILL)
        command.communicate()
    followed = here.bench.run("status", run_id, "--json")
    assert followed.returncode == 0, followed.stderr
    assert json.loads(followed.stdout)["run_id"] == run_id
    assert count(here.settle(run_id)).statuses == {"completed": 3}


def test_a_submitter_killed_before_it_queued_leaves_a_run_that_closes(here: Site, count: Count) -> None:
    with here.redis.client() as client:
        client.client_pause(60_000, all=False)  # writes wait
        with here.bench.start("submit", "--agent", "idler", "--seeds", "3", *TINY) as command:
            wait_until(here.store.runs, timeout_secs=90, description="it is in the database")
            command.send_signal(signal.SIGKILL)
            command.communicate()
        client.client_unpause()
        assert client.llen("agents") == 0
    here.host("one")
    accounts = count(here.settle(here.store.runs()[0].run_id))
    assert accounts.statuses == {"no_submission": 3}
