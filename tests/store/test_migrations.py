"""The migrations make what store/tables.py says, and can be undone."""

import threading

from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from sqlalchemy import inspect

from store import database
from store.runs import Store
from store.tables import metadata


def test_the_migrations_make_the_tables_as_they_are_declared(store: Store) -> None:
    with store.engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), metadata) == []


def test_the_migrations_can_be_undone(store: Store) -> None:
    config = Config()
    config.set_main_option("script_location", str(database.MIGRATIONS))
    with store.engine.begin() as connection:
        config.attributes["connection"] = connection
        command.downgrade(config, "base")
    assert inspect(store.engine).get_table_names() == ["alembic_version"]
    database.migrate(store.engine)
    assert {"runs", "attempts", "tries"} <= set(inspect(store.engine).get_table_names())


def test_many_processes_may_open_a_new_database_at_once(database_url: str) -> None:
    problems: list[Exception] = []
    start = threading.Barrier(6)

    def open_it() -> None:
        start.wait()
        try:
            Store.open(database_url).close()
        except Exception as error:
            problems.append(error)

    threads = [threading.Thread(target=open_it) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert problems == []
