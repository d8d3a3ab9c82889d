"""Runs without services beside each other: each is one command's, whose workers end with it."""

import json
import signal
from pathlib import Path
from typing import Any

from core.status import RunState, State
from store.runs import Store
from tests.integration.bench import Bench, assert_all_gone, family
from tests.integration.http_server import at_work

TINY = ("--competitions", "tiny", "--sandbox", "process")


def tries_of(result: dict[str, Any]) -> list[list[str]]:
    """How the tries of each attempt of a run ended."""
    metadata = json.loads((Path(result["run_dir"]) / "metadata.json").read_text())
    return [[entry["outcome"] for entry in attempt["tries"]] for attempt in metadata["runs"].values()]


def opened(bench: Bench) -> Store:
    return Store.open(f"sqlite:///{bench.runs_dir}/mlebench.db")


def test_a_run_that_was_stopped_stays_as_it_is_while_another_one_completes(bench: Bench) -> None:
    with bench.start("submit", "--agent", "napper", "--seeds", "2", "--workers", "1", *TINY) as command:
        bench.wait_for_line("step 1")
        command.send_signal(signal.SIGINT)
        command.communicate(timeout=60)
    store = opened(bench)
    try:
        (stopped,) = store.runs()
        before = store.attempts(stopped.run_id)
        assert [attempt.state for attempt in before] == [State.QUEUED] * 2
        # long enough, and with a slot too many: its worker looks for more work every 5 seconds
        result = bench.submit("--agent", "napper", "--seeds", "3", "--workers", "2", *TINY)
        assert tries_of(result) == [["completed"]] * 3
        assert store.attempts(stopped.run_id) == before
        assert store.run(stopped.run_id).state is RunState.OPEN
    finally:
        store.close()
    resumed = bench.submit("--resume", stopped.run_id)
    assert [report["status"] for report in resumed["reports"]] == ["completed"] * 2


def test_the_run_that_ends_first_breaks_the_other_off_nowhere(bench: Bench) -> None:
    first = ("--agent", "sleeper", "--time-limit", "8", "--workers", "4", "--json", *TINY)
    with bench.start("submit", "--agent", "napper", "--seeds", "7", "--workers", "1", "--json", *TINY) as other:
        bench.wait_for_line("step 1")
        with bench.start("submit", *first) as command:
            out, err = command.communicate(timeout=90)
        assert command.returncode == 0, err
        assert other.poll() is None, "the other was to be the longer one"
        assert tries_of(json.loads(out)) == [["time_limit"]]
        out, err = other.communicate(timeout=90)
    assert other.returncode == 0, err
    assert tries_of(json.loads(out)) == [["completed"]] * 7


def test_a_second_command_for_a_run_says_that_another_one_is_at_it(bench: Bench) -> None:
    with bench.start("submit", "--agent", "napper", "--seeds", "3", "--workers", "1", "--json", *TINY) as command:
        bench.wait_for_line("step 1")
        refused = bench.run("submit", "--resume", "latest", "--json")
        assert command.poll() is None
        out, err = command.communicate(timeout=90)
    assert refused.returncode == 2
    assert "is carried out by another process already; follow it with: python scripts/status.py" in refused.stderr
    assert len(refused.stderr.splitlines()) == 1
    assert refused.stdout == ""
    assert command.returncode == 0, err
    result = json.loads(out)
    assert tries_of(result) == [["completed"]] * 3
    assert not (Path(result["run_dir"]) / ".live").exists()


def test_a_refused_command_takes_no_wish_to_cancel_back(bench: Bench) -> None:
    with bench.start("submit", "--agent", "sleeper", "--seeds", "3", "--workers", "1", "--json", *TINY) as command:
        bench.wait_for_line("working")
        store = opened(bench)
        (run,) = store.runs()
        frozen = family(command)
        for process in frozen:  # or they would close the run before the other command looks at it
            process.suspend()
        store.request_cancel(run.run_id)
        refused = bench.run("submit", "--resume", run.run_id)
        wished = store.run(run.run_id).cancel_requested
        store.close()
        for process in frozen:
            process.resume()
        out, _ = command.communicate(timeout=90)
    assert refused.returncode == 2, refused.stderr
    assert wished
    assert json.loads(out)["status"] == "cancelled"


def test_after_its_carrier_was_killed_a_run_is_resumed_at_once(bench: Bench) -> None:
    detached = bench.run("submit", "--agent", "napper", "--seeds", "2", "--workers", "1", "--detach", "--json", *TINY)
    run_id = json.loads(detached.stdout)["run_id"]
    bench.wait_for_line("step 1")
    refused = bench.run("submit", "--resume", run_id)
    assert refused.returncode == 2, refused.stderr
    left = at_work(bench.runs_dir)
    (carrier,) = [process for process in left if "worker.carrier" in process.cmdline()]
    carrier.kill()
    assert_all_gone(left)
    result = bench.submit("--resume", run_id)
    assert [report["status"] for report in result["reports"]] == ["completed"] * 2
    assert not (Path(result["run_dir"]) / ".live").exists()
