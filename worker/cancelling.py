"""Cancelling a run: what waits is ended at once, what runs is stopped by its worker."""

import time

from core.status import State
from store.runs import Store
from worker import closing
from worker.context import Context
from worker.identity import known_dead

LOOK_SECS = 0.3


def stop_and_close(run_id: str, here: Context, *, patience_secs: float) -> bool:
    """Wait until nothing of a run runs any more whose cancelling was requested, and close it; gives whether it is.

    What only dead workers of this host hold is ended here. What others hold at the end of `patience_secs` they
    stop by themselves, or their leases end, and then the run is closed by whoever sees it.
    """
    deadline = time.monotonic() + patience_secs
    while _holds(run_id, here.store) and time.monotonic() < deadline:
        time.sleep(LOOK_SECS)
    return closing.close(run_id, here)


def _holds(run_id: str, store: Store) -> bool:
    """Whether something of a run is not done yet, apart from what dead workers hold."""
    dead = [owner for owner in store.owners(run_id) if known_dead(owner)]
    if dead:
        store.cancel_held_by(run_id, dead_owners=dead)
    return any(row.state is not State.DONE for row in store.progress(run_id))
