"""Projects of docker-compose: of their own name, with free ports, and gone without a trace at the end."""

import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.integration.bench import REPOSITORY

PROJECT_LABEL = "com.docker.compose.project"
SERVICE_LABEL = "com.docker.compose.service"


@dataclass(frozen=True, kw_only=True)
class Project:
    """One compose file under a project name, with the variables of one .env file."""

    name: str
    file: str
    env_file: Path

    def compose(self, *arguments: str, check: bool = True) -> "subprocess.CompletedProcess[str]":
        """Run a compose command; AssertionError with what it said where it fails."""
        own = {name: value for name, value in os.environ.items() if not name.startswith(("MLEBENCH_", "COMPOSE_"))}
        done = subprocess.run(
            [*_program(), "--project-name", self.name, "--file", self.file, "--env-file", self.env_file, *arguments],
            cwd=REPOSITORY,
            env={**own, "MLEBENCH_ENV_FILE": str(self.env_file)},
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0 or not check, done.stderr + done.stdout
        return done

    def containers(self, service: str) -> list[str]:
        """Ids of a service's containers."""
        return self._list("ps", "--all", "--no-trunc", f"--filter=label={SERVICE_LABEL}={service}")

    def healthy(self, service: str) -> bool:
        """Whether a service has containers, and all of them are healthy."""
        found = self.containers(service)
        return bool(found) and all(inspect(it, "{{.State.Health.Status}}") == "healthy" for it in found)

    def traces(self) -> list[str]:
        """What is there of the project: containers, volumes and networks."""
        return [*self._list("ps", "--all"), *self._list("volume", "ls"), *self._list("network", "ls")]

    def _list(self, *command: str) -> list[str]:
        return docker(*command, "--quiet", f"--filter=label={PROJECT_LABEL}={self.name}").split()


@contextmanager
def running(project: Project, *arguments: str) -> Iterator[None]:
    """Bring a project up while the context lasts; show its logs where the context fails."""
    try:
        project.compose("up", "--detach", *arguments)
        yield
    except BaseException:
        sys.stderr.write(project.compose("logs", "--no-color", "--tail=60", check=False).stdout)
        raise
    finally:
        project.compose("down", "--volumes", "--timeout=60")


def write_env_file(path: Path, values: Mapping[str, str]) -> Path:
    """Write an .env file."""
    path.write_text("".join(f"{name}={value}\n" for name, value in values.items()))
    return path


def free_port() -> int:
    """Give a TCP port of the loopback address that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def docker(*arguments: str) -> str:
    """Run a docker command and give what it said."""
    return subprocess.run(["docker", *arguments], check=True, capture_output=True, text=True).stdout.strip()


def inspect(container: str, template: str) -> str:
    """Ask the engine about a container."""
    return docker("inspect", "--format", template, container)


def _program() -> list[str]:
    return ["docker-compose"] if shutil.which("docker-compose") else ["docker", "compose"]
