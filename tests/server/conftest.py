"""Servers without services and servers with a broker that nobody works for, in folders of the tests' own."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.integration.bench import FIXTURES
from tests.server.live import Live, live
from tests.services import throwaway_postgres
from tests.worker.throwaway_redis import throwaway_redis
from worker.settings import Settings, load_settings

MakeSettings = Callable[..., Settings]


@pytest.fixture(scope="session", autouse=True)
def bare_environment() -> Iterator[None]:
    """No setting of the machine that runs the tests."""
    removed = {name: os.environ.pop(name) for name in list(os.environ) if name.startswith("MLEBENCH_")}
    yield
    os.environ.update(removed)


def settings_in(folder: Path, **changes: Any) -> Settings:
    """Settings that point into a folder, with the agents and competitions of the tests."""
    return load_settings(
        **{
            "data_dir": folder / "data",
            "runs_dir": folder / "runs",
            "scratch_dir": folder / "scratch",
            "agents_path": str(FIXTURES / "agents"),
            "competitions_path": str(FIXTURES / "competitions"),
            "env_file": folder / ".env",
            "sandbox": "process",
            **changes,
        }
    )


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URL of a Redis that nobody takes messages from."""
    with throwaway_redis(tmp_path_factory.mktemp("redis")) as url:
        yield url


@pytest.fixture(scope="module")
def served(broker: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    """A server whose runs wait for ever: it has a broker, and nobody works."""
    with live(settings_in(tmp_path_factory.mktemp("served"), broker_url=broker)) as server:
        yield server


@pytest.fixture(scope="module")
def postgres() -> Iterator[str]:
    """The URL of a Postgres of this module."""
    with throwaway_postgres() as url:
        yield url
