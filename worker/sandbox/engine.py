"""The Docker engine: how it is reached, what its errors become, and what marks our containers."""

import http.client
import logging
import os
import socket
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import docker
import docker.credentials.errors
import docker.errors
import requests
import urllib3

from core.errors import SandboxError
from worker.identity import this_worker

log = logging.getLogger(__name__)

# Everything that the client library, and what it is built on, may raise.
FOREIGN_ERRORS: tuple[type[Exception], ...] = (
    docker.errors.DockerException,
    docker.errors.StreamParseError,
    docker.errors.ContextException,
    docker.errors.ContextAlreadyExists,
    docker.errors.ContextNotFound,
    docker.credentials.errors.StoreError,
    requests.exceptions.RequestException,
    urllib3.exceptions.HTTPError,
    urllib3.exceptions.ProxySchemeUnsupported,
    http.client.HTTPException,
    OSError,
)

WORKER_LABEL = "mlebench.worker"
KIND_LABEL = "mlebench.kind"  # agent, neighbour, helper
ATTEMPT_LABEL = "mlebench.attempt"
FENCE_LABEL = "mlebench.fence"
FOLDER_LABEL = "mlebench.folder"  # of a sandbox: who uses another one cannot tell whose its containers are now
NEIGHBOUR_LABEL = "mlebench.neighbour"  # of a neighbour and its agent: the folder that also says whose they are now

DEFAULT_HOST = "unix:///var/run/docker.sock"
CALL_SECS = 120  # for one call; starting a container on a busy disk takes its time
PING_SECS = 2


@contextmanager
def translated_docker_errors(doing: str) -> Iterator[None]:
    """Turn whatever the Docker client raises into a SandboxError that says what was being done."""
    try:
        yield
    except FOREIGN_ERRORS as error:
        raise SandboxError(f"Docker: {doing}: {_text(error)}") from error


def connect(host: str | None = None) -> docker.DockerClient:
    """A client for an engine, which may be used from any thread.

    Args:
        host: the engine's address (`unix:///path`, `tcp://host:port`); None: what DOCKER_HOST names in the environment,
            else the local one. How a remote one is spoken to (DOCKER_TLS_VERIFY, DOCKER_CERT_PATH) is in the
            environment.

    Raises:
        SandboxError: no engine answers.
    """
    with translated_docker_errors("connecting to the engine"):
        _knock(host)
        return docker.from_env(timeout=CALL_SECS, max_pool_size=64, environment=_environment(host))


def docker_available(host: str | None = None) -> bool:
    """Whether a Docker engine answers, and quickly. `host` as for `connect`."""
    try:
        with translated_docker_errors("looking for the engine"):
            _knock(host)
            client = docker.from_env(timeout=PING_SECS, environment=_environment(host))
            try:
                return bool(client.ping())
            finally:
                client.close()
    except SandboxError as error:
        log.debug("%s", error)
        return False


def _environment(host: str | None) -> dict[str, str]:
    return dict(os.environ) if host is None else {**os.environ, "DOCKER_HOST": host}


def _knock(host: str | None) -> None:
    """Connect to the engine's Unix socket, if it has one: the client library leaks a socket where that fails."""
    url = _environment(host).get("DOCKER_HOST") or DEFAULT_HOST
    if url.startswith("unix://"):
        with socket.socket(socket.AF_UNIX) as probe:
            probe.settimeout(PING_SECS)
            probe.connect(url.removeprefix("unix://"))


def labels(kind: str, more: Mapping[str, str] | None = None) -> dict[str, str]:
    """What marks a container as ours and says whose it is."""
    return {WORKER_LABEL: this_worker(), KIND_LABEL: kind, **(more or {})}


def remove(client: docker.DockerClient, container: str) -> None:
    """Kill and remove a container with its anonymous volumes. Does nothing where it is gone, or going."""
    with translated_docker_errors(f"removing container {container[:12]}"):
        try:
            client.api.remove_container(container, force=True, v=True)
        except docker.errors.NotFound:
            return
        except docker.errors.APIError as error:
            if error.status_code != http.client.CONFLICT:  # its removal is in progress
                raise


def our_containers(client: docker.DockerClient, kind: str | None = None) -> list[dict[str, Any]]:
    """All containers of this project on the engine, whoever's they are, or those of one kind."""
    with translated_docker_errors("listing containers"):
        wanted = [WORKER_LABEL] if kind is None else [WORKER_LABEL, f"{KIND_LABEL}={kind}"]
        listed: list[dict[str, Any]] = client.api.containers(all=True, filters={"label": wanted})
        return listed


def _text(error: Exception) -> str:
    if isinstance(error, docker.errors.APIError) and error.explanation:
        return str(error.explanation)
    return " ".join(str(error).split()) or type(error).__name__
