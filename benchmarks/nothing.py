"""A Celery app like the workers' own, with a sandbox more: `nothing`, in which every agent ends at once.

With it, a benchmark measures everything but agents: `celery -A benchmarks.nothing worker`.
"""

from collections.abc import Collection
from contextlib import AbstractContextManager, nullcontext

from agents.registry import Agent
from worker.app import app
from worker.context import SANDBOXES
from worker.sandbox import Exit, Launch, Leftover

__all__ = ["SANDBOX", "app"]

SANDBOX = "nothing"


class NothingExecution:
    """An agent that has ended."""

    ref = "nothing"
    can_be_left = False

    def wait(self, seconds: float) -> Exit | None:
        return Exit(code=0, out_of_memory=False)

    def stop(self, *, force: bool) -> None:
        pass

    def pause(self, paused: bool) -> None:
        pass

    def disk_bytes(self) -> int:
        return 0

    def close(self, *, leave: bool = False) -> None:
        pass


class NothingSandbox:
    """Starts nothing."""

    name = SANDBOX
    host_lock: AbstractContextManager[object] = nullcontext()

    def build(self, agent: Agent) -> str:
        return ""

    def start(self, launch: Launch) -> NothingExecution:
        return NothingExecution()

    def leftovers(self) -> list[Leftover]:
        return []

    def sweep(self, *, spare: Collection[str] = ()) -> int:
        return 0

    def close(self) -> None:
        pass


SANDBOXES[SANDBOX] = lambda settings: NothingSandbox()
