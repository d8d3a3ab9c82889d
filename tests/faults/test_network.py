"""A network cut of one of two hosts."""

import re
import time
from collections.abc import Callable
from datetime import UTC, datetime

from core.status import State
from store.folders import RunFolder
from tests.faults.accounts import Accounts
from tests.faults.hosts import at_rest
from tests.faults.network import FarHost
from tests.faults.site import LEASE_SECS, Site
from tests.integration.bench import assert_all_gone
from tests.services import wait_until

Count = Callable[[Accounts], Accounts]


def paused_at(here: Site, run_id: str) -> datetime:
    """When the first try's worker noted that its agent rests; both hosts have the clock of this machine."""
    [attempt] = here.attempts(run_id)
    log = (RunFolder(path=here.folder(run_id)).live(attempt.name, 1) / "run.log").read_text()
    [noted] = re.findall(r"\[mlebench (\S+)Z\] paused:", log)
    return datetime.fromisoformat(noted).replace(tzinfo=UTC)


def test_a_host_that_is_cut_off_loses_its_attempt_and_comes_back(
    two_hosts: tuple[Site, dict[str, str]], far: FarHost, count: Count, say: Callable[[str], None]
) -> None:
    here, env = two_hosts
    away = here.host("far", env=env, before=far.enter_renamed, concurrency=1)
    run_id = here.submit("sleeper", "--time-limit", "60")
    here.wait_for(run_id, state=State.RUNNING)
    agents = away.agents()
    here.closing.callback(far.mend)  # whatever comes: a worker that is cut off does not end
    far.cut()
    cut = time.monotonic()
    near = here.host("near", concurrency=1)
    # By its own clock: nobody can tell it.
    wait_until(lambda: at_rest(agents), timeout_secs=LEASE_SECS + 5, description="the far agent works no more")
    rested = time.monotonic() - cut
    wait_until(lambda: here.attempts(run_id)[0].fence == 2, timeout_secs=90, description="another host took over")
    taken = time.monotonic() - cut
    assert at_rest(agents)
    paused, taken_over = paused_at(here, run_id), here.store.tries(run_id)[1].started_at
    assert paused < taken_over, "no two hosts are to work on the same attempt"
    far.mend()
    mended = time.monotonic()
    assert_all_gone(agents, timeout_secs=30)
    say(
        f"the far agent rested after {rested:.1f} s, the attempt was taken over after {taken:.1f} s, "
        f"and {time.monotonic() - mended:.1f} s after the cut was mended the far agent was gone"
    )
    assert here.bench.run("cancel", run_id).returncode == 0
    here.wait_for(run_id, state=State.DONE)
    near.stop()
    second = here.submit("napper")
    here.wait_for(second, state=State.DONE)
    environment = here.attempts(second)[0].environment
    assert environment is not None
    assert environment["host"] == far.name, "the far host was to work again"
    assert count(here.settle(second)).statuses == {"completed": 1}
    accounts = count(here.settle(run_id))
    assert accounts.statuses == {"cancelled": 1}
    assert accounts.tries == {"lost": 1, "cancelled": 1}
