"""The sandbox that isolates: each agent in a container of its own, behind the limits of its attempt."""

import http.client
import logging
import os
import tempfile
import threading
import time
from collections.abc import Callable, Collection, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, ExitStack
from functools import cached_property, partial
from pathlib import Path
from typing import Any

import docker
from docker.utils.socket import frames_iter_no_tty
from filelock import FileLock

from agents.registry import Agent
from core.errors import SandboxError
from worker.identity import known_dead, of_earlier_boot, this_worker
from worker.sandbox import ORPHANED, Exit, Launch, Leftover, Workspace
from worker.sandbox.disk import DiskMeter, occupied_bytes, take_over
from worker.sandbox.endings import exit_of
from worker.sandbox.engine import (
    ATTEMPT_LABEL,
    FENCE_LABEL,
    FOLDER_LABEL,
    FOREIGN_ERRORS,
    KIND_LABEL,
    NEIGHBOUR_LABEL,
    WORKER_LABEL,
    connect,
    labels,
    our_containers,
    remove,
    translated_docker_errors,
)
from worker.sandbox.environment import IN_CONTAINER, VALIDATION_PORT, contract_environment
from worker.sandbox.images import AgentImage, Images
from worker.sandbox.neighbours import IMAGE, MEMORY_BYTES, PIDS, Kind, Neighbour, Neighbours
from worker.sandbox.validation import Attendance, write_validate_script

log = logging.getLogger(__name__)

# The first process of the agent's container: SIGTERM reaches every process, and the agent's exit code is ours. When
# no worker has looked after a neighbour for a while it ends (relay.py), and where port 5000 is gone the agent is
# killed, with an exit code of its own.
ENTRYPOINT = """\
trap 'kill -TERM -1' TERM
orphaned=
trap 'orphaned=1; kill -KILL -1' USR1
(
  trap '' TERM USR1
  while sleep "$WATCH_SECS"; do
    (exec 3<>"/dev/tcp/127.0.0.1/$VALIDATION_PORT") || kill -USR1 1
  done
) >/dev/null 2>&1 </dev/null &
set -m  # without job control, bash makes background processes deaf to SIGINT
bash "$AGENT_DIR/$@" &
agent=$!
set +m
while kill -0 "$agent" 2>/dev/null; do wait "$agent"; done
wait "$agent"
code=$?
[ -z "$orphaned" ] || exit $ORPHANED
exit $code
"""
TAKE_OVER_SECS = 600  # for some ten million files
WATCH_PART = 6  # the container looks for its neighbour this many times in `orphan_secs`
# What an adopting worker has not seen of the output comes from here; run.log has it all.
KEPT_OUTPUT = docker.types.LogConfig(type="local", config={"max-size": "8m", "max-file": "2", "compress": "false"})
ATTACHED = {"stdout": 1, "stderr": 1, "stream": 1}
SHM_BYTES = 1 << 30
DISK_SECS = 5.0  # how often, at most, disk use is measured
WAIT_SECS = 60  # how long one waiting call may stay open
MOST_FAILURES = 10  # of waiting calls in a row
END_SECS = 30.0  # patience with the engine after SIGKILL


