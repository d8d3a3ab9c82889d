"""The commands as a user runs them: processes of their own, in folders of the test's own."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil

from tests.services import wait_until
from worker.sandbox.engine import FOLDER_LABEL

REPOSITORY = Path(__file__).resolve().parent.parent.parent
FIXTURES = REPOSITORY / "tests" / "fixtures"


@dataclass(frozen=True, kw_only=True)
class Bench:
    """Runs commands with their own runs folder and environment."""

    data_dir: Path
    runs_dir: Path
    env: dict[str, str] = field(default_factory=dict)

    @property
    def sandbox_dir(self) -> Path:
        """Where its workers have their sockets, and what tells their containers from those of other tests."""
        return Path(self.env.get("MLEBENCH_SANDBOX_DIR", self.runs_dir.parent / "sandbox"))

    def containers(self) -> set[str]:
        """Ids of all containers of its workers on the engine."""
        return docker_containers(self.sandbox_dir)

    def environment(self) -> dict[str, str]:
        """What the commands see: nothing of this process's own settings."""
        own = {name: value for name, value in os.environ.items() if not name.startswith("MLEBENCH_")}
        return own | {
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{own['PATH']}",
            "MLEBENCH_DATA_DIR": str(self.data_dir),
            "MLEBENCH_RUNS_DIR": str(self.runs_dir),
            "MLEBENCH_SANDBOX_DIR": str(self.sandbox_dir),
            "MLEBENCH_AGENTS_PATH": str(FIXTURES / "agents"),
            "MLEBENCH_COMPETITIONS_PATH": str(FIXTURES / "competitions"),
            "MLEBENCH_ENV_FILE": str(self.runs_dir / ".env"),
            **self.env,
        }

    def start(self, script: str, *arguments: str) -> "subprocess.Popen[str]":
        """Start a script of scripts/."""
        return subprocess.Popen(
            [sys.executable, f"scripts/{script}.py", *arguments],
            cwd=REPOSITORY,
            env=self.environment(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def run(self, script: str, *arguments: str, timeout_secs: float = 100) -> "subprocess.CompletedProcess[str]":
        """Run a script to its end."""
        with self.start(script, *arguments) as process:
            try:
                out, err = process.communicate(timeout=timeout_secs)
            except subprocess.TimeoutExpired:
                process.kill()
                raise
        return subprocess.CompletedProcess(process.args, process.returncode, out, err)

    def submit(self, *arguments: str, code: int = 0, timeout_secs: float = 100) -> dict[str, Any]:
        """Run `submit --json` to its end; what it printed."""
        done = self.run("submit", *arguments, "--json", timeout_secs=timeout_secs)
        assert done.returncode == code, done.stderr
        result: dict[str, Any] = json.loads(done.stdout)
        return result

    def wait_for_line(self, text: str, *, timeout_secs: float = 60) -> None:
        """Wait until an attempt of the newest run has said `text` in its log."""
        wait_until(
            lambda: any(text in path.read_text() for path in self.runs_dir.glob("*/.live/*/*/run.log")),
            timeout_secs=timeout_secs,
            description=f"an agent says {text!r}",
        )


def family(process: "subprocess.Popen[str]") -> list[psutil.Process]:
    """A process and all its descendants."""
    parent = psutil.Process(process.pid)
    return [parent, *parent.children(recursive=True)]


def assert_all_gone(processes: Sequence[psutil.Process], *, timeout_secs: float = 30) -> None:
    """Wait until none of these processes runs any more."""
    _, alive = psutil.wait_procs(processes, timeout=timeout_secs)
    left = [process for process in alive if process.status() != psutil.STATUS_ZOMBIE]
    assert not left, f"still running: {[process.cmdline() for process in left]}"


def kill_all(processes: Sequence[psutil.Process]) -> None:
    """SIGKILL all of them, the first ones last."""
    for process in reversed(processes):
        try:
            process.send_signal(signal.SIGKILL)
        except psutil.NoSuchProcess:
            continue


def docker_containers(sandbox_dir: Path) -> set[str]:
    """Ids of all containers on the engine of workers that use this folder for their sandboxes."""
    listed = subprocess.run(
        ["docker", "ps", "--all", "--quiet", "--no-trunc", f"--filter=label={FOLDER_LABEL}={sandbox_dir}"],
        check=True,
        capture_output=True,
        text=True,
    )
    return set(listed.stdout.split())
