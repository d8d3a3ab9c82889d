"""Whose doing the end of an agent's container was.

An engine that stops, or starts again after it was killed, ends all containers, with the same signals that an
agent's own end may show. The neighbour tells: nobody but the engine ends that one by a signal, and it has no
other reason to end before the agent than that no worker was there for too long (relay.py).
"""

from typing import Any

import docker

from core.errors import SandboxError
from worker.sandbox import ORPHANED, Exit
from worker.sandbox.engine import translated_docker_errors


def exit_of(client: docker.DockerClient, container: str, code: int) -> Exit:
    """Give how an agent ended whose container has ended with this exit code.

    Raises:
        SandboxError: it was ended by the engine, or because it had no worker: that says nothing about the agent.
    """
    if code == 0:
        return Exit(code=0, out_of_memory=False)
    with translated_docker_errors("asking how the agent's container ended"):
        inspected = client.api.inspect_container(container)
        neighbour = _state(client, inspected["HostConfig"]["NetworkMode"].removeprefix("container:"))
    if neighbour is None or (not neighbour["Running"] and neighbour["ExitCode"] != 0):
        raise SandboxError(
            f"the agent's container and its neighbour were ended from outside (exit code {code}): "
            "the Docker engine was stopped or restarted"
        )
    if code == ORPHANED and not neighbour["Running"]:
        raise SandboxError("its worker was gone for too long: the agent was killed")
    return Exit(code=code, out_of_memory=bool(inspected["State"]["OOMKilled"]))


def _state(client: docker.DockerClient, container: str) -> dict[str, Any] | None:
    """What the engine says of a container; None where it is gone."""
    try:
        state: dict[str, Any] = client.api.inspect_container(container)["State"]
    except docker.errors.NotFound:
        return None
    return state