class DockerSandbox:
    """Runs agents in containers of an engine.

    Args:
        orphan_secs: how long an agent may work on without a worker; within this time it can be adopted.
        folder: for sockets and locks. Where this worker runs in a container itself, the folder must have the same
            path there and on the host.
        foreign_network: in which the images of agents from elsewhere are built.
        engine: the engine's address, as for `connect`.
    """

    name = "docker"

    def __init__(
        self,
        folder: Path | None = None,
        *,
        orphan_secs: float = 90.0,
        foreign_network: str = "default",
        engine: str | None = None,
    ) -> None:
        folder = folder or Path(tempfile.gettempdir()) / f"mlebench-{os.getuid()}"
        self._orphan_secs = orphan_secs
        self._folder = folder
        self._client = connect(engine)
        self._images = Images(self._client, folder / "locks", foreign_network=foreign_network)
        self._neighbours = Neighbours(self._client, self._images, folder / "neighbours", orphan_secs=orphan_secs)
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self.host_lock: AbstractContextManager[object] = FileLock(folder / "host.lock")
        self._remover = ThreadPoolExecutor(max_workers=2, thread_name_prefix="remover")

    def build(self, agent: Agent) -> str:
        """Build the agent's image if its content has none yet; the image's id."""
        self._neighbours.expect(Kind.for_agent(agent))
        return self._images.agent_image(agent).id

    def start(self, launch: Launch) -> "DockerExecution":
        """Start the agent's container."""
        image = self._images.agent_image(launch.agent)
        _lay_out(launch.workspace, image)
        attendance = Attendance(validate=launch.validate, note=launch.note)
        with ExitStack() as undo:
            neighbour = self._neighbours.take(attendance, launch.model, kind=Kind.for_agent(launch.agent))
            undo.callback(self._neighbours.remove, neighbour)
            with translated_docker_errors("starting the agent's container"):
                container = self._create(launch, image, neighbour)
                undo.callback(remove, self._client, container)
                attached = self._client.api.attach_socket(container, params=ATTACHED)
                undo.callback(_hang_up, attached)
                self._client.api.start(container)
            undo.pop_all()
        if launch.agent.network:
            self._neighbours.expect(Kind.for_agent(launch.agent))  # the next attempt's
        return DockerExecution(
            launch,
            client=self._client,
            image=image,
            helper=partial(self._images.pulled, IMAGE),
            container=container,
            output=_output_of(attached),
            hang_up=lambda: _hang_up(attached),
            release=lambda: self._release(container, neighbour),
            let_go=neighbour.dismiss,
        )

    def leftovers(self) -> list[Leftover]:
        """Agents' containers on this engine that other workers look after, or did."""
        return [
            Leftover(
                attempt_id=container["Labels"][ATTEMPT_LABEL],
                fence=int(container["Labels"][FENCE_LABEL]),
                ref=container["Id"],
                owner=owner,
                claim=partial(self._neighbours.claim, container["Labels"][NEIGHBOUR_LABEL]),
                adopt=partial(self._adopt, container),
                discard=partial(self._discard, container),
            )
            for container in self._containers("agent")
            if (owner := self._owner(container)) != this_worker()
        ]

    def sweep(self, *, spare: Collection[str] = ()) -> int:
        """Remove containers and sockets of workers of this host that have ended, and what ended with the host."""
        containers = self._containers()
        needed = {found["Labels"][NEIGHBOUR_LABEL] for found in containers if found["Id"] in spare}
        dead = [
            found
            for found in containers
            if (known_dead(self._owner(found)) or self._ended_with_host(found))
            and found["Labels"].get(NEIGHBOUR_LABEL) not in needed
        ]
        for container in dead:
            log.info("removing %s, left behind by a dead worker", container["Names"])
            remove(self._client, container["Id"])
        return len(dead) + self._neighbours.sweep(spare=needed)

    def _containers(self, kind: str | None = None) -> list[dict[str, Any]]:
        """Our containers on this engine, without those of workers that use another folder."""
        mine = (None, str(self._folder))
        return [found for found in our_containers(self._client, kind) if found["Labels"].get(FOLDER_LABEL) in mine]

    def _owner(self, container: dict[str, Any]) -> str:
        """The worker that looks after a container: the one that adopted it last, else the one that made it."""
        labelled: str = container["Labels"][WORKER_LABEL]
        neighbour = container["Labels"].get(NEIGHBOUR_LABEL)
        return (self._neighbours.owner(neighbour) if neighbour else None) or labelled

    def _ended_with_host(self, container: dict[str, Any]) -> bool:
        """Whether it is from before this host was booted, and of no use: an agent's container may be (leftovers)."""
        ended = container["State"] in ("exited", "dead") and container["Labels"][KIND_LABEL] != "agent"
        return ended and of_earlier_boot(self._owner(container))

    def _adopt(self, container: dict[str, Any], launch: Launch) -> "DockerExecution":
        """Look after a container that another worker started. Its output goes on where run.log ends."""
        ref: str = container["Id"]
        attendance = Attendance(validate=launch.validate, note=launch.note)
        with translated_docker_errors("adopting the agent's container"):
            neighbour = self._neighbours.adopt(
                container["Labels"][NEIGHBOUR_LABEL],
                _neighbour_of(container),
                attendance,
                launch.model,
                kind=Kind.for_agent(launch.agent),
            )
            image = self._images.of(container["ImageID"])
            output = self._client.api.logs(ref, stream=True, follow=True, since=launch.seen_until)
            if container["State"] == "paused":
                self._client.api.unpause(ref)
        return DockerExecution(
            launch,
            client=self._client,
            image=image,
            helper=partial(self._images.pulled, IMAGE),
            container=ref,
            output=output,
            hang_up=lambda: None,  # it ends with the container
            release=lambda: self._release(ref, neighbour),
            let_go=neighbour.dismiss,
        )

    def _discard(self, container: dict[str, Any]) -> None:
        """Remove an agent's container with its neighbour."""
        remove(self._client, container["Id"])
        self._neighbours.discard(container["Labels"][NEIGHBOUR_LABEL], _neighbour_of(container))

    def close(self) -> None:
        """Remove the neighbours, and wait for removals under way."""
        self._remover.shutdown(wait=True)
        self._neighbours.close()
        self._client.close()

    @cached_property
    def _host_cpus(self) -> float:
        return float(self._client.info()["NCPU"])

    def _create(self, launch: Launch, image: AgentImage, neighbour: Neighbour) -> str:
        watched = ENTRYPOINT
        for name, value in (
            ("WATCH_SECS", self._orphan_secs / WATCH_PART),
            ("VALIDATION_PORT", VALIDATION_PORT),
            ("ORPHANED", ORPHANED),
        ):
            watched = watched.replace(f"${name}", str(value))
        created = self._client.api.create_container(
            image.id,
            entrypoint=["bash", "-c", watched, "mlebench"],
            command=[launch.agent.start, *launch.agent.arguments()],
            environment={
                **contract_environment(launch, IN_CONTAINER),
                # for engines that give every container all GPUs, unless its environment says otherwise
                "NVIDIA_VISIBLE_DEVICES": ",".join(launch.limits.gpus) or "void",
            },
            user=f"{image.uid}:{image.gid}",
            labels=labels(
                "agent",
                {
                    "mlebench.run": launch.run_id,
                    ATTEMPT_LABEL: launch.attempt_id,
                    FENCE_LABEL: str(launch.fence),
                    NEIGHBOUR_LABEL: neighbour.folder.name,
                    FOLDER_LABEL: str(self._folder),
                },
            ),
            host_config=self._host_config(launch, image, neighbour),
        )
        return str(created["Id"])

    def _host_config(self, launch: Launch, image: AgentImage, neighbour: Neighbour) -> dict[str, Any]:
        limits = launch.limits
        if launch.agent.privileged:
            launch.note("the agent runs in a privileged container: no isolation from this host")
            isolation: dict[str, Any] = {"privileged": True}
        else:
            isolation = {"cap_drop": ["ALL"], "security_opt": ["no-new-privileges"]}
        return self._client.api.create_host_config(
            mounts=_mounts(launch.workspace),
            # In place of anonymous volumes, which nobody would measure: this counts as the agent's memory.
            tmpfs=dict.fromkeys(image.volumes, "mode=1777"),
            network_mode=f"container:{neighbour.container}",
            pids_limit=limits.pids,
            mem_limit=limits.memory_bytes,
            memswap_limit=limits.memory_bytes,
            nano_cpus=int(min(limits.cpus, self._host_cpus) * 1e9),
            device_requests=_gpus(limits.gpus),
            shm_size=min(SHM_BYTES, limits.memory_bytes // 2),
            ulimits=[
                docker.types.Ulimit(name="core", soft=0, hard=0),
                docker.types.Ulimit(name="fsize", soft=limits.disk_bytes, hard=limits.disk_bytes),
            ],
            log_config=KEPT_OUTPUT,
            **isolation,
        )

    def _release(self, container: str, neighbour: Neighbour) -> None:
        """The agent is dead: its container goes in the background, its neighbour serves the next."""
        self._remover.submit(self._remove_quietly, container)
        self._neighbours.give_back(neighbour)

    def _remove_quietly(self, container: str) -> None:
        try:
            remove(self._client, container)
        except SandboxError as error:  # the next worker's sweep will find it
            log.warning("%s", error)


def _neighbour_of(container: dict[str, Any]) -> str:
    """The container whose network an agent's container shares."""
    network: str = container["HostConfig"]["NetworkMode"]
    return network.removeprefix("container:")


def _gpus(names: Sequence[str]) -> list[docker.types.DeviceRequest] | None:
    return [docker.types.DeviceRequest(device_ids=list(names), capabilities=[["gpu"]])] if names else None


class DockerExecution:
    """One agent in its container."""

    can_be_left = True

    def __init__(
        self,
        launch: Launch,
        *,
        client: docker.DockerClient,
        image: AgentImage,
        helper: Callable[[], str],
        container: str,
        output: Iterator[bytes],
        hang_up: Callable[[], None],
        release: Callable[[], None],
        let_go: Callable[[], None],
    ) -> None:
        self.ref = container
        self._launch = launch
        self._client = client
        self._image = image
        self._helper = helper  # gives an image of ours, for what is done as root
        self._output = output
        self._hang_up = hang_up
        self._release = release
        self._let_go = let_go
        self._closed = False
        self._left = False  # to the next worker
        self._layer_bytes = 0
        self._disk = DiskMeter(self._measure_disk, at_least_secs=DISK_SECS)
        self._exit: Exit | None = None
        self._error: SandboxError | None = None
        self._ended = threading.Event()
        self._follower = threading.Thread(target=self._follow, name="agent-output", daemon=True)
        self._follower.start()

    def wait(self, seconds: float) -> Exit | None:
        """Wait for the container's end; its output has arrived by then."""
        self._ended.wait(seconds)
        if self._error is not None:
            raise self._error
        return self._exit

    def stop(self, *, force: bool) -> None:
        """SIGTERM goes to the first process, which passes it on to all; SIGKILL ends the container."""
        if self._ended.is_set():
            return
        with translated_docker_errors("stopping the agent's container"):
            try:
                self._client.api.kill(self.ref, "SIGKILL" if force else "SIGTERM")
            except docker.errors.APIError as error:
                if error.status_code not in (http.client.NOT_FOUND, http.client.CONFLICT):  # it has ended
                    raise

    def pause(self, paused: bool) -> None:
        """Freeze the container, or let it go on."""
        with translated_docker_errors("pausing the agent's container"):
            try:
                (self._client.api.pause if paused else self._client.api.unpause)(self.ref)
            except docker.errors.APIError as error:
                if error.status_code not in (http.client.NOT_FOUND, http.client.CONFLICT):  # it has ended
                    raise

    def disk_bytes(self) -> int:
        """Bytes in the workspace's folders and in the container's own layer."""
        return self._disk.read()

    def close(self, *, leave: bool = False) -> None:
        """Kill the agent if it still runs, take its folders back, remove its container; or leave all as it is."""
        if self._closed:
            return
        self._closed = True
        if leave:
            self._left = True
            self._let_go()
            self._hang_up()
            return
        try:
            self.stop(force=True)
            if not self._ended.wait(END_SECS):
                remove(self._client, self.ref)
            self._take_folders_back()
        finally:
            self._release()
            self._hang_up()

    def _follow(self) -> None:
        """In a thread: pass the output on until it ends, then learn how the container ended."""
        try:
            with translated_docker_errors("reading the agent's output"):
                for data in self._output:
                    self._launch.log(data)
        except (SandboxError, ValueError) as error:  # ValueError: the stream was closed under this thread
            if not self._left:
                self._launch.note(f"the rest of the agent's output is lost: {error}")
        if self._left:
            return
        try:
            self._exit = self._await_exit()
        except SandboxError as error:
            self._error = error
        finally:
            self._ended.set()

    def _await_exit(self) -> Exit:
        failures = 0
        while True:
            asked = time.monotonic()
            try:
                code = int(self._client.api.wait(self.ref, timeout=WAIT_SECS)["StatusCode"])
                break
            except docker.errors.NotFound as error:
                raise SandboxError(f"the agent's container {self.ref[:12]} was removed by someone") from error
            except FOREIGN_ERRORS as error:  # a call that was open for long has just run out of time
                failures = 0 if time.monotonic() - asked > WAIT_SECS / 2 else failures + 1
                if failures > MOST_FAILURES:
                    raise SandboxError(f"Docker: waiting for the agent's container: {error}") from error
                time.sleep(min(failures, 5))
        return exit_of(self._client, self.ref, code)

    def _measure_disk(self) -> int:
        workspace = self._launch.workspace
        try:
            with translated_docker_errors("measuring the container's layer"):
                listed = self._client.api.containers(all=True, size=True, filters={"id": self.ref})
            self._layer_bytes = sum(int(container.get("SizeRw") or 0) for container in listed)
        except SandboxError as error:  # one measurement is not worth the attempt; `wait` sees a dead engine
            log.warning("attempt %s: %s", self._launch.attempt_id, error)
        return self._layer_bytes + occupied_bytes(workspace.submission, workspace.code, workspace.logs)

    def _take_folders_back(self) -> None:
        """What the agent's user wrote becomes ours."""
        uid, gid = os.geteuid(), os.getegid()
        if uid == self._image.uid:
            return
        workspace = self._launch.workspace
        if uid == 0:
            for folder in (workspace.submission, workspace.code, workspace.logs):
                take_over(folder, uid=uid, gid=gid)
        else:
            take_over_through_container(self._client, self._helper(), workspace)


def take_over_through_container(client: docker.DockerClient, image: str, workspace: Workspace) -> None:
    """Change the owner of the workspace's folders to us, by the engine's root: we are another user.

    Args:
        image: one of ours. Never the agent's: its `chown` would run as the host's root.
    """
    api = client.api
    folders = {"submission": workspace.submission, "code": workspace.code, "logs": workspace.logs}
    with translated_docker_errors("taking the agent's files over"):
        helper = api.create_container(
            image,
            entrypoint=["/bin/chown", "-R", "-P", f"{os.geteuid()}:{os.getegid()}"],
            command=[f"/take/{name}" for name in folders],
            user="0:0",
            labels=labels("helper"),
            host_config=api.create_host_config(
                mounts=[_mount(f"/take/{name}", folder) for name, folder in folders.items()],
                network_mode="none",
                cap_drop=["ALL"],
                cap_add=["CHOWN", "DAC_READ_SEARCH"],
                security_opt=["no-new-privileges"],
                read_only=True,
                pids_limit=PIDS,
                mem_limit=MEMORY_BYTES,
                memswap_limit=MEMORY_BYTES,
            ),
        )["Id"]
        try:
            api.start(helper)
            api.wait(helper, timeout=TAKE_OVER_SECS)
        finally:
            remove(client, helper)


def _output_of(attached: Any) -> Iterator[bytes]:
    frames: Iterator[tuple[int, bytes]] = frames_iter_no_tty(attached)  # type: ignore[assignment]  # its type is wrong
    return (data for _, data in frames)


def _hang_up(output: Any) -> None:
    """Close an attached stream, and the connection below it, which the client library would keep open."""
    output._response.close()
    output.close()


def _mounts(workspace: Workspace) -> list[docker.types.Mount]:
    mounts = [
        _mount(IN_CONTAINER.data, workspace.data, read_only=True),
        _mount(IN_CONTAINER.submission, workspace.submission),
        _mount(IN_CONTAINER.logs, workspace.logs),
        _mount(IN_CONTAINER.code, workspace.code),
    ]
    for file in (workspace.instructions, workspace.validate_script, workspace.technique_description):
        if file.exists():
            mounts.append(_mount(f"/home/{file.name}", file, read_only=True))
    return mounts


def _mount(target: str, source: Path, *, read_only: bool = False) -> docker.types.Mount:
    return docker.types.Mount(target, str(source.resolve()), type="bind", read_only=read_only)


def _lay_out(workspace: Workspace, image: AgentImage) -> None:
    """Make the workspace's folders the agent's, and its files readable for every user."""
    write_validate_script(workspace.validate_script)
    for file in (workspace.instructions, workspace.technique_description):
        if file.exists():
            file.chmod(0o644)
    for folder in (workspace.submission, workspace.code, workspace.logs):
        folder.mkdir(parents=True, exist_ok=True)
        if os.geteuid() == 0:
            os.chown(folder, image.uid, image.gid)
        elif os.geteuid() != image.uid:
            folder.chmod(0o777)
