"""Images of agents: built from their folders, cached by content, with what a start needs to know written on them."""

import hashlib
import io
import logging
import re
import tarfile
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Self

import docker
from docker.errors import ImageNotFound, NotFound
from filelock import FileLock

from agents.registry import Agent
from core.errors import SandboxError
from worker.sandbox.engine import labels, remove, translated_docker_errors
from worker.sandbox.environment import IN_CONTAINER

log = logging.getLogger(__name__)

RECIPE = "1"  # to be raised when this module makes other images of the same folder
AGENT_USER = "nonroot"
BASE_IMAGE = "mlebench-env"  # what agents' Dockerfiles may start from
BASE_FOLDER = Path(__file__).resolve().parents[2] / "docker" / "env"
CONTENT_LABEL = "mlebench.content"
OWNER_LABEL = "mlebench.owner"
BUILD_SECS = 3600  # for an image; who wrote the Dockerfile may be unknown
LOG_LINES = 30  # of a failed build, in the error
LARGEST_PASSWD = 1 << 20
BUILD_ARGUMENTS = {
    "SUBMISSION_DIR": IN_CONTAINER.submission,
    "LOGS_DIR": IN_CONTAINER.logs,
    "CODE_DIR": IN_CONTAINER.code,
    "AGENT_DIR": IN_CONTAINER.agent,
}


@dataclass(frozen=True, kw_only=True)
class AgentImage:
    """An image that is ready to run."""

    id: str  # sha256:...
    uid: int
    gid: int
    volumes: tuple[str, ...] = ()  # folders that its Dockerfile, or one below it, declares as VOLUME

    @classmethod
    def from_inspection(cls, inspected: Mapping[str, Any]) -> Self:
        """Read what `Images` wrote on the image."""
        uid, _, gid = inspected["Config"]["Labels"][OWNER_LABEL].partition(":")
        volumes = set(inspected["Config"].get("Volumes") or ()) - set(BUILD_ARGUMENTS.values()) - {IN_CONTAINER.data}
        return cls(id=inspected["Id"], uid=int(uid), gid=int(gid), volumes=tuple(sorted(volumes)))


