"""What a starting worker finds on its host: agents that still run though their worker is gone, and remains."""

import logging
import threading
from collections.abc import Callable

from sqlalchemy.exc import NoResultFound

from core.errors import MlebenchError
from core.status import State
from store.records import Attempt
from worker import turns
from worker.attempts import Next
from worker.context import Context
from worker.identity import known_dead, of_earlier_boot, this_worker
from worker.sandbox import Leftover, Sandbox

log = logging.getLogger(__name__)


def take_over_host(context: Context, *, when_done: Callable[[str], None]) -> list[threading.Thread]:
    """Adopt what other workers left running on this host, and remove what nobody needs.

    Args:
        context: this process's open parts.
        when_done: called with the id of an adopted attempt whose files are in the run folder.

    Returns:
        A thread for each adopted agent; it ends with it.
    """
    sandboxes = {sandbox.name: sandbox for sandbox in (context.sandbox("process"), context.sandbox("auto"))}
    threads = []
    for name, sandbox in sandboxes.items():
        with sandbox.host_lock:
            adopted, spared = _adopt_leftovers(sandbox, context, when_done)
            threads += adopted
            removed = sandbox.sweep(spare=spared)
        if removed:
            log.info("removed %d things that dead workers left in the %s sandbox", removed, name)
    return threads


def _adopt_leftovers(
    sandbox: Sandbox, context: Context, when_done: Callable[[str], None]
) -> tuple[list[threading.Thread], set[str]]:
    """Give a thread for each adopted agent, and the agents that are left to the workers of their own run."""
    threads: list[threading.Thread] = []
    spared: set[str] = set()
    for leftover in sandbox.leftovers():
        try:
            attempt = context.store.attempt(leftover.attempt_id)
        except NoResultFound:
            continue  # another installation's on the same engine; a dead one's is swept
        if _is_void(leftover, attempt):
            log.info("removing the agent of attempt %s: its lease is gone", attempt.attempt_id)
            leftover.discard()
        elif context.settings.only_run not in (None, attempt.run_id):
            spared.add(leftover.ref)
        elif (thread := _adopted(leftover, attempt, context, when_done)) is not None:
            threads.append(thread)
    return threads, spared


def _is_current(leftover: Leftover, attempt: Attempt) -> bool:
    """Whether the database says that this very agent is the attempt's."""
    return attempt.state is State.RUNNING and (attempt.environment or {}).get("execution") == leftover.ref


def _is_void(leftover: Leftover, attempt: Attempt) -> bool:
    """Whether the attempt has gone on without this agent. One that is only just starting is not void."""
    if _is_current(leftover, attempt):
        return False
    return attempt.state is not State.RUNNING or attempt.fence > leftover.fence


def _adopted(
    leftover: Leftover, attempt: Attempt, context: Context, when_done: Callable[[str], None]
) -> threading.Thread | None:
    """Look after an agent from now on; None where its worker is alive, or another was faster."""
    if not _is_current(leftover, attempt):
        return None
    lease = context.store.adopt(
        attempt,
        owner=this_worker(),
        lease_secs=context.settings.lease_secs,
        expired=not (known_dead(attempt.owner or "") or of_earlier_boot(attempt.owner or "")),
    )
    if lease is None:
        return None
    leftover.claim()
    log.info("adopted the agent of attempt %s from %s", attempt.attempt_id, attempt.owner)

    def look_after() -> None:
        try:
            turn = turns.go_on(leftover, attempt, lease, context)
            if turn.next is Next.GRADE:
                when_done(attempt.attempt_id)
            if turn.next is not Next.ELSEWHERE:  # not left to the next worker; who could not adopt it has it still
                leftover.discard()
        except MlebenchError as error:  # the database does not answer: its lease runs out, and recovery goes on
            log.warning("attempt %s: %s", attempt.attempt_id, error)

    thread = threading.Thread(target=look_after, name=f"adopted-{attempt.attempt_id}", daemon=True)
    thread.start()
    return thread
