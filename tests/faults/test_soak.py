"""Many short attempts while workers are killed every few seconds."""

import os
import random
import time
from collections.abc import Callable

import pytest

from core.status import RunState, State
from tests.faults.accounts import Accounts
from tests.faults.site import Site
from tests.faults.sizes import SOAK_ATTEMPTS as ATTEMPTS

SEED = int(os.environ.get("MLEBENCH_FAULTS_SEED", "1"))
WORKERS = 3
EVERY_SECS = (2.0, 4.0)  # between two kills
PATIENCE_SECS = 90 + 4 * ATTEMPTS


@pytest.mark.timeout(PATIENCE_SECS + 60)
def test_nothing_is_lost_while_workers_are_killed_at_random(
    here: Site, count: Callable[[Accounts], Accounts], say: Callable[[str], None]
) -> None:
    chance = random.Random(SEED)
    # Tries are spent by kills here, not by attempts that cannot work.
    env = {"MLEBENCH_MAX_TRIES": "50"}
    hosts = [here.host(f"worker{number}", env=env) for number in range(WORKERS)]
    run_id = here.submit("stroller", seeds=ATTEMPTS)
    started = time.monotonic()
    kills = {"kill": 0, "kill_tree": 0}
    while any(attempt.state is not State.DONE for attempt in here.attempts(run_id)):
        assert time.monotonic() - started < PATIENCE_SECS, here.summary(run_id)
        time.sleep(chance.uniform(*EVERY_SECS))
        # Or a busy machine would see nothing but workers that start; and best, one in the middle of its work.
        places = [place for place in range(WORKERS) if hosts[place].has_worked()]
        if not places:
            continue
        owners = [attempt.owner or "" for attempt in here.attempts(run_id) if attempt.state is State.RUNNING]
        busy = [place for place in places if any(f"/{hosts[place].pid}/" in owner for owner in owners)]
        place = chance.choice(busy or places)
        how = chance.choice(sorted(kills))
        getattr(hosts[place], how)()
        kills[how] += 1
        here.hosts.remove(hosts[place])
        hosts[place] = here.host(f"worker{place}-{sum(kills.values())}", env=env)
    accounts = count(here.settle(run_id))
    say(f"in {time.monotonic() - started:.0f} s with {kills} of {WORKERS} workers (seed {SEED})")
    assert here.store.run(run_id).state is RunState.CLOSED
    assert accounts.statuses == {"completed": ATTEMPTS}
    assert set(accounts.tries) <= {"completed", "lost"}
    assert accounts.tries["lost"] > 0, "no kill hit a running attempt"
