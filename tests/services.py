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
    programs = _postgres_programs()
    # Not pytest's temporary folder: only its owner may enter that one, and Postgres refuses to be root.
    with tempfile.TemporaryDirectory(prefix="mlebench-postgres-", dir="/tmp") as name:
        folder = Path(name)
        user = None
        if os.geteuid() == 0:
            account = pwd.getpwnam("postgres")
            os.chown(folder, account.pw_uid, account.pw_gid)
            user = account.pw_uid
        data = folder / "data"
        initdb = [str(programs / "initdb"), "-D", str(data), "-U", "bench", "--auth=trust", "--no-sync", "-E", "UTF8"]
        subprocess.run([*initdb, "--locale=C"], check=True, capture_output=True, cwd=folder, user=user)
        options = ["-c", "listen_addresses=", "-c", "fsync=off"]
        command = [str(programs / "postgres"), "-D", str(data), "-k", str(folder), *options]
        with subprocess.Popen(
            command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=folder, user=user
        ) as server:
            ready = [str(programs / "pg_isready"), "-q", "-h", str(folder), "-U", "bench"]
            try:
                wait_until(
                    lambda: subprocess.run(ready, check=False).returncode == 0,
                    timeout_secs=30,
                    description="Postgres answers",
                )
                yield f"postgresql://bench@/postgres?host={folder}"
            finally:
                server.send_signal(signal.SIGINT)  # fast shutdown: does not wait for open connections


def _postgres_programs() -> Path:
    if found := shutil.which("initdb"):
        return Path(found).resolve().parent
    installed = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    assert installed, "Postgres is not installed: apt-get install postgresql"
    return installed[-1].parent
