"""Taking an attempt: which one this host should work on next, and the lease on it.

A message of the queue is a turn, not an order: it names an attempt, and the worker that gets it takes what should
run next on its host, which may be another one (worker/scheduling.py). Every attempt that waits has its message, so
there are as many turns as attempts, and a message whose attempt is done goes on to grading without further ado.

Turns are the fast path. Where few attempts wait, all their messages may be with hosts that cannot run them, so a worker
with a free slot also looks by itself now and then (`worker.turns.take_unasked`).
"""

from dataclasses import replace

from core.errors import InputError
from store import waiting
from store.records import Attempt, Lease
from store.waiting import Choice, Queue, Waiting
from tasks.data import has_prepared_folder
from worker.context import Context
from worker.identity import this_worker
from worker.places import data_place
from worker.scheduling import choose, host_of


def take_next(asked: Attempt | None, context: Context) -> Lease | None:
    """Lease what should run next on this host; None where nothing that waits may start here now.

    Args:
        asked: the attempt that the message names, if there is a message. It is preferred to others like it.
        context: this process's open parts.
    """

    def choice(queue: Queue) -> Choice | None:
        queue = _ours(queue, context)
        host = host_of(context.settings, capacity=context.capacity, slots=context.slots_on_host, held=queue.held)
        chosen = choose(queue, host=host, has_data=lambda entry: _has_data(entry, context))
        allocation = host.allocate(chosen.needs) if chosen else None
        if chosen is None or allocation is None:
            return None
        attempt_id = asked.attempt_id if asked is not None and chosen.holds(asked) else None
        return Choice(waiting=chosen, allocation=allocation, attempt_id=attempt_id)

    return waiting.take(
        context.store,
        owner=this_worker(),
        lease_secs=context.settings.lease_secs,
        host=context.host,
        choose=choice,
    )


def _ours(queue: Queue, context: Context) -> Queue:
    """Leave out what other runs wait for, where this worker ends with its run: theirs would be broken off then."""
    if (run_id := context.settings.only_run) is None:
        return queue
    return replace(queue, waiting=tuple(entry for entry in queue.waiting if entry.run_id == run_id))


def _has_data(entry: Waiting, context: Context) -> bool:
    try:
        folder = data_place(context.settings, entry.request.data_dir).folder
    except InputError:  # the attempt will say so
        return False
    return has_prepared_folder(entry.competition_id, folder)
