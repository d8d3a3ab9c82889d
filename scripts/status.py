"""Follow a run to its end, or list the runs.

    python scripts/status.py            the runs of this database
    python scripts/status.py RUN        follow one: its id, its folder, or latest
    python scripts/status.py --hosts    which worker holds what since when, and what waits

Exit codes as of scripts/submit.py; also 1 when nothing works on the run any more.
"""

import json
import sys
import time
from typing import Annotated

import typer
from rich.table import Table

from core.errors import InfrastructureError
from scripts.following import follow
from scripts.hosts import show_hosts
from scripts.results import show_result
from scripts.terminal import INTERRUPTED, console_for, run_command, show_table, single
from store.records import Run
from store.runs import Store
from store.spending import ModelUsage, total, usage_of_run
from worker.carrier import is_carried
from worker.context import open_store
from worker.recovery import is_stalled
from worker.settings import Settings, load_settings


def status(
    run: Annotated[str | None, typer.Argument(help="a run's id, folder, or latest")] = None,
    runs_dir: Annotated[str | None, typer.Option(help="where the run folders are")] = None,
    once: Annotated[bool, typer.Option("--once", help="show it as it is now, and end")] = False,
    hosts: Annotated[bool, typer.Option("--hosts", help="show who works on what, in all runs or in RUN")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="print JSON; with RUN, at its end")] = False,
) -> None:
    """Follow a run to its end; without one, list the runs."""
    settings = load_settings(runs_dir=runs_dir)
    store = open_store(settings)
    if hosts:
        show_hosts(store, settings, run_id=store.find_run(run).run_id if run else None, as_json=as_json)
        return
    if run is None:
        _list(store.runs(), as_json=as_json)
        return
    found = store.find_run(run)
    if once:
        _show_now(found, store, as_json=as_json)
        return
    console = console_for(as_json=as_json)
    try:
        closed = follow(store, found.run_id, console=console, check=_Stalled(store, found, settings).check)
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)
    sys.exit(show_result(closed, settings, console=console, as_json=as_json))


PATIENCE_SECS = 10.0  # until a run that nobody carries counts as left: one that was just submitted is about to be


class _Stalled:
    """Notices that nobody works on a run any more."""

    def __init__(self, store: Store, run: Run, settings: Settings) -> None:
        self._store = store
        self._run = run
        self._settings = settings
        # With a broker, workers may be busy with other runs for hours; without, whoever carried the run is simply gone.
        self._embedded = settings.broker_url is None
        self._since = time.monotonic()

    def check(self) -> None:
        if not self._embedded or is_carried(self._run, self._settings) or not is_stalled(self._store, self._run.run_id):
            self._since = time.monotonic()
        elif time.monotonic() - self._since > PATIENCE_SECS:
            raise InfrastructureError(
                f"nothing works on run {self._run.run_id} any more; "
                f"continue it with: python scripts/submit.py --resume {self._run.run_id}"
            )


def _list(runs: list[Run], *, as_json: bool) -> None:
    rows = [
        {
            "run_id": run.run_id,
            "status": str(run.state),
            "agent": run.request.agent_id,
            "split": run.request.split,
            "attempts": run.planned,
            "created_at": run.created_at.isoformat(timespec="seconds"),
            "run_dir": run.run_dir,
        }
        for run in runs
    ]
    if as_json:
        print(json.dumps(rows, indent=2))
        return
    if not rows:
        print("no runs yet; start one with: python scripts/submit.py --split dev")
        return
    table = Table()
    for name in rows[0]:
        table.add_column(name, overflow="fold")
    for row in rows:
        table.add_row(*(str(cell) for cell in row.values()))
    show_table(table, console_for(as_json=False))


def _show_now(run: Run, store: Store, *, as_json: bool) -> None:
    rows = store.progress(run.run_id)
    used = usage_of_run(store, run.run_id)
    if as_json:
        attempts = [
            {
                "attempt_id": row.attempt_id,
                "competition_id": row.competition_id,
                "technique": row.technique,
                "seed": row.seed,
                "state": row.state,
                "status": row.status,
                "score": row.score,
                "medal": row.medal,
                "worker": row.owner,
                "cost_usd": spent.cost_usd if (spent := _of(row.attempt_id, used)) else None,
            }
            for row in rows
        ]
        print(json.dumps({"run_id": run.run_id, "status": run.state, "attempts": attempts}, indent=2))
        return
    from scripts.following import progress_table

    console_for(as_json=False).print(progress_table(run, rows, used=total(used), height=len(rows) + 10))


def _of(attempt_id: str, used: list[ModelUsage]) -> ModelUsage | None:
    return total([usage for usage in used if usage.attempt_id == attempt_id])


def main() -> None:
    """Entry point of the command."""
    run_command(single(status))


if __name__ == "__main__":
    main()
