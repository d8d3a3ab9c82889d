"""Faults, tried and counted: real servers, real worker processes, and the books of every run checked afterwards."""

import socket
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.faults.accounts import Accounts
from tests.faults.network import FarHost, far_host
from tests.faults.redis_server import RedisServer
from tests.faults.site import Site, site
from tests.services import PostgresServer, postgres_server

# Several run at a time (make faults), so the longest come first.
ORDER = ("engine", "soak", "network", "host", "collecting", "broker", "workers", "database")
COUNTED = "counted"  # a line for the summary, among a test's user properties


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    ours = [item for item in items if Path(item.path).parent == Path(__file__).parent]  # not: a checkout of this name
    for item in ours:
        item.add_marker(pytest.mark.faults)
        if item.get_closest_marker("timeout") is None:
            item.add_marker(pytest.mark.timeout(300))  # the patience of the tests is long, for busy machines
    ours.sort(key=lambda item: ORDER.index(Path(item.path).stem.removeprefix("test_")))
    places = [number for number, item in enumerate(items) if item in ours]
    for place, item in zip(places, ours, strict=True):
        items[place] = item


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    reports = [report for kind in ("passed", "failed") for report in terminalreporter.getreports(kind)]
    ended = [report for report in reports if report.when == "call"]
    lines = [str(text) for report in ended for name, text in report.user_properties if name == COUNTED]
    if lines:
        terminalreporter.section("faults: what became of the attempts")
        for line in lines:
            terminalreporter.write_line(line)


@pytest.fixture(scope="session")
def faults_data_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One data folder for all: preparing is tested elsewhere."""
    return tmp_path_factory.mktemp("data")


@pytest.fixture(scope="session")
def postgres_of_faults() -> Iterator[PostgresServer]:
    """A Postgres that the tests of this folder share, and may restart."""
    with postgres_server() as server:
        yield server


@pytest.fixture
def here(postgres_of_faults: PostgresServer, faults_data_dir: Path, tmp_path: Path) -> Iterator[Site]:
    """A site with an empty database, a Redis and a runs folder of its own."""
    redis = RedisServer(tmp_path / "redis")
    with site(postgres=postgres_of_faults, redis=redis, folder=tmp_path, data_dir=faults_data_dir) as made:
        yield made


@pytest.fixture
def far() -> Iterator[FarHost]:
    with far_host() as made:
        yield made


@pytest.fixture
def two_hosts(far: FarHost, faults_data_dir: Path, tmp_path: Path) -> Iterator[tuple[Site, dict[str, str]]]:
    """A site whose servers the far host reaches by TCP, and the environment of a worker there."""
    with socket.create_server((far.near_address, 0)) as free:
        port = free.getsockname()[1]
    redis = RedisServer(tmp_path / "redis", listen=(far.near_address, port))
    with (
        postgres_server(listen=far.near_address) as postgres,
        site(postgres=postgres, redis=redis, folder=tmp_path, data_dir=faults_data_dir) as made,
    ):
        database = made.bench.env["MLEBENCH_DATABASE_URL"].partition("?")[0]
        env = {
            "MLEBENCH_BROKER_URL": f"redis://{far.near_address}:{port}/0",
            "MLEBENCH_DATABASE_URL": database.replace("bench@", f"bench@{far.near_address}:5432"),
        }
        yield made, env


@pytest.fixture
def say(request: pytest.FixtureRequest) -> Callable[[str], None]:
    """Note a line for the summary of the test session."""

    def note(text: str) -> None:
        request.node.user_properties.append((COUNTED, f"{request.node.name}: {text}"))

    return note


@pytest.fixture
def count(say: Callable[[str], None]) -> Callable[[Accounts], Accounts]:
    """Note a run's counts for the summary of the test session."""

    def note(accounts: Accounts) -> Accounts:
        say(str(accounts))
        return accounts

    return note
