"""Write the files of a run folder anew from the database and the attempts' reports, and close the run if it can be.

python scripts/collect.py RUN
"""

from typing import Annotated

import typer

from core.errors import InfrastructureError
from scripts.terminal import run_command, single
from worker import closing
from worker.context import Context
from worker.settings import load_settings


def collect(
    run: Annotated[str, typer.Argument(help="a run's id, folder, or latest")],
    runs_dir: Annotated[str | None, typer.Option(help="where the run folders are")] = None,
) -> None:
    """Write a run's grading_report.json and metadata.json."""
    here = Context(load_settings(runs_dir=runs_dir))
    try:
        found = here.store.find_run(run)
        if not closing.close(found.run_id, here, again=True):
            raise InfrastructureError(
                f"run {found.run_id} has unfinished attempts, or is being closed right now; see scripts/status.py"
            )
        print(found.run_dir)
    finally:
        here.close()


def main() -> None:
    """Entry point of the command."""
    run_command(single(collect))


if __name__ == "__main__":
    main()
