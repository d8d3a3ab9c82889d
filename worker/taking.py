"""Taking an attempt: which one this host should work on next, and the lease on it.

A message of the queue is a turn, not an order: it names an attempt, and the worker that gets it takes what should
run next on its host, which may be another one (worker/scheduling.py). Every attempt that waits has its message, so
there are as many turns as attempts, and a message whose attempt is done goes on to grading without further ado.
"""

from collections.abc import Sequence

from core.errors import InputError
from core.resources import Allocation, Resources
from core.status import State
from store import waiting
from store.records import Attempt, Lease
from store.waiting import Waiting
from tasks.data import has_prepared_folder
from worker.context import Context
from worker.identity import this_worker
from worker.places import data_place
from worker.scheduling import Host, choose, host_of

RACES = 5  # how often another worker may be faster before the message goes back


def take_next(asked: Attempt, context: Context) -> Lease | None:
    """Lease what should run next on this host; None where nothing that waits may start here now.

    Args:
        asked: the attempt that the message names. It is preferred to others like it, and taken over first where
            its lease has run out.
        context: this process's open parts.
    """
    if asked.state is State.RUNNING:
        needs = context.store.run(asked.run_id).request.needs_of(asked.competition_id)
        if (lease := _lease(asked.attempt_id, needs, context)) is not None:
            return lease
    for _ in range(RACES):
        queue = waiting.queue(context.store, host=context.host)
        chosen = choose(queue, host=_host(queue.held, context), has_data=lambda entry: _has_data(entry, context))
        if chosen is None:
            return None
        attempt_id = asked.attempt_id if chosen.holds(asked) else waiting.first(context.store, chosen)
        if attempt_id is not None and (lease := _lease(attempt_id, chosen.needs, context)) is not None:
            return lease
    return None


def _lease(attempt_id: str, needs: Resources, context: Context) -> Lease | None:
    def allocate(held: Sequence[Allocation]) -> Allocation | None:
        return _host(held, context).allocate(needs)

    return context.store.acquire(
        attempt_id,
        owner=this_worker(),
        lease_secs=context.settings.lease_secs,
        host=context.host,
        allocate=allocate,
    )


def _host(held: Sequence[Allocation], context: Context) -> Host:
    return host_of(context.settings, capacity=context.capacity, slots=context.slots_on_host, held=held)


def _has_data(entry: Waiting, context: Context) -> bool:
    try:
        folder = data_place(context.settings, entry.request.data_dir).folder
    except InputError:  # the attempt will say so
        return False
    return has_prepared_folder(entry.competition_id, folder)
