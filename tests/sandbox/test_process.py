"""The process sandbox: the contract, the limits that it can keep, and nothing left behind."""

import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from core.errors import SandboxError
from tests.sandbox.launching import LIMITS, make_agent, make_launch, run
from tests.services import wait_until
from worker.sandbox.process import OWNER_VARIABLE, ProcessSandbox


@pytest.fixture
def sandbox() -> ProcessSandbox:
    return ProcessSandbox()


def variables(text: str) -> dict[str, str]:
    return dict(line.split("=", 1) for line in text.splitlines() if "=" in line)


def test_the_agent_finds_its_contract(sandbox: ProcessSandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("KAGGLE_KEY", "OPENAI_API_KEY", "MLEBENCH_DATABASE_URL"):
        monkeypatch.setenv(name, "not for agents")
    agent = make_agent(tmp_path / "agent", 'echo "args: $*"; echo "cwd: $PWD"; env', kwargs={"steps": 3})
    launch, said = make_launch(tmp_path, agent, environment={"MODEL": "m1", "SEED": "overridden"}, technique="cv")
    assert run(sandbox, launch).code == 0
    workspace, found = launch.workspace, variables(said.text)
    assert "args: --steps 3\n" in said.text
    assert f"cwd: {workspace.root}/agent\n" in said.text
    expected = {
        "COMPETITION_ID": "toy",
        "TECHNIQUE_TASK": "cv",
        "DATA_DIR": str(workspace.data),
        "SUBMISSION_DIR": str(workspace.submission),
        "LOGS_DIR": str(workspace.logs),
        "CODE_DIR": str(workspace.code),
        "AGENT_DIR": f"{workspace.root}/agent",
        "TIME_LIMIT_SECS": "60",
        "SEED": "7",
        "MODEL": "m1",
    }
    assert expected.items() <= found.items()
    assert found["PATH"].startswith(str(Path(sys.executable).parent))
    assert "not for agents" not in said.text
    assert any("no isolation" in note for note in said.notes)


def test_where_it_is_not_allowed_no_agent_is_started(tmp_path: Path) -> None:
    with pytest.raises(SandboxError, match=r"MLEBENCH_PROCESS_ALLOWED=false.*use --sandbox docker"):
        ProcessSandbox(allowed=False).build(make_agent(tmp_path / "agent", "exit 0"))


def test_exit_code_and_folders(sandbox: ProcessSandbox, tmp_path: Path) -> None:
    script = "echo x > $SUBMISSION_DIR/submission.csv; echo changed > $AGENT_DIR/start.sh; touch ~/at-home; exit 7"
    agent = make_agent(tmp_path / "agent", script)
    launch, _ = make_launch(tmp_path, agent)
    exit_ = run(sandbox, launch)
    assert (exit_.code, exit_.out_of_memory) == (7, False)
    assert (agent.folder / "start.sh").read_text() == script  # it worked on a copy
    left = sorted(path.name for path in launch.workspace.root.iterdir())
    assert left == ["code", "instructions.txt", "logs", "submission", "validate_submission.sh"]


def test_validation_answers_while_the_agent_works(sandbox: ProcessSandbox, tmp_path: Path) -> None:
    script = (
        "curl -s --noproxy '*' ${VALIDATION_URL%/validate}/health; echo\n"
        "printf 'id,target\\n2,1\\n' > $SUBMISSION_DIR/submission.csv\n"
        "bash $AGENT_DIR/../validate_submission.sh $SUBMISSION_DIR/submission.csv"
    )
    launch, said = make_launch(tmp_path, make_agent(tmp_path / "agent", script))
    assert run(sandbox, launch).code == 0
    assert said.text.split("\n")[:2] == ['{"status":"running"}', '{"result":"Submission is valid."}']
    assert "validation: 14 bytes: valid" in said.notes


def test_output_comes_while_the_agent_works(sandbox: ProcessSandbox, tmp_path: Path) -> None:
    launch, said = make_launch(tmp_path, make_agent(tmp_path / "agent", "echo one; echo two >&2; sleep 60"))
    execution = sandbox.start(launch)
    try:
        wait_until(lambda: said.text == "one\ntwo\n", timeout_secs=10, description="the first lines are here")
        assert execution.wait(0) is None
    finally:
        execution.close()


def test_stopping_first_asks_and_then_insists(sandbox: ProcessSandbox, tmp_path: Path) -> None:
    script = "trap 'echo asked' TERM; echo ready; while :; do sleep 0.05; done"
    launch, said = make_launch(tmp_path, make_agent(tmp_path / "agent", script))
    execution = sandbox.start(launch)
    try:
        wait_until(lambda: "ready" in said.text, timeout_secs=10, description="the agent works")
        execution.stop(force=False)
        wait_until(lambda: "asked" in said.text, timeout_secs=10, description="SIGTERM arrives")
        assert execution.wait(0.1) is None
        execution.stop(force=True)
        exit_ = execution.wait(10)
        assert exit_ is not None and exit_.code == 137
        execution.stop(force=True)  # has ended: nothing happens
    finally:
        execution.close()


def test_a_memory_hog_is_killed(sandbox: ProcessSandbox, tmp_path: Path) -> None:
    script = "exec python -c 'import time; x = bytearray(300 << 20); time.sleep(60)'"
    agent = make_agent(tmp_path / "agent", script)
    launch, said = make_launch(tmp_path, agent, limits=replace(LIMITS, memory_bytes=100 << 20))
    exit_ = run(sandbox, launch)
    assert (exit_.code, exit_.out_of_memory) == (137, True)
    assert any("MiB of memory, more than its limit of 100 MiB" in note for note in said.notes)


def test_too_many_processes_are_killed(sandbox: ProcessSandbox, tmp_path: Path) -> None:
    agent = make_agent(tmp_path / "agent", "for i in $(seq 40); do sleep 60 & done; wait")
    launch, said = make_launch(tmp_path, agent, limits=replace(LIMITS, pids=20))
    exit_ = run(sandbox, launch)
    assert (exit_.code, exit_.out_of_memory) == (137, False)
    assert any("more than its limit of 20" in note for note in said.notes)


def test_disk_use_is_seen_and_one_file_is_bounded(sandbox: ProcessSandbox, tmp_path: Path) -> None:
    script = "head -c 3000000 /dev/zero > $CODE_DIR/large; head -c 3000000 /dev/zero > ~/large; sleep 60"
    agent = make_agent(tmp_path / "agent", script)
    launch, _ = make_launch(tmp_path, agent, limits=replace(LIMITS, disk_bytes=2_000_000))
    execution = sandbox.start(launch)
    try:
        wait_until(lambda: execution.disk_bytes() > 3_900_000, timeout_secs=15, description="both files count")
    finally:
        execution.close()
    assert (launch.workspace.code / "large").stat().st_size == 2_000_000


def test_a_daemon_does_not_outlive_the_attempt(sandbox: ProcessSandbox, tmp_path: Path) -> None:
    daemon = "(setsid bash -c 'trap \"\" TERM; echo $$ > $CODE_DIR/pid; sleep 60; :' &)"
    script = f"{daemon}\nuntil [ -s $CODE_DIR/pid ]; do :; done"
    launch, _ = make_launch(tmp_path, make_agent(tmp_path / "agent", script))
    assert run(sandbox, launch).code == 0
    assert not psutil.pid_exists(int((launch.workspace.code / "pid").read_text()))


def test_a_daemon_does_not_outlive_a_guard_that_was_killed(sandbox: ProcessSandbox, tmp_path: Path) -> None:
    script = "setsid sleep 60 & echo $! > $CODE_DIR/pid; wait"
    launch, _ = make_launch(tmp_path, make_agent(tmp_path / "agent", script))
    execution = sandbox.start(launch)
    pid_file = launch.workspace.code / "pid"
    wait_until(lambda: pid_file.exists() and pid_file.read_text(), timeout_secs=10, description="the daemon runs")
    os.kill(int(execution.ref), signal.SIGKILL)
    exit_ = execution.wait(10)
    assert exit_ is not None and exit_.code == 137
    execution.close()
    daemon = int(pid_file.read_text())
    wait_until(lambda: not _lives(daemon), timeout_secs=5, description="the daemon has ended")


def test_sweep_kills_what_a_dead_worker_left(sandbox: ProcessSandbox) -> None:
    owner = f"{_identity_of_a_dead_process()}#1"
    orphan = subprocess.Popen(["sleep", "60"], env={OWNER_VARIABLE: owner, "PATH": os.environ["PATH"]})
    try:
        wait_until(lambda: sandbox.sweep() >= 1, timeout_secs=5, description="the orphan is found")
        assert orphan.wait(10) == -signal.SIGKILL
        assert sandbox.sweep() == 0
    finally:
        orphan.kill()
        orphan.wait()


def test_sweep_leaves_the_living_alone(sandbox: ProcessSandbox, tmp_path: Path) -> None:
    launch, _ = make_launch(tmp_path, make_agent(tmp_path / "agent", "sleep 60"))
    execution = sandbox.start(launch)
    try:
        assert sandbox.sweep() == 0
        assert execution.wait(0.2) is None
    finally:
        execution.close()


def test_closing_twice_is_harmless(sandbox: ProcessSandbox, tmp_path: Path) -> None:
    launch, _ = make_launch(tmp_path, make_agent(tmp_path / "agent", "sleep 60"))
    execution = sandbox.start(launch)
    began = time.monotonic()
    execution.close()
    execution.close()
    assert time.monotonic() - began < 5


def test_an_agent_without_its_start_script(sandbox: ProcessSandbox, tmp_path: Path) -> None:
    agent = replace(make_agent(tmp_path / "agent", ""), start="run.sh")
    with pytest.raises(SandboxError, match=r"agent test has no .*run\.sh"):
        sandbox.build(agent)


def test_a_folder_that_cannot_be_copied(sandbox: ProcessSandbox, tmp_path: Path) -> None:
    agent = replace(make_agent(tmp_path / "agent", ""), folder=tmp_path / "gone")
    launch, _ = make_launch(tmp_path, agent)
    with pytest.raises(SandboxError, match="cannot be started"):
        sandbox.start(launch)


def _lives(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def _identity_of_a_dead_process() -> str:
    script = "from worker.identity import this_worker; print(this_worker())"
    return subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True, cwd=Path(__file__).parents[2]
    ).stdout.strip()
