"""What a worker does with a message of the queue: one turn, in which one try of an attempt is carried out."""

import logging
import time
import traceback
from collections.abc import Callable
from dataclasses import replace

from core.errors import LeaseLost
from core.status import State, Status
from store.records import Attempt, Lease, Outcome
from worker import logs, metrics, room
from worker.attempts import Next, Try, Turn, reason_of, try_of
from worker.context import Context
from worker.sandbox import Leftover
from worker.taking import take_next

log = logging.getLogger(__name__)

RETRY_SECS = (5.0, 30.0, 120.0)  # wait before the second, third, ... try
LONGEST_ERROR = 20_000  # characters of a traceback that are kept with a try
NO_SLOT_SECS = 5.0
HOLD_SECS = 10.0  # how long a message is kept when nothing may start here: then others shall have it
LOOK_SECS = 1.0  # between two looks meanwhile
BUSY_SECS = 10.0  # when to look again at an attempt that another worker holds


def take_turn(attempt_id: str, context: Context) -> Turn:
    """Run one try of an attempt, if one may run here now: the one that the message names, or another that goes first.

    Safe to call any number of times. Never raises for what the agent does; a failure of the machinery is recorded
    with the try and, while tries are left, answered with LATER.
    """
    deadline = time.monotonic() + HOLD_SECS
    while not context.draining.is_set():
        attempt = context.store.attempt(attempt_id)
        if attempt.state in (State.COLLECTED, State.DONE):
            return Turn(next=Next.GRADE)
        if (lacking := room.lacking(context.settings)) is not None:
            log.warning("attempt %s waits: %s", attempt_id, lacking, extra={"action": "disk_full"})
            return Turn(next=Next.LATER, wait_secs=BUSY_SECS)
        with context.slot() as free:
            if not free:  # adopted attempts have them
                return Turn(next=Next.LATER, wait_secs=NO_SLOT_SECS)
            if (lease := take_next(attempt, context)) is not None:
                return _taken(lease, asked=attempt_id, context=context)
        if attempt.state is State.RUNNING:
            return Turn(next=Next.LATER, wait_secs=min(BUSY_SECS, context.settings.lease_secs))
        # Nothing that waits may start here. Another message would find the same, so this one is kept for a while.
        if time.monotonic() > deadline:
            return Turn(next=Next.LATER)
        context.draining.wait(LOOK_SECS)
    return Turn(next=Next.ELSEWHERE)


def take_unasked(context: Context) -> Turn | None:
    """Run one try of what may start here though no message has come: others may have the messages and no use for them.

    None where there is no free slot, or nothing that may start.
    """
    if context.draining.is_set() or room.lacking(context.settings) is not None:
        return None
    with context.slot() as free:
        lease = take_next(None, context) if free else None
        return None if lease is None else _taken(lease, asked=None, context=context)


def _taken(lease: Lease, *, asked: str | None, context: Context) -> Turn:
    attempt = context.store.attempt(lease.attempt_id)
    metrics.taken(attempt)
    turn = _turn(attempt, lease, context, fence=lease.fence, carry_out=lambda this: this.carry_out())
    if lease.attempt_id == asked:
        return turn
    # The other attempt has a message of its own, which waits as long as need be.
    return replace(turn, attempt_id=lease.attempt_id, wait_secs=0.0)


def go_on(leftover: Leftover, attempt: Attempt, lease: Lease, context: Context) -> Turn:
    """Look after an adopted agent until it ends: the same try, in the hands of another worker.

    Args:
        leftover: the agent.
        attempt: as it was before it was adopted.
        lease: the new one.
        context: this process's open parts.
    """
    with context.slot():  # it runs already, whether there is a slot for it or not
        return _turn(attempt, lease, context, fence=leftover.fence, carry_out=lambda this: this.go_on_with(leftover))


def _turn(attempt: Attempt, lease: Lease, context: Context, *, fence: int, carry_out: Callable[[Try], Turn]) -> Turn:
    """Carry out a try whose files live below the number `fence`."""
    logs.about(attempt_id=attempt.attempt_id, run_id=attempt.run_id, competition=attempt.competition_id)
    log.info("seed %d, try %d", attempt.seed, attempt.tries, extra={"action": "attempt_taken"})
    try:
        run = context.store.run(attempt.run_id)
        with metrics.SLOTS_BUSY.track_inprogress(), try_of(attempt, run, lease, context, fence=fence) as this_try:
            return this_try.turn(carry_out)
    except LeaseLost as error:
        log.warning("attempt %s: %s", attempt.attempt_id, error, extra={"action": "lease_lost"})
        return Turn(next=Next.LATER, wait_secs=BUSY_SECS)
    except Exception as error:  # noqa: BLE001 - the outermost edge of a try: recorded, never lost
        return _failed(attempt, lease, context, error)


def _failed(attempt: Attempt, lease: Lease, context: Context, error: Exception) -> Turn:
    """Record a failure of the machinery, and say whether there is another try."""
    metrics.failed(error)
    log.warning(
        "attempt %s: the machinery failed", attempt.attempt_id, exc_info=error, extra={"action": "machinery_failed"}
    )
    kept = "".join(traceback.format_exception(error))[-LONGEST_ERROR:]
    try:
        if attempt.tries < context.settings.max_tries:
            wait_secs = RETRY_SECS[min(attempt.tries, len(RETRY_SECS)) - 1]
            context.store.give_back(lease, error=kept, counts=True, wait_secs=wait_secs)
            metrics.QUEUED_AGAIN.labels("failed").inc()
            return Turn(next=Next.LATER, wait_secs=wait_secs)
        outcome = Outcome(status=Status.INFRASTRUCTURE_FAILED, message=reason_of(error))
        context.store.give_up(lease, outcome, error=kept)
        metrics.done(outcome.status)
    except LeaseLost as lost:
        log.warning("attempt %s: %s", attempt.attempt_id, lost, extra={"action": "lease_lost"})
        return Turn(next=Next.LATER, wait_secs=BUSY_SECS)
    return Turn(next=Next.GRADE)
