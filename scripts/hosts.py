"""Who works on what since when, and what waits: the database's view of all hosts."""

import json
from collections.abc import Mapping, Sequence
from functools import cache
from itertools import groupby
from typing import Any

from rich.table import Table

from core.resources import GIB
from core.status import State
from scripts.following import secs
from scripts.terminal import console_for
from store import hosts, watching
from store.hosts import Worker
from store.runs import Store
from store.waiting import queue
from store.watching import Held, Waiting
from worker.identity import WorkerId
from worker.scheduling import Host
from worker.settings import Settings
from worker.submitting import hosts_of


def show_hosts(store: Store, settings: Settings, *, run_id: str | None, as_json: bool) -> None:
    """Show what each worker holds, what is free, and what waits; in one run only where `run_id` names one."""
    everything = watching.held(store)
    held = [entry for entry in everything if run_id in (None, entry.run_id)]
    waiting = [entry for entry in watching.waiting(store) if run_id in (None, entry.run_id)]
    workers = hosts.announced(store, within_secs=settings.lease_secs)
    rooms = [_room(host, list(on_host), everything) for host, on_host in groupby(workers, key=lambda one: one.host)]
    hopeless = _hopeless(store, run_id, workers, settings)
    if as_json:
        found = {"workers": _workers(held), "hosts": rooms, "waiting": [_waiting(entry) for entry in waiting]}
        print(json.dumps(found | {"cannot_run": hopeless}, indent=2))
        return
    console = console_for(as_json=False)
    console.print(_held_table(held) if held else "no worker holds an attempt")
    for room in rooms:
        console.print(_room_line(room), highlight=False, soft_wrap=True)
    for competition, needs in hopeless.items():
        console.print(f"no worker that is up can run {competition}: it asks for {needs}", highlight=False)
    for entry in waiting:
        what = "to run" if entry.state is State.QUEUED else "to be graded"
        console.print(
            f"run {entry.run_id} ({entry.agent_id}): {entry.attempts} wait {what}, the first for "
            f"{secs(entry.waited_secs)}",
            highlight=False,
        )


def _room(host: str, workers: Sequence[Worker], held: Sequence[Held]) -> dict[str, Any]:
    """Describe a host: what it has, and what is taken of it."""
    parts = [entry.allocation for entry in held if entry.host == host and entry.allocation]
    return {
        "host": host,
        "names": sorted({_host(worker.worker) for worker in workers}),
        "workers": len(workers),
        "slots": sum(worker.slots for worker in workers),
        "busy": sum(entry.host == host for entry in held),
        "capacity": workers[0].capacity.to_json(),
        "taken": {
            "cpus": round(sum(part.cpus for part in parts), 3),
            "memory_bytes": sum(part.memory_bytes for part in parts),
            "gpus": sorted(gpu for part in parts for gpu in part.gpus),
        },
        "seen_secs": round(min(worker.unseen_secs for worker in workers), 1),
    }


def _room_line(room: Mapping[str, Any]) -> str:
    capacity, taken = room["capacity"], room["taken"]
    parts = [
        f"{room['busy']} of {room['slots']} slots",
        f"{taken['cpus']:g} of {capacity['cpus']:g} CPUs",
        f"{taken['memory_bytes'] / GIB:.3g} of {capacity['memory_bytes'] / GIB:.3g} GiB",
        f"{len(taken['gpus'])} of {len(capacity['gpus'])} GPUs",
    ]
    labels = f"; labels {' '.join(capacity['labels'])}" if capacity["labels"] else ""
    workers = f"{room['workers']} worker{'s' if room['workers'] > 1 else ''}"
    return f"{', '.join(room['names'])} ({workers}): {', '.join(parts)} taken{labels}"


def _hopeless(store: Store, run_id: str | None, up: Sequence[Worker], settings: Settings) -> dict[str, str]:
    """Give the competitions with waiting attempts that none of their run's workers could run, and what they ask for."""

    @cache
    def hosts_for(run_id: str) -> list[Host]:
        return hosts_of([worker for worker in up if worker.run_id in (None, run_id)], settings)

    return {
        row.competition_id: str(row.needs)
        for row in queue(store, host="").waiting
        if run_id in (None, row.run_id)
        and (there := hosts_for(row.run_id))
        and not any(host.suits(row.needs) for host in there)
    }


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
