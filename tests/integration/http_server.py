"""The server as a user starts it: a process of its own, on a port of its own."""

import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from sdk import Client, ClientError
from tests.integration.bench import REPOSITORY, Bench, assert_all_gone, family
from tests.services import wait_until


@dataclass
class HttpServer:
    """`python server.py`, which can be killed and started again on its port."""

    bench: Bench
    port: int = field(default_factory=lambda: free_port())
    process: "subprocess.Popen[str] | None" = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def log(self) -> Path:
        """What it says: a line for each request."""
        return self.bench.runs_dir.parent / "server.log"

    def start(self) -> None:
        """Start it and wait until it answers."""
        self.bench.runs_dir.mkdir(parents=True, exist_ok=True)
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "server.py", "--port", str(self.port)],
                cwd=REPOSITORY,
                env=self.bench.environment(),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                text=True,
            )
        wait_until(self._answers, timeout_secs=60, description="the server answers")

    def kill(self) -> None:
        """Kill it as a crash would."""
        assert self.process is not None
        self.process.kill()
        self.process.wait()

    def _answers(self) -> bool:
        assert self.process is not None
        assert self.process.poll() is None, "the server ended; see server.log"
        with Client(self.url) as client:
            try:
                return client.health().status == "ok"
            except ClientError:
                return False


@contextmanager
def http_server(bench: Bench) -> Iterator[HttpServer]:
    """Run a server while the context lasts; then it and all processes of its runs must end."""
    server = HttpServer(bench)
    server.start()
    try:
        yield server
    finally:
        assert server.process is not None
        processes = family(server.process)
        server.process.terminate()
        server.process.wait()
        assert_all_gone(processes)
        wait_until(lambda: not at_work(bench.runs_dir), timeout_secs=30, description="no run is carried any more")


def at_work(runs_dir: Path) -> list[psutil.Process]:
    """Processes that have this runs folder in their environment."""
    found = []
    for process in psutil.process_iter():
        try:
            if process.environ().get("MLEBENCH_RUNS_DIR") == str(runs_dir):
                found.append(process)
        except psutil.Error:
            continue
    return found


def free_port() -> int:
    """A port that nothing listens on now."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        port: int = listening.getsockname()[1]
        return port
