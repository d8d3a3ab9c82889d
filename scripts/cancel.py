"""Cancel a run: what waits is ended at once, what runs is stopped with its containers.

python scripts/cancel.py RUN
"""

import time
from typing import Annotated

import typer

from core.status import RunState, State
from scripts.terminal import run_command, single
from store.runs import Store
from worker import closing
from worker.context import Context
from worker.identity import known_dead
from worker.settings import load_settings

PATIENCE_SECS = 60.0


def cancel(
    run: Annotated[str, typer.Argument(help="a run's id, folder, or latest")],
    runs_dir: Annotated[str | None, typer.Option(help="where the run folders are")] = None,
) -> None:
    """Cancel a run and wait until its agents are stopped."""
    settings = load_settings(runs_dir=runs_dir)
    here = Context(settings)
    try:
        found = here.store.find_run(run)
        if found.state is not RunState.OPEN:
            print(f"run {found.run_id} is {found.state} already")
            return
        waiting = here.store.request_cancel(found.run_id)
        print(f"run {found.run_id}: {waiting} waiting attempts cancelled", flush=True)
        _wait_for_workers(found.run_id, here.store)
        if closing.close(found.run_id, here):
            print(f"run {found.run_id} is closed: {found.run_dir}")
        else:
            print(f"run {found.run_id}: its workers have not stopped everything yet; they will, or their leases end")
    finally:
        here.close()


def _wait_for_workers(run_id: str, store: Store) -> None:
    """Wait until nothing runs any more; what only dead workers hold is ended here."""
    deadline = time.monotonic() + PATIENCE_SECS
    while time.monotonic() < deadline:
        rows = [row for row in store.progress(run_id) if row.state is not State.DONE]
        if not rows:
            return
        dead = [owner for owner in store.owners(run_id) if known_dead(owner)]
        if dead:
            store.cancel_held_by(run_id, dead_owners=dead)
        time.sleep(0.3)


def main() -> None:
    """Entry point of the command."""
    run_command(single(cancel))


if __name__ == "__main__":
    main()
