"""Who works on what since when, and what waits: the database's view of all hosts."""

import json
from collections.abc import Sequence
from itertools import groupby
from typing import Any

from rich.table import Table

from core.status import State
from scripts.following import secs
from scripts.terminal import console_for
from store import watching
from store.runs import Store
from store.watching import Held, Waiting
from worker.identity import WorkerId


def show_hosts(store: Store, *, run_id: str | None, as_json: bool) -> None:
    """Show what each worker holds, and what waits; in one run only where `run_id` names one."""
    held = [entry for entry in watching.held(store) if run_id in (None, entry.run_id)]
    waiting = [entry for entry in watching.waiting(store) if run_id in (None, entry.run_id)]
    if as_json:
        print(json.dumps({"workers": _workers(held), "waiting": [_waiting(entry) for entry in waiting]}, indent=2))
        return
    console = console_for(as_json=False)
    console.print(_held_table(held) if held else "no worker holds an attempt")
    for entry in waiting:
        what = "to run" if entry.state is State.QUEUED else "to be graded"
        console.print(
            f"run {entry.run_id} ({entry.agent_id}): {entry.attempts} wait {what}, the first for "
            f"{secs(entry.waited_secs)}",
            highlight=False,
        )


def _workers(held: Sequence[Held]) -> list[dict[str, Any]]:
    return [
        {
            "worker": owner,
            "host": _host(owner),
            "lease_ran_out": all(entry.lease_secs <= 0 for entry in attempts),
            "attempts": [_attempt(entry) for entry in attempts],
        }
        for owner, attempts in _by_worker(held)
    ]


def _by_worker(held: Sequence[Held]) -> list[tuple[str, list[Held]]]:
    return [(owner, list(entries)) for owner, entries in groupby(held, key=lambda entry: entry.owner)]


def _attempt(entry: Held) -> dict[str, Any]:
    return {
        "attempt_id": entry.attempt_id,
        "run_id": entry.run_id,
        "agent_id": entry.agent_id,
        "competition_id": entry.competition_id,
        "technique": entry.technique,
        "seed": entry.seed,
        "try": entry.tries,
        "started_at": entry.started_at.isoformat(timespec="seconds"),
        "elapsed_secs": round(entry.elapsed_secs, 1),
        "lease_secs": round(entry.lease_secs, 1),
    }


def _waiting(entry: Waiting) -> dict[str, Any]:
    return {
        "run_id": entry.run_id,
        "agent_id": entry.agent_id,
        "state": entry.state,
        "attempts": entry.attempts,
        "since": entry.since.isoformat(timespec="seconds"),
        "waited_secs": round(entry.waited_secs, 1),
    }


def _held_table(held: Sequence[Held]) -> Table:
    table = Table()
    for title in ("host", "worker", "competition", "seed", "agent", "run", "try", "elapsed", "lease"):
        table.add_column(title, overflow="fold", justify="right" if title in ("seed", "try", "elapsed") else "left")
    for owner, attempts in _by_worker(held):
        for number, entry in enumerate(attempts):
            table.add_row(
                *((_host(owner), _process(owner)) if number == 0 else ("", "")),
                f"{entry.competition_id} {entry.technique or ''}".rstrip(),
                str(entry.seed),
                entry.agent_id,
                entry.run_id,
                str(entry.tries),
                secs(entry.elapsed_secs),
                _lease(entry),
            )
        table.add_section()
    return table


def _host(owner: str) -> str:
    worker = WorkerId.parse(owner)
    return worker.host if worker else owner


def _process(owner: str) -> str:
    worker = WorkerId.parse(owner)
    return f"process {worker.pid}" if worker else ""


def _lease(entry: Held) -> str:
    if entry.lease_secs > 0:
        return f"{entry.lease_secs:.0f} s left"
    return f"LOST: ran out {secs(-entry.lease_secs)} ago"
