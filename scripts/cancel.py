"""Cancel a run: what waits is ended at once, what runs is stopped with its containers.

python scripts/cancel.py RUN
"""

from typing import Annotated

import typer

from core.status import RunState
from scripts.terminal import run_command, single
from worker import cancelling
from worker.context import Context
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
        if cancelling.stop_and_close(found.run_id, here, patience_secs=PATIENCE_SECS):
            print(f"run {found.run_id} is closed: {found.run_dir}")
        else:
            print(f"run {found.run_id}: its workers have not stopped everything yet; they will, or their leases end")
    finally:
        here.close()


def main() -> None:
    """Entry point of the command."""
    run_command(single(cancel))


if __name__ == "__main__":
    main()
