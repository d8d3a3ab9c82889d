"""Watching an agent: nothing that is done for it may hold up the watch."""

import threading
import time
from pathlib import Path

import pytest

from core.errors import LeaseLost
from store.records import Lease
from tests.sandbox.launching import LIMITS, make_agent, make_launch
from worker.heartbeat import Watch
from worker.sandbox.process import ProcessSandbox
from worker.snapshots import Snapshots
from worker.supervision import Supervision

SLOW_SECS = 4.0


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

    watch = Watch(lease=Lease(attempt_id="a", run_id="r", owner="me", fence=1), last_line=lambda: "", lease_secs=60)
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
