"""The commands that serve, and the one name of `server.py` and the room `server/`."""

import socket
import subprocess
import sys
from pathlib import Path

import pytest

from tests.integration.bench import REPOSITORY

MLEBENCH = str(Path(sys.executable).parent / "mlebench")


def run(tmp_path: Path, *command: str) -> "subprocess.CompletedProcess[str]":
    """Run a command in the repository's root, with folders of the test's own."""
    environment = {
        "PATH": "/usr/bin:/bin",
        "MLEBENCH_ENV_FILE": str(tmp_path / ".env"),
        "MLEBENCH_RUNS_DIR": str(tmp_path / "runs"),
    }
    return subprocess.run(command, cwd=REPOSITORY, env=environment, capture_output=True, text=True, timeout=60)


@pytest.mark.parametrize("command", [(sys.executable, "server.py"), (MLEBENCH, "serve")])
def test_without_a_token_other_machines_are_not_listened_to(tmp_path: Path, command: tuple[str, ...]) -> None:
    done = run(tmp_path, *command, "--host", "0.0.0.0")
    assert done.returncode == 2
    assert done.stderr.startswith("error: --host 0.0.0.0: others than this machine could start runs")
    assert len(done.stderr.splitlines()) == 1
    assert not (tmp_path / "runs").exists()


def test_a_port_that_is_taken_is_named(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        done = run(tmp_path, sys.executable, "server.py", "--port", str(port))
    assert done.returncode == 2
    assert f"cannot listen on 127.0.0.1, port {port}" in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_the_room_is_imported_beside_the_file_of_its_name(tmp_path: Path) -> None:
    done = run(tmp_path, sys.executable, "-c", "import server.app; print(server.__file__)")
    assert done.stdout.strip() == str(REPOSITORY / "server" / "__init__.py"), done.stderr
