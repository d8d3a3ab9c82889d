"""Small containers that lend agents their network namespace, and answer on ports 5000 and 5001 there.

An agent's container has no network of its own: it shares the neighbour's, which has none but loopback, or, for an
agent that declares it, the engine's default network. In the neighbour runs relay.py, which carries port 5000 to
a Unix socket of the host, where this process checks submissions; and for an agent that asks for a model port 5001 to
another, where this process answers for the model. The agent sees neither the neighbour's files nor its processes, nor
the answers.

A neighbour without a network serves one attempt after the other: once an agent's container is gone, nothing of
it is left in the namespace. One with a network serves a single attempt, and so does one that was adopted.
"""

import logging
import socket
import threading
import time
import uuid
from collections.abc import Collection
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import docker

from agents.registry import Agent
from core.errors import SandboxError
from core.files import write_text
from worker.identity import known_dead, of_earlier_boot, this_worker
from worker.sandbox import ModelAccess
from worker.sandbox.disk import remove_tree
from worker.sandbox.engine import FOLDER_LABEL, NEIGHBOUR_LABEL, labels, remove, translated_docker_errors
from worker.sandbox.environment import MODEL_PORT, VALIDATION_PORT
from worker.sandbox.images import Images
from worker.sandbox.serving import Server, unix_listener
from worker.sandbox.validation import Attendance, ValidationService

log = logging.getLogger(__name__)

IMAGE = "python:3.11-slim-bookworm"
RELAY = Path(__file__).with_name("relay.py")
SOCKET_NAME = "validation.sock"
MODEL_SOCKET_NAME = "model.sock"
INSIDE = "/run/validation"  # where the sockets' folder is in the neighbour
READY_SECS = 60.0  # for the relay's hello
LOOK_PART = 6  # a neighbour looks for its worker this many times in `orphan_secs`, and waits for 4 of these parts
QUIET_SECS = 2.0  # for the last attempt's connections to end
MEMORY_BYTES = 64 << 20
PIDS = 128  # a thread for each connection
END_SECS = 10.0  # for calls of a model that are broken off to be accounted for
NOBODY = 65534


@dataclass(frozen=True, kw_only=True)
class Kind:
    """What a neighbour offers besides validation."""

    networked: bool = False  # the engine's default network
    model: bool = False  # port 5001

    @classmethod
    def for_agent(cls, agent: Agent) -> "Kind":
        """The neighbour that an agent needs."""
        return cls(networked=agent.network, model=agent.asks_for_model)


KINDS = tuple(Kind(networked=networked, model=model) for networked in (False, True) for model in (False, True))


@dataclass(kw_only=True)
class Neighbour:
    """One running neighbour."""

    container: str
    folder: Path  # of the sockets, on this host
    kind: Kind
    service: ValidationService
    model: Server | None = None  # of the attempt that it serves now
    adopted: bool = False  # an older version may have started it, in whatever network

    def attend(self, attendance: Attendance, model: ModelAccess | None) -> None:
        """Answer for this attempt from now on."""
        if model is not None:
            self.model = Server(unix_listener(self.folder / "socket", MODEL_SOCKET_NAME), model.app, name="model")
        self.service.attend(attendance)

    def dismiss(self) -> None:
        """The attempt has ended: answer for none. What it asked of a model is accounted for."""
        self.service.dismiss()
        if self.model is not None:
            self.model.close()
            self.model.join(END_SECS)
            self.model = None

    def is_quiet(self) -> bool:
        """Whether no connection of the last attempt is left, after a short while."""
        deadline = time.monotonic() + QUIET_SECS
        while self.service.connections:
            if time.monotonic() > deadline:
                return False
            time.sleep(0.01)
        return True


