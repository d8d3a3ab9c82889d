"""Bring the database's tables up to date; waits for the database to answer. Safe to run at any time.

python scripts/migrate.py

Whatever opens the database does this too; as a step of its own it is done once, before workers start.
"""

from scripts.terminal import run_command, single
from store.database import migrate as bring_up_to_date
from store.database import open_engine, shown, wait_for
from worker.settings import database_url, load_settings

PATIENCE_SECS = 60.0


def migrate() -> None:
    """Bring the database's tables up to date."""
    url = database_url(load_settings())
    engine = open_engine(url)
    try:
        wait_for(engine, timeout_secs=PATIENCE_SECS)
        bring_up_to_date(engine)
    finally:
        engine.dispose()
    print(f"{shown(url)} is up to date")


def main() -> None:
    """Entry point of the command."""
    run_command(single(migrate))


if __name__ == "__main__":
    main()
