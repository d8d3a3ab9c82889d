"""Collecting is done once, can be repeated, and a run folder can be rebuilt."""

import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import text

from core.status import State
from tests.faults.accounts import Accounts
from tests.faults.site import NOTHING, Site
from tests.faults.sizes import CHORD_ATTEMPTS
from tests.services import wait_until

Count = Callable[[Accounts], Accounts]
PATIENCE_SECS = 60 + CHORD_ATTEMPTS / 10
pytestmark = pytest.mark.timeout(2 * PATIENCE_SECS)


def files_of(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.glob("*.json")}


def test_collecting_twice_and_at_the_same_time_gives_the_same_files(here: Site, count: Count) -> None:
    here.host("one")
    run_id = here.submit("solver", seeds=4)
    count(here.settle(run_id))
    before = files_of(here.folder(run_id))
    assert before.keys() == {"grading_report.json", "metadata.json"}
    commands = [here.bench.start("collect", run_id) for _ in range(3)]
    for command in commands:
        with command:
            _, err = command.communicate(timeout=60)
        assert command.returncode == 0, err
    assert files_of(here.folder(run_id)) == before


def test_a_run_folder_is_rebuilt_from_the_database(here: Site, count: Count) -> None:
    """Also for attempts that were cancelled and have no report in the database."""
    one = here.host("one", concurrency=1)
    run_id = here.submit("sleeper", "--time-limit", "3", seeds=4)
    here.wait_for(run_id, state=State.DONE)
    here.store.request_cancel(run_id)
    accounts = count(here.settle(run_id))
    assert accounts.statuses["time_limit"] >= 1
    assert accounts.statuses["cancelled"] >= 2
    one.stop()
    folder = here.folder(run_id)
    before = {path: path.read_bytes() for path in sorted(folder.rglob("*.json"))}
    for path in before:
        path.unlink()
    for path in folder.iterdir():  # of attempts that never worked, only the report was there
        if path.is_dir() and not any(path.iterdir()):
            shutil.rmtree(path)
    done = here.bench.run("collect", run_id)
    assert done.returncode == 0, done.stderr
    assert {path: path.read_bytes() for path in sorted(folder.rglob("*.json"))} == before


def test_a_worker_killed_in_the_middle_of_collecting_leaves_it_to_the_next(here: Site, count: Count) -> None:
    agents = here.host("agents", queues="agents", app=NOTHING, concurrency=4)
    run_id = here.submit_nothing(CHORD_ATTEMPTS)
    wait_until(
        lambda: here.number(run_id, State.COLLECTED) == CHORD_ATTEMPTS,
        timeout_secs=PATIENCE_SECS,
        description="all agents have ended",
    )
    agents.stop()
    folder = here.folder(run_id)
    with here.store.engine.connect() as connection:
        # What collecting reads after it wrote the first file and before it writes the second.
        connection.execute(text("LOCK TABLE tries IN ACCESS EXCLUSIVE MODE"))
        doomed = here.host("doomed", queues="grading", app=NOTHING)
        wait_until((folder / "grading_report.json").exists, timeout_secs=PATIENCE_SECS, description="half is collected")
        doomed.kill_tree()
        assert not (folder / "metadata.json").exists()
        connection.rollback()
    here.host("heir", queues="grading", app=NOTHING)
    accounts = count(here.settle(run_id, timeout_secs=PATIENCE_SECS))
    assert accounts.statuses == {"no_submission": CHORD_ATTEMPTS}
    assert accounts.tries == {"completed": CHORD_ATTEMPTS}


def test_a_chord_closes_once_though_redis_is_restarted_and_a_worker_is_killed_in_the_middle(
    here: Site, count: Count, say: Callable[[str], None]
) -> None:
    doomed = here.host("doomed", app=NOTHING)
    hosts = [doomed, here.host("one", app=NOTHING)]
    run_id = here.submit_nothing(CHORD_ATTEMPTS)

    def wait_for_done(part: float) -> None:
        wanted = part * CHORD_ATTEMPTS
        wait_until(
            lambda: here.number(run_id, State.DONE) > wanted, timeout_secs=PATIENCE_SECS, description=f"{part} is done"
        )

    wait_for_done(0.3)
    here.redis.restart()
    wait_for_done(0.5)
    doomed.kill_tree()
    wait_for_done(0.7)
    here.redis.restart()
    hosts.append(here.host("heir", app=NOTHING))
    accounts = count(here.settle(run_id, timeout_secs=PATIENCE_SECS))
    assert accounts.statuses == {"no_submission": CHORD_ATTEMPTS}
    assert accounts.tries["completed"] == CHORD_ATTEMPTS
    assert set(accounts.tries) <= {"completed", "lost"}
    bodies = {job for host in hosts for job in re.findall(r"Task collect\[(\S+)\]", host.log.read_text())}
    say(f"the chord's body was sent {len(bodies)} times")
    assert len(bodies) <= 1, "the chord was to close once"