class Images:
    """Builds images on one engine, one at a time for each image and host.

    Args:
        foreign_network: the network of builds of agents from elsewhere. In the host's, which all other builds have,
            they would reach what listens on its loopback address.
    """

    def __init__(self, client: docker.DockerClient, locks: Path, *, foreign_network: str = "default") -> None:
        self._client = client
        self._foreign_network = foreign_network
        self._locks = locks

    @cached_property
    def _build_memory(self) -> int:
        """What a step of a build may use: half of the host's memory."""
        return int(self._client.info()["MemTotal"]) // 2

    def agent_image(self, agent: Agent) -> AgentImage:
        """The agent's image, built now if its folder's content has no image yet.

        Raises:
            SandboxError: it cannot be built; the text ends with the build's last lines.
        """
        dockerfile = agent.folder / agent.dockerfile
        if not dockerfile.is_file():
            raise SandboxError(f"agent {agent.id} has no {dockerfile}")
        base = self._base_content(dockerfile)
        content = _digest(RECIPE, base, agent.content_hash())
        tag = f"mlebench-agent/{image_name(agent.id)}:{content}"
        with translated_docker_errors(f"building the image of agent {agent.id}"):
            found = self._find(tag)
            if found is None:
                with self._lock(tag):
                    found = self._find(tag) or self._build_agent(agent, dockerfile, tag)
            return AgentImage.from_inspection(found)

    def of(self, image_id: str) -> AgentImage:
        """What this class wrote on an image that it made."""
        return AgentImage.from_inspection(self._inspect(image_id))

    def pulled(self, name: str) -> str:
        """The id of an image by its public name, pulled if this host lacks it."""
        with translated_docker_errors(f"pulling {name}"):
            found = self._find(name)
            if found is None:
                self._client.images.pull(name)
                found = self._inspect(name)
            return str(found["Id"])

    def _build_agent(self, agent: Agent, dockerfile: Path, tag: str) -> Mapping[str, Any]:
        log.info("building %s", tag)
        raw = f"{tag}-raw-{_digest(str(self._locks))}"  # whoever has other locks may build the same just now
        network = "host" if agent.known else self._foreign_network
        self._build(
            path=str(agent.folder), dockerfile=str(dockerfile), tag=raw, network=network, buildargs=BUILD_ARGUMENTS
        )
        try:
            # ONBUILD of the agent's own Dockerfile takes effect here: the same network.
            self._build(fileobj=io.BytesIO(self._finish(raw).encode()), tag=tag, network=network)
        finally:
            self._client.api.remove_image(raw, noprune=True)  # its layers live on in `tag`
        return self._inspect(tag)

    def _finish(self, raw: str) -> str:
        """A Dockerfile on top of the agent's own: its folder becomes its user's, and a label says who that is."""
        probe = self._client.api.create_container(raw, command=["none"], labels=labels("helper"))["Id"]
        try:
            configured = self._inspect(raw)["Config"].get("User") or "root"
            uid, gid = _owner(self._read_passwd(probe), configured)
        finally:
            remove(self._client, probe)
        folder = IN_CONTAINER.agent
        return f"""\
FROM {raw}
USER root
RUN mkdir -p {folder} && chown -R {uid}:{gid} {folder}
USER {uid}:{gid}
WORKDIR {folder}
LABEL {OWNER_LABEL}={uid}:{gid}
"""

    def _read_passwd(self, container: str) -> str:
        try:
            stream, _ = self._client.api.get_archive(container, "/etc/passwd")
        except NotFound:
            return ""
        return file_in_archive(stream, LARGEST_PASSWD)

    def _base_content(self, dockerfile: Path) -> str:
        """What identifies the base image, if the Dockerfile starts from ours; it is built where it is missing."""
        wanted = [line.split()[1] for line in dockerfile.read_text().splitlines() if _is_from(line)]
        if not any(name.partition(":")[0] == BASE_IMAGE for name in wanted):
            return ""
        with translated_docker_errors(f"building the base image {BASE_IMAGE}"):
            found = self._find(BASE_IMAGE)
            content = _folder_digest(BASE_FOLDER) if BASE_FOLDER.is_dir() else None
            if found is not None:
                written = (found["Config"].get("Labels") or {}).get(CONTENT_LABEL)
                if written is None or written == content:  # someone else's image of that name is taken as it is
                    return str(found["Id"])
            if content is None:
                raise SandboxError(f"there is no image {BASE_IMAGE}, and no folder {BASE_FOLDER} to build it from")
            with self._lock(BASE_IMAGE):
                tag = f"{BASE_IMAGE}:{content}"
                if self._find(tag) is None:
                    self._build(path=str(BASE_FOLDER), tag=tag, labels={CONTENT_LABEL: content})
                self._client.api.tag(tag, BASE_IMAGE, "latest")
            return content

    def _find(self, name: str) -> Mapping[str, Any] | None:
        try:
            return self._inspect(name)
        except ImageNotFound:
            return None

    def _inspect(self, name: str) -> Mapping[str, Any]:
        inspected: Mapping[str, Any] = self._client.api.inspect_image(name)  # type: ignore[no-untyped-call]
        return inspected

    def _build(self, *, tag: str, network: str = "host", **options: Any) -> None:
        last: list[str] = []
        events: Iterable[dict[str, Any]] = self._client.api.build(
            tag=tag,
            rm=True,
            forcerm=True,
            network_mode=network,
            decode=True,
            timeout=BUILD_SECS,  # for its next word
            container_limits={"memory": self._build_memory, "memswap": self._build_memory},
            **options,
        )
        give_up_at = time.monotonic() + BUILD_SECS
        for event in events:
            if time.monotonic() > give_up_at:
                raise SandboxError(f"image {tag} was not built within {BUILD_SECS} s")
            last = [*last, *str(event.get("stream", "")).splitlines()][-LOG_LINES:]
            if "error" in event:
                raise SandboxError("\n".join([f"image {tag} cannot be built: {event['error'].strip()}", *last]))

    def _lock(self, name: str) -> FileLock:
        self._locks.mkdir(parents=True, exist_ok=True)
        return FileLock(self._locks / f"{_digest(name)}.lock")


def image_name(agent_id: str) -> str:
    """Give an agent's id as Docker takes names: lower case, no two of '.', '_', '-' in a row, and none at the end."""
    return re.sub(r"[^a-z0-9]{2,}|/", ".", agent_id.lower()).rstrip("._-")


def file_in_archive(stream: Iterable[bytes], most_bytes: int) -> str:
    """The text of the one regular file in a tar stream out of a container; "" where it is anything else."""
    data = b""
    for chunk in stream:
        data += chunk
        if len(data) > most_bytes + 2 * tarfile.RECORDSIZE:  # the archive's own headers and padding
            return ""
    try:
        with tarfile.open(fileobj=io.BytesIO(data), mode="r:") as archive:
            member = archive.next()
            if member is None or not member.isreg() or member.size > most_bytes:
                return ""
            file = archive.extractfile(member)
            return "" if file is None else file.read().decode(errors="replace")
    except tarfile.TarError:
        return ""


def _owner(passwd: str, configured: str) -> tuple[int, int]:
    """User and group that the agent runs as: `nonroot` where there is one, else the image's own user."""
    users: dict[str, tuple[int, int]] = {}
    for line in passwd.splitlines():
        parts = line.split(":")
        if len(parts) >= 4 and _is_id(parts[2]) and _is_id(parts[3]):
            users.setdefault(parts[0], (int(parts[2]), int(parts[3])))
    if AGENT_USER in users:
        return users[AGENT_USER]
    name, _, group = configured.partition(":")
    uid, gid = users.get(name, (int(name) if _is_id(name) else 0, 0))
    return uid, int(group) if _is_id(group) else gid


def _is_id(text: str) -> bool:
    return text.isascii() and text.isdigit() and int(text) < 2**31


def _is_from(line: str) -> bool:
    parts = line.split()
    return len(parts) >= 2 and parts[0].upper() == "FROM"


def _digest(*parts: str) -> str:
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:16]


def _folder_digest(folder: Path) -> str:
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return _digest(*(f"{path.relative_to(folder)}\0{path.read_bytes().hex()}" for path in files))