class Neighbours:
    """Starts neighbours ahead of need, lends them out and removes them."""

    def __init__(self, client: docker.DockerClient, images: Images, folder: Path, *, orphan_secs: float) -> None:
        self._client = client
        self._images = images
        self._folder = folder
        self._look_secs = orphan_secs / LOOK_PART
        self._lock = threading.Lock()
        self._idle: list[Neighbour] = []
        self._coming: dict[Kind, list[Future[Neighbour]]] = {kind: [] for kind in KINDS}
        self._background = ThreadPoolExecutor(max_workers=2, thread_name_prefix="neighbours")

    def expect(self, kind: Kind) -> None:
        """Start one in the background, unless one is there or on its way."""
        with self._lock:
            if self._coming[kind] or any(neighbour.kind == kind for neighbour in self._idle):
                return
            self._coming[kind].append(self._background.submit(self._start, kind))

    def take(self, attendance: Attendance, model: ModelAccess | None, *, kind: Kind) -> Neighbour:
        """A running neighbour that answers for this attempt.

        Raises:
            SandboxError: it cannot be started.
        """
        neighbour = self._next(kind)
        neighbour.attend(attendance, model)
        return neighbour

    def adopt(
        self, name: str, container: str, attendance: Attendance, model: ModelAccess | None, *, kind: Kind
    ) -> Neighbour:
        """Answer from now on in the place of a worker that is gone."""
        folder = self._folder / name
        service = ValidationService(_listen(folder))
        neighbour = Neighbour(container=container, folder=folder, kind=kind, service=service, adopted=True)
        neighbour.attend(attendance, model)
        return neighbour

    def claim(self, name: str) -> None:
        """Become the worker that looks after the neighbour of this name."""
        (self._folder / name).mkdir(parents=True, exist_ok=True)
        write_text(self._folder / name / "owner", this_worker())

    def owner(self, name: str) -> str | None:
        """The worker that looks after the neighbour of this name; None where that is not known."""
        try:
            return (self._folder / name / "owner").read_text()
        except OSError:
            return None

    def give_back(self, neighbour: Neighbour) -> None:
        """The agent's container is gone: keep the neighbour for the next attempt, or remove it."""
        neighbour.dismiss()
        if not neighbour.kind.networked and not neighbour.adopted and neighbour.is_quiet():
            with self._lock:
                self._idle.append(neighbour)
        else:
            self.remove(neighbour)

    def remove(self, neighbour: Neighbour) -> None:
        """Remove the container and its sockets."""
        neighbour.dismiss()
        neighbour.service.close()
        self.discard(neighbour.folder.name, neighbour.container)

    def discard(self, name: str, container: str) -> None:
        """Remove the container and the sockets of one that serves nobody. Does nothing where they are gone."""
        remove(self._client, container)
        remove_tree(self._folder / name)

    def close(self) -> None:
        """Remove all that are not lent out."""
        with self._lock:
            coming = [future for futures in self._coming.values() for future in futures]
            idle, self._idle = self._idle, []
            self._coming = {kind: [] for kind in KINDS}
        self._background.shutdown(wait=True)
        idle += [future.result() for future in coming if future.exception() is None]
        for neighbour in idle:
            self.remove(neighbour)

    def sweep(self, *, spare: Collection[str] = ()) -> int:
        """Remove the socket folders of workers that have ended, but for those of these names. How many."""
        if not self._folder.is_dir():
            return 0
        dead = [folder for folder in self._folder.iterdir() if folder.name not in spare and _owner_is_dead(folder)]
        for folder in dead:
            remove_tree(folder)
        return len(dead)

    def _next(self, kind: Kind) -> Neighbour:
        while (waiting := self._waiting(kind)) is not None:
            if self._runs(waiting):
                return waiting
            self.remove(waiting)
        return self._start(kind)

    def _waiting(self, kind: Kind) -> Neighbour | None:
        """One that was started before, if there is any."""
        with self._lock:
            for neighbour in reversed(self._idle):
                if neighbour.kind == kind:
                    self._idle.remove(neighbour)
                    return neighbour
            if not self._coming[kind]:
                return None
            coming = self._coming[kind].pop()
        try:
            return coming.result()
        except SandboxError as error:  # the next may do better
            log.warning("%s", error)
            return None

    def _runs(self, neighbour: Neighbour) -> bool:
        with translated_docker_errors("looking at a neighbour"):
            try:
                return bool(self._client.api.inspect_container(neighbour.container)["State"]["Running"])
            except docker.errors.NotFound:
                return False

    def _start(self, kind: Kind) -> Neighbour:
        folder = self._folder / uuid.uuid4().hex
        container: str | None = None
        try:
            listener = _listen(folder)
            with translated_docker_errors("starting a neighbour"):
                container = self._create(folder, kind)
                self._client.api.start(container)
                self._await_hello(listener, container)
            service = ValidationService(listener)
            return Neighbour(container=container, folder=folder, kind=kind, service=service)
        except BaseException:
            if container is not None:
                remove(self._client, container)
            remove_tree(folder)
            raise

    def _create(self, folder: Path, kind: Kind) -> str:
        api = self._client.api
        ports = [str(VALIDATION_PORT), f"{INSIDE}/{SOCKET_NAME}"]
        if kind.model:
            ports += [str(MODEL_PORT), f"{INSIDE}/{MODEL_SOCKET_NAME}"]
        host_config = api.create_host_config(
            binds={str(folder / "socket"): {"bind": INSIDE, "mode": "ro"}},
            network_mode="default" if kind.networked else "none",
            cap_drop=["ALL"],
            security_opt=["no-new-privileges"],
            read_only=True,
            pids_limit=PIDS,
            mem_limit=MEMORY_BYTES,
            memswap_limit=MEMORY_BYTES,
            log_config=docker.types.LogConfig(type="json-file", config={"max-size": "100k", "max-file": "1"}),
        )
        created = api.create_container(
            self._images.pulled(IMAGE),
            entrypoint=["python3", "-I", "-S", "-c", RELAY.read_text()],
            command=[str(self._look_secs), str(4 * self._look_secs), *ports],
            user=f"{NOBODY}:{NOBODY}",
            hostname="sandbox",
            labels=labels("neighbour", {NEIGHBOUR_LABEL: folder.name, FOLDER_LABEL: str(self._folder.parent)}),
            host_config=host_config,
        )
        return str(created["Id"])

    def _await_hello(self, listener: socket.socket, container: str) -> None:
        listener.settimeout(READY_SECS)
        try:
            listener.accept()[0].close()
        except TimeoutError as error:
            said = self._client.api.logs(container, tail=5).decode(errors="replace")
            raise SandboxError(f"the neighbour did not start in {READY_SECS:.0f} s; it said: {said}") from error
        listener.settimeout(None)


def _listen(folder: Path) -> socket.socket:
    """A listening Unix socket in a new folder, for the user in the container to connect to.

    The folder's parent keeps other users of this host out.
    """
    folder.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    inner = folder / "socket"
    inner.mkdir(parents=True, exist_ok=True)
    write_text(folder / "owner", this_worker())
    return unix_listener(inner, SOCKET_NAME)


def _owner_is_dead(folder: Path) -> bool:
    try:
        owner = (folder / "owner").read_text()
    except FileNotFoundError:  # just being made, or just being removed
        return False
    return known_dead(owner) or of_earlier_boot(owner)
