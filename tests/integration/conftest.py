"""All tests here run the commands against real services."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.bench import Bench
from tests.services import throwaway_postgres, wait_until


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if "integration" in Path(item.path).parts:
            item.add_marker(pytest.mark.integration)


@pytest.fixture(scope="session")
def data_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One data folder for the session: preparing is tested elsewhere."""
    return tmp_path_factory.mktemp("data")


@pytest.fixture
def bench(data_dir: Path, tmp_path: Path) -> Bench:
    """Commands in embedded mode, with short leases."""
    timing = {"MLEBENCH_LEASE_SECS": "6", "MLEBENCH_HEARTBEAT_SECS": "1", "MLEBENCH_GRACE_SECS": "5"}
    return Bench(data_dir=data_dir, runs_dir=tmp_path / "runs", env=timing)


@pytest.fixture(scope="session")
def postgres() -> Iterator[str]:
    """The URL of a Postgres of this test session."""
    with throwaway_postgres() as url:
        yield url


@pytest.fixture
def no_containers_left(tmp_path: Path) -> Iterator[None]:
    """Check that a test leaves no container behind."""
    own = Bench(data_dir=tmp_path, runs_dir=tmp_path / "runs")
    yield
    wait_until(lambda: not own.containers(), timeout_secs=20, description="its containers are gone")
