"""What the tests of both sandboxes share: agents written on the spot, and launches of them."""

import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from agents.registry import Agent, KwargsType
from core.resources import Resources
from worker.sandbox import Exit, Launch, Limits, Sandbox, Workspace

DOCKERFILE = """\
FROM python:3.11-slim-bookworm
RUN useradd --create-home nonroot
ARG AGENT_DIR
COPY . ${AGENT_DIR}
"""
LIMITS = Limits(time_secs=60, memory_bytes=512 << 20, cpus=1, pids=200, disk_bytes=64 << 20)


def make_agent(
    folder: Path,
    script: str,
    *,
    dockerfile: str = DOCKERFILE,
    network: bool = False,
    kwargs: Mapping[str, str | int | float | bool] | None = None,
    env_vars: Mapping[str, str] | None = None,
) -> Agent:
    """An agent whose start.sh is `script`."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "start.sh").write_text(script)
    (folder / "Dockerfile").write_text(dockerfile)
    return Agent(
        id="test",
        folder=folder,
        start="start.sh",
        dockerfile="Dockerfile",
        kwargs=kwargs or {},
        kwargs_type=KwargsType.ARGPARSE,
        env_vars=env_vars or {},
        network=network,
        privileged=False,
        resources=Resources(),
    )


@dataclass(kw_only=True)
class Transcript:
    """All that a launch said."""

    output: bytearray = field(default_factory=bytearray)
    notes: list[str] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def log(self, data: bytes) -> None:
        with self.lock:
            self.output += data

    @property
    def text(self) -> str:
        with self.lock:
            return self.output.decode(errors="replace")


def validate(path: Path) -> str | None:
    """The validator of the launches here: wants the header `id,target`."""
    return None if path.read_text().startswith("id,target\n") else "the header is wrong"


def make_launch(
    root: Path,
    agent: Agent,
    *,
    limits: Limits = LIMITS,
    environment: Mapping[str, str] | None = None,
    technique: str | None = None,
) -> tuple[Launch, Transcript]:
    """A launch in a fresh workspace, whose public data has private data beside it."""
    public, private, live = root / "data" / "public", root / "data" / "private", root / "live"
    for folder in (public, private, live):
        folder.mkdir(parents=True, exist_ok=True)
    (public / "train.csv").write_text("id,target\n1,0\n")
    (private / "test.csv").write_text("id,target\n2,1\n")
    workspace = Workspace(root=live, data=public)
    workspace.instructions.write_text("Do your best.\n")
    transcript = Transcript()
    launch = Launch(
        run_id="run-1",
        attempt_id="attempt-1",
        fence=3,
        competition_id="toy",
        technique=technique,
        seed=7,
        agent=agent,
        workspace=workspace,
        environment=environment or {},
        limits=limits,
        validate=validate,
        log=transcript.log,
        note=transcript.notes.append,
    )
    return launch, transcript


def run(sandbox: Sandbox, launch: Launch, *, seconds: float = 60) -> Exit:
    """Start, wait for the end, close."""
    execution = sandbox.start(launch)
    try:
        exit_ = execution.wait(seconds)
        assert exit_ is not None, f"still running after {seconds} s"
        return exit_
    finally:
        execution.close()
