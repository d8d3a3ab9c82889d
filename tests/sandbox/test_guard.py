"""The guard: nothing that it started outlives whoever started it."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from tests.services import wait_until
from worker.sandbox.guard import descendants, guarded

REPO = Path(__file__).resolve().parents[2]


def end(guard: "subprocess.Popen[bytes]", seconds: float = 10) -> int:
    code = guard.wait(seconds)
    assert guard.stdin is not None
    guard.stdin.close()
    return code


def written_pids(path: Path, count: int) -> list[int]:
    wait_until(
        lambda: path.exists() and len(path.read_text().split()) >= count,
        timeout_secs=10,
        description=f"{count} processes have started",
    )
    return [int(word) for word in path.read_text().split()]


def is_alive(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def assert_all_end(pids: list[int]) -> None:
    wait_until(lambda: not any(is_alive(pid) for pid in pids), timeout_secs=10, description=f"{pids} have ended")


@pytest.mark.parametrize(
    ("script", "code"), [("exit 0", 0), ("exit 7", 7), ("kill -9 $$", 137), ("kill -TERM $$; sleep 9", 143)]
)
def test_exit_code_is_the_commands(script: str, code: int) -> None:
    assert end(guarded(["bash", "-c", script])) == code


def test_a_command_that_cannot_start(tmp_path: Path) -> None:
    plain = tmp_path / "plain"
    plain.write_text("not a program")
    assert end(guarded(["/nowhere/nothing"], stderr=subprocess.DEVNULL)) == 127
    assert end(guarded([plain], stderr=subprocess.DEVNULL)) == 126


def test_the_command_finds_an_empty_input_and_the_given_environment(tmp_path: Path) -> None:
    guard = guarded(
        ["bash", "-c", "cat; echo $COLOUR $PWD"],
        env={"COLOUR": "blue", "PATH": os.environ["PATH"]},
        cwd=tmp_path,
        stdout=subprocess.PIPE,
    )
    assert guard.stdout is not None
    with guard.stdout as output:
        assert output.read().decode().split() == ["blue", str(tmp_path)]
    assert end(guard) == 0


# A daemon as they are made: double fork, a session of its own, deaf to SIGTERM.
DAEMON = "(setsid bash -c 'trap \"\" TERM HUP; echo $BASHPID >> pids; while :; do sleep 1; done' >/dev/null 2>&1 &)\n"


def test_what_the_command_leaves_behind_is_killed(tmp_path: Path) -> None:
    guard = guarded(["bash", "-c", f"{DAEMON} until [ -s pids ]; do sleep 0.01; done; exit 4"], cwd=tmp_path)
    assert end(guard) == 4
    assert_all_end(written_pids(tmp_path / "pids", 1))


def test_closing_the_pipe_ends_everything(tmp_path: Path) -> None:
    script = f"echo $$ >> pids; trap '' TERM; {DAEMON} while :; do sleep 1; done"
    guard = guarded(["bash", "-c", script], cwd=tmp_path, grace_secs=0.3)
    pids = written_pids(tmp_path / "pids", 2)
    began = time.monotonic()
    assert guard.stdin is not None
    guard.stdin.close()
    assert guard.wait(10) == 137
    assert time.monotonic() - began >= 0.3
    assert_all_end(pids)


def test_sigterm_leaves_time_to_end_well(tmp_path: Path) -> None:
    script = "trap 'touch ended-well; exit 5' TERM; echo $$ >> pids; while :; do sleep 0.05; done"
    guard = guarded(["bash", "-c", script], cwd=tmp_path, grace_secs=20)
    written_pids(tmp_path / "pids", 1)
    guard.terminate()
    assert end(guard) == 5
    assert (tmp_path / "ended-well").exists()


def test_sigquit_does_not_wait(tmp_path: Path) -> None:
    guard = guarded(["bash", "-c", "trap '' TERM; echo $$ >> pids; sleep 60"], cwd=tmp_path, grace_secs=60)
    pids = written_pids(tmp_path / "pids", 1)
    guard.send_signal(signal.SIGQUIT)
    assert end(guard) == 137
    assert_all_end(pids)


def test_sigint_is_passed_on_to_the_command(tmp_path: Path) -> None:
    script = "trap 'exit 6' INT; echo $$ >> pids; while :; do sleep 0.05; done"
    guard = guarded(["bash", "-c", script], cwd=tmp_path)
    written_pids(tmp_path / "pids", 1)
    guard.send_signal(signal.SIGINT)
    assert end(guard) == 6


def test_the_tree_ends_with_a_parent_that_was_killed(tmp_path: Path) -> None:
    """Also where a forked sibling still holds the pipe open."""
    parent_script = (
        "import os, time\n"
        "from worker.sandbox.guard import guarded\n"
        f"guarded(['bash', '-c', {DAEMON!r} + 'echo $$ >> pids; sleep 60'], cwd={str(tmp_path)!r}, grace_secs=0.1)\n"
        "if os.fork() == 0:\n"
        f"    open({str(tmp_path / 'sibling')!r}, 'w').write(str(os.getpid()))\n"
        "time.sleep(60)\n"
    )
    parent = subprocess.Popen([sys.executable, "-c", parent_script], cwd=REPO)
    try:
        pids = written_pids(tmp_path / "pids", 2)
        sibling = written_pids(tmp_path / "sibling", 1)[0]
    finally:
        parent.kill()
        parent.wait()
    try:
        assert_all_end(pids)
        assert is_alive(sibling)
    finally:
        os.kill(sibling, signal.SIGKILL)


@pytest.mark.skipif(sys.platform != "linux", reason="the parent-death signal is Linux's")
def test_the_command_ends_with_a_killed_guard(tmp_path: Path) -> None:
    guard = guarded(["bash", "-c", "echo $$ >> pids; exec sleep 60"], cwd=tmp_path)
    pids = written_pids(tmp_path / "pids", 1)
    guard.kill()
    assert end(guard) == -signal.SIGKILL
    assert_all_end(pids)


def test_a_crowd_that_keeps_forking_is_killed(tmp_path: Path) -> None:
    """Each process replaces itself again and again, so that a list of them is old at once."""
    script = "hop() { sleep 0.01; (hop &) ; }; for i in $(seq 15); do (hop &); done; echo $$ >> pids; sleep 60"
    guard = guarded(["bash", "-c", script], cwd=tmp_path)
    written_pids(tmp_path / "pids", 1)
    wait_until(lambda: len(descendants(guard.pid)) > 10, timeout_secs=10, description="the crowd is there")
    guard.send_signal(signal.SIGQUIT)
    assert end(guard) == 137
    assert descendants(guard.pid) == []


def test_resource_limits_hold_for_the_command(tmp_path: Path) -> None:
    guard = guarded(
        ["bash", "-c", "head -c 5000 /dev/zero > file"],
        cwd=tmp_path,
        rlimits={"FSIZE": 1000},
        stderr=subprocess.DEVNULL,
    )
    assert end(guard) != 0
    assert (tmp_path / "file").stat().st_size == 1000
