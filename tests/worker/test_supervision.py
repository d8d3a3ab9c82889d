"""Watching an agent: nothing that is done for it may hold up the watch."""

import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from core.errors import LeaseLost
from core.status import Status
from store.records import Lease
from tests.sandbox.launching import LIMITS, make_agent, make_launch
from worker.heartbeat import Watch
from worker.sandbox.process import ProcessSandbox
from worker.snapshots import Snapshots
from worker.supervision import Ending, Stopping, Supervision

SLOW_SECS = 4.0
LEASE = Lease(attempt_id="a", run_id="r", owner="me", fence=1)


def test_a_submission_that_takes_long_to_check_does_not_hold_up_the_lease(tmp_path: Path) -> None:
    """An agent whose lease is lost is killed at once, and not when its snapshot is checked."""
    script = 'echo id,target > "$SUBMISSION_DIR/submission.csv"; sleep 60'
    launch, _ = make_launch(tmp_path, make_agent(tmp_path / "agent", script))
    checking = threading.Event()
    killed_at: list[float] = []

    def check(_: Path) -> str | None:
        checking.set()
        time.sleep(SLOW_SECS)
        return None

    watch = Watch(lease=LEASE, last_line=lambda: "", lease_secs=60)
    execution = ProcessSandbox().start(launch)
    stop = execution.stop

    def noting_stop(*, force: bool) -> None:
        killed_at.append(time.monotonic())
        stop(force=force)

    execution.stop = noting_stop  # type: ignore[method-assign]
    snapshots = Snapshots(launch.workspace.submission, tmp_path / "side", validate=check, max_bytes=1 << 20)
    supervision = Supervision(
        execution=execution,
        limits=LIMITS,
        grace_secs=1,
        watch=watch,
        stopping=threading.Event(),
        snapshots=snapshots,
        note=lambda text: None,
    )
    lost_at: list[float] = []

    def lose() -> None:
        checking.wait(30)
        lost_at.append(time.monotonic())
        watch.lost.set()

    loser = threading.Thread(target=lose)
    loser.start()
    try:
        with pytest.raises(LeaseLost):
            supervision.run()
    finally:
        loser.join()
        execution.close()
    assert killed_at[0] - lost_at[0] < SLOW_SECS - 1


def test_an_agent_rests_before_its_lease_runs_out(tmp_path: Path) -> None:
    """Also where the time of the next look is not it: 3.51 s is between two looks."""
    launch, _ = make_launch(tmp_path, make_agent(tmp_path / "agent", "sleep 60"))
    execution = ProcessSandbox().start(launch)
    pause, paused_at, said = execution.pause, [], []
    stopping = threading.Event()
    rested: list[float] = []

    def noting_pause(paused: bool) -> None:
        pause(paused)
        paused_at.append(time.monotonic())

    def note(text: str) -> None:
        said.append((text.partition(":")[0], len(paused_at)))
        stopping.set()

    execution.pause = noting_pause  # type: ignore[method-assign]
    watch = Watch(lease=LEASE, last_line=lambda: "", lease_secs=3.9)
    supervision = Supervision(
        execution=execution,
        limits=LIMITS,
        grace_secs=1,
        watch=watch,
        stopping=stopping,
        snapshots=None,
        note=note,
        rested=rested.append,
    )
    try:
        with pytest.raises(Stopping):
            supervision.run()
    finally:
        execution.close()
    assert rested == [pytest.approx(paused_at[1] - paused_at[0], abs=1)]
    assert paused_at[0] < watch.renewed_at + 3.9
    assert said[0] == ("paused", 1), "it rests first: what is said is written to a disk that may be away"


def supervised(tmp_path: Path, script: str, spent: Callable[[], str | None]) -> Ending:
    launch, _ = make_launch(tmp_path, make_agent(tmp_path / "agent", script))
    watch = Watch(lease=LEASE, last_line=lambda: "", lease_secs=60)
    execution = ProcessSandbox().start(launch)
    try:
        return Supervision(
            execution=execution,
            limits=LIMITS,
            grace_secs=5,
            watch=watch,
            stopping=threading.Event(),
            snapshots=None,
            note=lambda text: None,
            spent=spent,
        ).run()
    finally:
        execution.close()


def test_an_agent_whose_money_is_spent_is_told_to_end(tmp_path: Path) -> None:
    script = "trap 'exit 3' TERM; sleep 60 & wait"
    ending = supervised(tmp_path, script, lambda: "the budget is spent")
    assert ending == Ending(status=Status.BUDGET_SPENT, message="the budget is spent", exit_code=3)


def test_an_agent_that_ends_by_itself_because_its_money_is_spent_says_so(tmp_path: Path) -> None:
    began = time.monotonic()
    ending = supervised(
        tmp_path, "sleep 0.6; exit 1", lambda: "the budget is spent" if time.monotonic() > began + 0.3 else None
    )
    assert ending == Ending(status=Status.BUDGET_SPENT, message="the budget is spent", exit_code=1)
