"""A Redis of a test's own, and workers on it whose jobs are those of tests/worker/slow_jobs.py."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from celery import Celery

from tests.worker.throwaway_redis import client, throwaway_redis, wait_until
from worker.app import connect
from worker.settings import REPO, environment, load_settings

VISIBILITY_SECS = 3

Worker = subprocess.Popen[bytes]


class Host:
    """A Redis, and workers started by name."""

    def __init__(self, folder: Path, url: str, stack: ExitStack) -> None:
        self.settings = load_settings(
            broker_url=url, visibility_timeout_secs=VISIBILITY_SECS, workers=2, env_file=folder / "none"
        )
        self.redis = stack.enter_context(client(url))
        self.app: Celery = connect(self.settings)
        stack.callback(self.app.close)
        self._folder = folder
        self._stack = stack

    def worker(self, name: str, *, slots: int = 1) -> Worker:
        command = [sys.executable, "-m", "celery", "-A", "tests.worker.slow_jobs", "worker", "-n", name]
        options = ["--concurrency", str(slots), "--without-mingle", "--without-gossip"]
        env = {**os.environ, **environment(self.settings)}
        with (self._folder / f"{name}.log").open("wb") as log:
            worker = subprocess.Popen([*command, *options], cwd=REPO, env=env, stdout=log, stderr=log)
        self._stack.callback(worker.wait)
        self._stack.callback(worker.kill)
        return worker

    def log(self, name: str) -> str:
        """What a worker has said so far."""
        return (self._folder / f"{name}.log").read_text()

    def send(self, name: str, *, secs: float) -> None:
        self.app.send_task("slow", (name, secs))

    def started(self, name: str) -> list[str]:
        found: list[str] = self.redis.lrange(f"started:{name}", 0, -1)
        return found

    def ended(self, name: str) -> list[str]:
        found: list[str] = self.redis.lrange(f"ended:{name}", 0, -1)
        return found

    def wait_for(self, predicate: Callable[[], Any], *, timeout: float, what: str) -> None:
        logs = "\n".join(path.read_text() for path in self._folder.glob("*.log"))
        wait_until(predicate, timeout=timeout, description=f"{what}\n{logs}")


@contextmanager
def slow_host(folder: Path) -> Iterator[Host]:
    """Run a Redis while the context lasts, and the workers that are started on it."""
    with ExitStack() as stack:
        url = stack.enter_context(throwaway_redis(folder))
        yield Host(folder, url, stack)
