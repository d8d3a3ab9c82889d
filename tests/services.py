"""Real servers of a test's own. A server that is not installed fails the test: it never skips."""

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path


def wait_until(predicate: Callable[[], object], *, timeout_secs: float, description: str) -> None:
    """Poll until `predicate()` is true; AssertionError with `description` after `timeout_secs`."""
    deadline = time.monotonic() + timeout_secs
    while not predicate():
        assert time.monotonic() < deadline, f"not within {timeout_secs} s: {description}"
        time.sleep(0.05)


@contextmanager
def throwaway_postgres() -> Iterator[str]:
    """Run a Postgres on a Unix socket while the context lasts; gives the URL of an empty database."""
    with postgres_server() as server:
        yield server.url


@contextmanager
def postgres_server(*, listen: str = "") -> Iterator["PostgresServer"]:
    """Run a Postgres while the context lasts.

    Args:
        listen: an address at which it answers TCP from anywhere, besides its Unix socket.
    """
    # Not pytest's temporary folder: only its owner may enter that one, and Postgres refuses to be root.
    with tempfile.TemporaryDirectory(prefix="mlebench-postgres-", dir="/tmp") as name:
        server = PostgresServer(Path(name), listen=listen)
        server.start()
        try:
            yield server
        finally:
            server.stop()


class PostgresServer:
    """A Postgres that can be stopped, and started again on the same data."""

    def __init__(self, folder: Path, *, listen: str = "") -> None:
        self._folder = folder
        self._listen = listen
        self._programs = _postgres_programs()
        self._process: subprocess.Popen[bytes] | None = None
        self._user = None
        if os.geteuid() == 0:
            account = pwd.getpwnam("postgres")
            os.chown(folder, account.pw_uid, account.pw_gid)
            self._user = account.pw_uid
        self._make_cluster()

    @property
    def url(self) -> str:
        """The URL of its database `postgres`, by the Unix socket."""
        return f"postgresql://bench@/postgres?host={self._folder}"

    def start(self) -> None:
        """Start it and wait until it answers."""
        options = ["-c", f"listen_addresses={self._listen}", "-c", "fsync=off"]
        data = str(self._folder / "data")
        self._process = subprocess.Popen(
            [str(self._programs / "postgres"), "-D", data, "-k", str(self._folder), *options],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            cwd=self._folder,
            user=self._user,
        )
        ready = [str(self._programs / "pg_isready"), "-q", "-h", str(self._folder), "-U", "bench"]
        wait_until(
            lambda: subprocess.run(ready, check=False).returncode == 0,
            timeout_secs=30,
            description="Postgres answers",
        )

    def stop(self) -> None:
        """Stop it as an administrator would restart it: open connections are cut. Does nothing when it is stopped."""
        if self._process is not None:
            self._process.send_signal(signal.SIGINT)  # fast shutdown: does not wait for open connections
            self._process.wait()
            self._process = None

    def _make_cluster(self) -> None:
        data = self._folder / "data"
        initdb = [str(self._programs / "initdb"), "-D", str(data), "-U", "bench", "--auth=trust", "--no-sync"]
        subprocess.run(
            [*initdb, "-E", "UTF8", "--locale=C"], check=True, capture_output=True, cwd=self._folder, user=self._user
        )
        if self._listen:
            with (data / "pg_hba.conf").open("a") as rules:
                rules.write("host all all 0.0.0.0/0 trust\n")


def _postgres_programs() -> Path:
    if found := shutil.which("initdb"):
        return Path(found).resolve().parent
    installed = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    assert installed, "Postgres is not installed: apt-get install postgresql"
    return installed[-1].parent
