"""The Docker sandbox against a real engine: the contract, each limit really hit, and nothing left behind."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import docker
import pytest
from starlette.responses import PlainTextResponse

from core.errors import SandboxError
from tests.sandbox.launching import LIMITS, Transcript, make_agent, make_launch, run
from tests.services import wait_until
from worker.evidence import collect
from worker.identity import WorkerId, this_worker
from worker.sandbox import Execution, Exit, Launch, ModelAccess, images
from worker.sandbox.disk import remove_tree
from worker.sandbox.docker import DockerSandbox, take_over_through_container
from worker.sandbox.engine import FOLDER_LABEL, KIND_LABEL, WORKER_LABEL, connect, remove
from worker.sandbox.neighbours import IMAGE

pytestmark = pytest.mark.integration
REPO = Path(__file__).resolve().parents[2]


def ours(client: docker.DockerClient, kind: str | None = None) -> set[str]:
    """Containers (of this kind) that this process made: others may be at work on this engine too."""
    labels = [f"{WORKER_LABEL}={this_worker()}"] + ([] if kind is None else [f"{KIND_LABEL}={kind}"])
    return {container["Id"] for container in client.api.containers(all=True, filters={"label": labels})}


def exists(client: docker.DockerClient, container: str) -> bool:
    return bool(client.api.containers(all=True, filters={"id": container}))


@pytest.fixture(scope="module")
def client() -> Iterator[docker.DockerClient]:
    client = connect()
    yield client
    for image in client.images.list("mlebench-agent/test"):
        client.images.remove(str(image.id), force=True)
    client.close()


@pytest.fixture(scope="module")
def sandbox(tmp_path_factory: pytest.TempPathFactory, client: docker.DockerClient) -> Iterator[DockerSandbox]:
    sandbox = DockerSandbox(tmp_path_factory.mktemp("sandbox"))
    yield sandbox
    sandbox.close()
    assert ours(client) == set()


Start = Callable[..., tuple[Launch, Transcript]]


@pytest.fixture
def prepared(tmp_path: Path) -> Start:
    """Makes a launch of an agent with the given script."""

    def make(script: str, **options: object) -> tuple[Launch, Transcript]:
        agent_options = {
            key: options.pop(key) for key in ("dockerfile", "network", "kwargs", "env_vars") if key in options
        }
        return make_launch(tmp_path, make_agent(tmp_path / "agent", script, **agent_options), **options)  # type: ignore[arg-type]

    return make


def lines(transcript: Transcript) -> list[str]:
    return transcript.text.splitlines()


def test_the_agent_finds_its_contract(sandbox: DockerSandbox, prepared: Start) -> None:
    script = 'id -un; pwd; echo "$*"; cat /home/instructions.txt $DATA_DIR/train.csv; env; touch /home/agent/mine'
    launch, said = prepared(script, kwargs={"steps": 3}, environment={"MODEL": "m1"}, technique="cv")
    launch.workspace.technique_description.write_text("Validate well.\n")
    assert run(sandbox, launch) == Exit(code=0, out_of_memory=False)
    assert lines(said)[:6] == ["nonroot", "/home/agent", "--steps 3", "Do your best.", "id,target", "1,0"]
    expected = {
        "COMPETITION_ID=toy",
        "TECHNIQUE_TASK=cv",
        "DATA_DIR=/home/data",
        "SUBMISSION_DIR=/home/submission",
        "LOGS_DIR=/home/logs",
        "CODE_DIR=/home/code",
        "AGENT_DIR=/home/agent",
        "TIME_LIMIT_SECS=60",
        "SEED=7",
        "VALIDATION_URL=http://localhost:5000/validate",
        "MODEL=m1",
    }
    assert expected <= set(lines(said))
    assert "bash" not in lines(said)[-1]  # no job notices


def test_exit_code_and_owner(sandbox: DockerSandbox, prepared: Start) -> None:
    launch, _ = prepared("mkdir $CODE_DIR/src; echo x | tee $CODE_DIR/src/a $SUBMISSION_DIR/submission.csv; exit 7")
    assert run(sandbox, launch) == Exit(code=7, out_of_memory=False)
    for path in launch.workspace.root.rglob("*"):
        assert path.stat().st_uid == os.geteuid()


def test_the_agent_is_locked_in(sandbox: DockerSandbox, prepared: Start) -> None:
    script = """\
touch $DATA_DIR/new && echo wrote the data
echo x >> $DATA_DIR/train.csv && echo changed the data
echo x >> /home/validate_submission.sh && echo changed the script
find / -path /proc -prune -o -name test.csv -print 2>/dev/null
[ -e /var/run/docker.sock ] && echo found the engine
grep -E '^Cap(Prm|Eff|Bnd):|NoNewPrivs' /proc/self/status
ls /sys/class/net
for address in 1.1.1.1/80 172.17.0.1/22; do
  timeout 2 bash -c "exec 3<>/dev/tcp/$address" 2>/dev/null && echo reached $address
done
true
"""
    launch, said = prepared(script)
    assert run(sandbox, launch).code == 0
    nothing = "0000000000000000"
    words = said.text.split()
    found = [line for line in lines(said) if "Permission denied" not in line and "Read-only" not in line]
    assert words.count(nothing) == 3 and "NoNewPrivs:\t1" in found
    assert "lo" in found and "eth0" not in found
    for breach in ("wrote", "changed", "found", "reached", "test.csv"):
        assert not [line for line in found if breach in line], said.text
    assert (launch.workspace.data / "train.csv").read_text() == "id,target\n1,0\n"


def test_validation_answers_without_a_network(sandbox: DockerSandbox, prepared: Start) -> None:
    script = """\
curl -s http://localhost:5000/health; echo
printf 'id,target\\n2,1\\n' > $SUBMISSION_DIR/submission.csv
bash /home/validate_submission.sh $SUBMISSION_DIR/submission.csv
echo nonsense > bad.csv; curl -s -F file=@bad.csv $VALIDATION_URL
"""
    launch, said = prepared(script)
    assert run(sandbox, launch).code == 0
    assert said.text.split("\n") == [
        '{"status":"running"}',
        '{"result":"Submission is valid."}',
        '{"result":"Submission invalid: the header is wrong"}',
    ]
    assert said.notes == ["validation: 14 bytes: valid", "validation: 9 bytes: invalid: the header is wrong"]


ASKS_FOR_MODEL = {"OPENAI_API_KEY": "${{ secrets.OPENAI_API_KEY }}"}


def test_each_attempt_reaches_the_model_that_it_was_given_and_others_none(
    sandbox: DockerSandbox, prepared: Start
) -> None:
    """One after the other, by the same neighbour."""
    script = """\
echo "$OPENAI_API_KEY at $OPENAI_BASE_URL"
curl -s http://localhost:5001/ || echo nobody
"""
    for name in ("first", "second"):
        launch, said = prepared(script, env_vars=ASKS_FOR_MODEL)
        access = ModelAccess(app=PlainTextResponse(f"this is the {name} model\n"), token=f"token-{name}")
        assert run(sandbox, replace(launch, model=access)).code == 0
        assert lines(said) == [f"token-{name} at http://localhost:5001/v1", f"this is the {name} model"]
        launch, said = prepared(script)
        assert run(sandbox, launch).code == 0
        assert lines(said) == [" at ", "nobody"]


def test_an_agent_that_needs_a_network_has_one(sandbox: DockerSandbox, prepared: Start) -> None:
    launch, said = prepared("ls /sys/class/net; curl -s http://localhost:5000/health", network=True)
    assert run(sandbox, launch).code == 0
    assert "eth0" in said.text and '{"status":"running"}' in said.text


def running(client: docker.DockerClient, kind: str) -> set[str]:
    return {identity for identity in ours(client, kind) if client.api.inspect_container(identity)["State"]["Running"]}


def test_neighbours_serve_one_attempt_after_the_other(
    sandbox: DockerSandbox, prepared: Start, client: docker.DockerClient
) -> None:
    launch, _ = prepared("sleep 0.1")
    run(sandbox, launch)
    first = ours(client, "neighbour")
    run(sandbox, launch)
    assert ours(client, "neighbour") == first


def test_a_neighbour_that_died_is_replaced(
    sandbox: DockerSandbox, prepared: Start, client: docker.DockerClient
) -> None:
    launch, said = prepared("curl -s http://localhost:5000/health")
    run(sandbox, launch)
    for neighbour in running(client, "neighbour"):
        client.api.kill(neighbour)
    said.output.clear()
    run(sandbox, launch)
    assert said.text == '{"status":"running"}'


def test_output_comes_while_the_agent_works(sandbox: DockerSandbox, prepared: Start) -> None:
    launch, said = prepared("echo one; echo two >&2; sleep 60")
    execution = sandbox.start(launch)
    try:
        wait_until(lambda: sorted(lines(said)) == ["one", "two"], timeout_secs=10, description="the first lines")
        assert execution.wait(0) is None
    finally:
        execution.close()


def test_sigterm_reaches_every_process(sandbox: DockerSandbox, prepared: Start) -> None:
    script = """\
setsid bash -c 'trap "echo daemon asked; exit" TERM; while :; do sleep 0.05; done' &
trap 'echo agent asked; wait; exit 9' TERM
echo ready; while :; do sleep 0.05; done
"""
    launch, said = prepared(script)
    execution = sandbox.start(launch)
    wait_until(lambda: "ready" in said.text, timeout_secs=10, description="the agent works")
    time.sleep(0.3)  # for the daemon to set its trap
    execution.stop(force=False)
    exit_ = execution.wait(10)
    execution.close()
    assert exit_ == Exit(code=9, out_of_memory=False)
    assert {"agent asked", "daemon asked"} <= set(lines(said))


def test_an_endless_sleeper_that_ignores_sigterm(sandbox: DockerSandbox, prepared: Start) -> None:
    launch, said = prepared("trap '' TERM INT HUP; echo ready; while :; do sleep 1; done")
    execution = sandbox.start(launch)
    wait_until(lambda: "ready" in said.text, timeout_secs=10, description="the agent works")
    execution.stop(force=False)
    assert execution.wait(0.5) is None
    execution.stop(force=True)
    began = time.monotonic()
    assert execution.wait(10) == Exit(code=137, out_of_memory=False)
    execution.stop(force=True)  # has ended: nothing happens
    execution.close()
    assert time.monotonic() - began < 5


def test_interrupts_are_not_ignored_from_birth(sandbox: DockerSandbox, prepared: Start) -> None:
    """Agents interrupt the code they run with SIGINT; a shell's background process would inherit deafness."""
    launch, said = prepared("python3 -c 'import signal; print(signal.getsignal(signal.SIGINT))'")
    run(sandbox, launch)
    assert "default_int_handler" in said.text


def test_a_memory_hog_is_killed(sandbox: DockerSandbox, prepared: Start) -> None:
    launch, _ = prepared(
        "python3 -c 'x = bytearray(300 << 20); x[::4096] = b\"1\" * len(x[::4096])'",
        limits=replace(LIMITS, memory_bytes=100 << 20),
    )
    assert run(sandbox, launch) == Exit(code=137, out_of_memory=True)


def test_a_fork_bomb_is_contained(sandbox: DockerSandbox, prepared: Start) -> None:
    launch, _ = prepared("bomb() { bomb | bomb & }; bomb; sleep 60", limits=replace(LIMITS, pids=50))
    execution = sandbox.start(launch)
    try:
        assert execution.wait(2) in (None, Exit(code=254, out_of_memory=False))  # it may die of its own bomb
        pids = connect_and_count(execution)
        assert pids <= 50
        began = time.monotonic()
    finally:
        execution.close()
    assert time.monotonic() - began < 15


def connect_and_count(execution: Execution) -> int:
    """Processes of the container, as the engine sees them."""
    client = connect()
    try:
        return len(client.api.top(execution.ref)["Processes"])
    except docker.errors.APIError:  # it has ended
        return 0
    finally:
        client.close()


def test_a_disk_filler_is_seen_wherever_it_writes(sandbox: DockerSandbox, prepared: Start) -> None:
    script = (
        "head -c 20000000 /dev/zero > /tmp/layer; head -c 20000000 /dev/zero > $CODE_DIR/mount; echo full; sleep 60"
    )
    launch, said = prepared(script)
    execution = sandbox.start(launch)
    try:
        wait_until(lambda: "full" in said.text, timeout_secs=20, description="both files are written")
        used = execution.disk_bytes()
        assert 40_000_000 <= used < 45_000_000
        assert execution.disk_bytes() == used  # measured once for both
    finally:
        execution.close()


def test_one_file_cannot_outgrow_the_disk_limit(sandbox: DockerSandbox, prepared: Start) -> None:
    launch, _ = prepared(
        "exec head -c 20000000 /dev/zero > $CODE_DIR/large", limits=replace(LIMITS, disk_bytes=1_000_000)
    )
    assert run(sandbox, launch).code == 128 + signal.SIGXFSZ
    assert (launch.workspace.code / "large").stat().st_size == 1_000_000


def test_a_log_flood_passes_through(sandbox: DockerSandbox, prepared: Start) -> None:
    launch, said = prepared("yes 0123456789 | head -c 30000000; echo; echo the end")
    assert run(sandbox, launch).code == 0
    assert len(said.output) == 30_000_009
    assert said.text.endswith("the end\n")


def test_hostile_files_are_left_behind(sandbox: DockerSandbox, prepared: Start, tmp_path: Path) -> None:
    script = """\
ln -s /etc/passwd $SUBMISSION_DIR/submission.csv
truncate -s 2G $CODE_DIR/giant 2>/dev/null || python3 -c "open('$CODE_DIR/giant', 'wb').truncate(2 << 30)"
mkfifo $LOGS_DIR/pipe; cp /bin/true $LOGS_DIR/setuid; chmod 6755 $LOGS_DIR/setuid; mkdir -m 0 $LOGS_DIR/closed
cd $CODE_DIR; for i in $(seq 300); do mkdir d && cd d || exit 1; done
"""
    launch, said = prepared(script, limits=replace(LIMITS, disk_bytes=4 << 30))
    assert run(sandbox, launch).code == 0, said.text
    out = tmp_path / "out"
    out.mkdir()
    collected = collect(launch.workspace, out)
    reasons = {entry.path: entry.reason for entry in collected.dropped}
    assert reasons.pop("submission/submission.csv") == "symbolic link"
    assert reasons.pop("code/giant") == "mostly holes (a sparse file)"
    assert reasons.pop("logs/pipe") == "pipe"
    assert [reason for reason in reasons.values()] == ["deeper than 50 levels"]
    assert (out / "logs" / "setuid").stat().st_mode & 0o7777 == 0o644
    remove_tree(launch.workspace.root)


def test_an_agent_whose_worker_vanished_ends_by_itself(
    sandbox: DockerSandbox, prepared: Start, client: docker.DockerClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("worker.sandbox.docker.WATCH_PART", 180)  # of 90 s: every half second
    launch, said = prepared("trap '' TERM; echo ready; while :; do sleep 1; done")
    execution = sandbox.start(launch)
    try:
        wait_until(lambda: "ready" in said.text, timeout_secs=10, description="the agent works")
        assert execution.wait(2) is None
        for neighbour in running(client, "neighbour"):
            client.api.kill(neighbour)
        with pytest.raises(SandboxError, match="ended from outside"):
            execution.wait(10)
    finally:
        execution.close()


def test_limits_are_written_on_the_container(
    sandbox: DockerSandbox, prepared: Start, client: docker.DockerClient
) -> None:
    launch, _ = prepared("sleep 60", limits=replace(LIMITS, cpus=1000))
    execution = sandbox.start(launch)
    try:
        inspected = client.api.inspect_container(execution.ref)
        host = inspected["HostConfig"]
        assert host["Memory"] == host["MemorySwap"] == 512 << 20
        assert host["NanoCpus"] == client.info()["NCPU"] * 10**9  # no more than there are
        assert (host["PidsLimit"], host["Privileged"], host["CapDrop"]) == (200, False, ["ALL"])
        labels = inspected["Config"]["Labels"]
        assert labels["mlebench.run"] == "run-1" and labels["mlebench.attempt"] == "attempt-1"
        assert (labels["mlebench.fence"], labels[KIND_LABEL]) == ("3", "agent")
    finally:
        execution.close()


def test_an_image_without_the_user(sandbox: DockerSandbox, prepared: Start) -> None:
    dockerfile = 'FROM python:3.11-slim-bookworm\nCOPY . /home/agent\nENTRYPOINT ["false"]\n'
    launch, said = prepared("id -u; touch $SUBMISSION_DIR/x && echo wrote", dockerfile=dockerfile)
    assert run(sandbox, launch).code == 0
    assert lines(said) == ["0", "wrote"]


def test_an_image_is_built_once_for_its_content(
    sandbox: DockerSandbox, tmp_path: Path, client: docker.DockerClient
) -> None:
    agent = make_agent(tmp_path / "agent", "true")
    first = sandbox.build(agent)
    began = time.monotonic()
    assert sandbox.build(agent) == first
    assert time.monotonic() - began < 0.5
    assert client.images.get(first).id == first
    (agent.folder / "start.sh").write_text("false")
    assert sandbox.build(agent) != first


def test_a_missing_base_image_is_built_first(
    sandbox: DockerSandbox, tmp_path: Path, client: docker.DockerClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = "mlebench-test-base"
    monkeypatch.setattr(images, "BASE_IMAGE", name)
    monkeypatch.setattr(images, "BASE_FOLDER", tmp_path / "base")
    agent = make_agent(tmp_path / "agent", "true", dockerfile=f"FROM {name}\nCOPY . /home/agent\n")
    with pytest.raises(SandboxError, match=f"there is no image {name}, and no folder"):
        sandbox.build(agent)
    (tmp_path / "base").mkdir()
    try:
        built = set()
        for content in ("one", "two"):
            (tmp_path / "base" / "Dockerfile").write_text(f"FROM python:3.11-slim-bookworm\nENV CONTENT={content}\n")
            image = client.images.get(sandbox.build(agent))
            assert f"CONTENT={content}" in image.attrs["Config"]["Env"]
            built.add(image.id)
        assert len(built) == 2
    finally:
        for image in client.images.list("mlebench-agent/test") + client.images.list(name):
            client.images.remove(str(image.id), force=True)


def test_a_step_of_a_build_may_use_half_of_the_hosts_memory(
    sandbox: DockerSandbox, prepared: Start, client: docker.DockerClient
) -> None:
    files = "/sys/fs/cgroup/memory/memory.limit_in_bytes /sys/fs/cgroup/memory.max"
    dockerfile = f"FROM python:3.11-slim-bookworm\nRUN cat {files} > /limit 2> /dev/null || true\nCOPY . /home/agent\n"
    launch, said = prepared("cat /limit", dockerfile=dockerfile)
    run(sandbox, launch)
    assert int(said.text.split()[0]) == pytest.approx(client.info()["MemTotal"] / 2, abs=1 << 20)


@pytest.mark.parametrize("when", ["", "ONBUILD "])
@pytest.mark.parametrize("known", [True, False])
def test_only_known_agents_are_built_in_the_hosts_network(
    sandbox: DockerSandbox, tmp_path: Path, known: bool, when: str
) -> None:
    """Whoever wrote a Dockerfile elsewhere is not to talk to a server without a password on this host."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        probe = f"import socket; socket.create_connection(('127.0.0.1', {server.getsockname()[1]}), 5)"
        dockerfile = f'FROM python:3.11-slim-bookworm\n{when}RUN python3 -c "{probe}"\nCOPY . /home/agent\n'
        agent = replace(make_agent(tmp_path / "agent", "true", dockerfile=dockerfile), known=known)
        if known:
            assert sandbox.build(agent)
        else:
            with pytest.raises(SandboxError, match="cannot be built"):
                sandbox.build(agent)


def test_a_build_that_never_ends_is_given_up(
    sandbox: DockerSandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(images, "BUILD_SECS", 2)
    dockerfile = "FROM python:3.11-slim-bookworm\nRUN for i in $(seq 30); do echo $i; sleep 0.5; done\n"
    with pytest.raises(SandboxError, match="was not built within 2 s"):
        sandbox.build(make_agent(tmp_path / "agent", "true", dockerfile=dockerfile))


def test_a_build_that_fails_shows_its_end(sandbox: DockerSandbox, tmp_path: Path, client: docker.DockerClient) -> None:
    dockerfile = "FROM python:3.11-slim-bookworm\nRUN echo the reason is here; exit 3\n"
    with pytest.raises(SandboxError, match=r"(?s)cannot be built: .*returned a non-zero code: 3.*the reason is here"):
        sandbox.build(make_agent(tmp_path / "agent", "true", dockerfile=dockerfile))
    with pytest.raises(SandboxError, match="Docker: building the image of agent test: "):
        sandbox.build(make_agent(tmp_path / "other", "true", dockerfile="NONSENSE\n"))
    assert ours(client, "helper") == set()


def test_a_start_that_fails_half_way_leaves_nothing(
    sandbox: DockerSandbox, prepared: Start, client: docker.DockerClient
) -> None:
    launch, _ = prepared("true")
    sandbox.build(launch.agent)
    broken = replace(launch, workspace=replace(launch.workspace, data=Path("/nowhere/data")))
    with pytest.raises(SandboxError, match="starting the agent's container"):
        sandbox.start(broken)
    assert ours(client, "agent") == set()
    assert run(sandbox, launch).code == 0


def test_a_container_that_someone_removes_ends_the_wait(
    sandbox: DockerSandbox, prepared: Start, client: docker.DockerClient
) -> None:
    """Whether it looks killed or already gone when we ask depends on who is faster."""
    launch, _ = prepared("sleep 60")
    execution = sandbox.start(launch)
    try:
        client.api.remove_container(execution.ref, force=True)
        assert execution.wait(20) == Exit(code=137, out_of_memory=False)
    except SandboxError as error:
        assert "container" in str(error)
    finally:
        execution.close()
    wait_until(lambda: execution.ref not in ours(client), timeout_secs=5, description="it is gone")


def test_files_can_be_taken_over_by_another_user(
    sandbox: DockerSandbox, prepared: Start, client: docker.DockerClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where the worker is not root: here it pretends to be somebody else."""
    launch, _ = prepared("true")
    run(sandbox, launch)
    (launch.workspace.code / "file").touch()
    monkeypatch.setattr(os, "geteuid", lambda: 4321)
    monkeypatch.setattr(os, "getegid", lambda: 1234)
    take_over_through_container(client, str(client.images.get(IMAGE).id), launch.workspace)
    status = (launch.workspace.code / "file").stat()
    assert (status.st_uid, status.st_gid) == (4321, 1234)


OWN_CHOWN = """FROM python:3.11-slim-bookworm
RUN printf '#!/bin/sh\\n[ ! -d /take ] || id -u > /take/code/mine\\n' > /usr/local/bin/chown
RUN chmod +x /usr/local/bin/chown
RUN cp /usr/local/bin/chown /bin/chown.new && mv /bin/chown.new /bin/chown
RUN useradd --uid 7777 nonroot
COPY . /home/agent
"""


def test_nothing_of_an_agents_image_runs_as_root_when_its_files_are_taken_over(
    sandbox: DockerSandbox, prepared: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its own `chown` would be the engine's root, beside folders of the host."""
    launch, _ = prepared("touch $CODE_DIR/file", dockerfile=OWN_CHOWN)
    execution = sandbox.start(launch)
    assert execution.wait(30) == Exit(code=0, out_of_memory=False)
    monkeypatch.setattr(os, "geteuid", lambda: 4321)
    execution.close()
    monkeypatch.undo()
    assert [path.name for path in launch.workspace.code.iterdir()] == ["file"]
    assert (launch.workspace.code / "file").stat().st_uid == 4321


def test_a_volume_that_an_image_declares_counts_as_memory(sandbox: DockerSandbox, prepared: Start) -> None:
    dockerfile = "FROM python:3.11-slim-bookworm\nVOLUME /scratch\nVOLUME /home/code\nCOPY . /home/agent\n"
    launch, said = prepared(
        "stat --file-system --format %T /scratch; touch /scratch/x /home/code/y", dockerfile=dockerfile
    )
    assert run(sandbox, launch) == Exit(code=0, out_of_memory=False)
    assert "tmpfs" in said.text
    assert (launch.workspace.code / "y").exists()


ABANDON = """
import sys, time
from pathlib import Path
from tests.sandbox.launching import make_agent, make_launch
from worker.sandbox.docker import DockerSandbox
root = Path(sys.argv[1])
launch, said = make_launch(root, make_agent(root / "agent", "echo ready; sleep 600"))
sandbox = DockerSandbox(root / "sandbox")
execution = sandbox.start(launch)
while "ready" not in said.text:
    time.sleep(0.05)
print(execution.ref, flush=True)
time.sleep(600)
"""


def test_sweep_removes_what_a_killed_worker_left(
    sandbox: DockerSandbox, tmp_path: Path, client: docker.DockerClient
) -> None:
    worker = subprocess.Popen(
        [sys.executable, "-c", ABANDON, str(tmp_path)], cwd=REPO, stdout=subprocess.PIPE, text=True
    )
    assert worker.stdout is not None
    with worker.stdout:
        abandoned = worker.stdout.readline().strip()
    sandbox.sweep()
    assert exists(client, abandoned)  # its worker lives
    worker.send_signal(signal.SIGKILL)
    worker.wait()
    successor = DockerSandbox(tmp_path / "sandbox")
    try:
        assert successor.sweep(spare=[abandoned]) == 0  # with its neighbour and socket: others may adopt it
        assert exists(client, abandoned)
        assert successor.sweep() >= 3  # agent, neighbour, socket
        assert not exists(client, abandoned)
        assert list((tmp_path / "sandbox" / "neighbours").iterdir()) == []
    finally:
        successor.close()


def test_sweep_removes_neighbours_that_ended_when_the_host_was_switched_off(
    tmp_path: Path, client: docker.DockerClient
) -> None:
    boot = "00000000-1111-2222-3333-444444444444-1"
    marks = {WORKER_LABEL: str(replace(WorkerId.of_process(os.getpid()), pid_namespace=boot))}
    kinds = {"ended": "neighbour", "runs": "neighbour", "agent": "agent"}
    containers = {
        name: client.api.create_container(
            "python:3.11-slim-bookworm",
            command=["sleep", "600" if name == "runs" else "0"],
            labels={**marks, KIND_LABEL: kind, FOLDER_LABEL: str(tmp_path / "sandbox")},
            network_disabled=True,
        )["Id"]
        for name, kind in kinds.items()
    }
    folder = tmp_path / "sandbox" / "neighbours" / "of-before"
    folder.mkdir(parents=True)
    (folder / "owner").write_text(marks[WORKER_LABEL])
    sandbox = DockerSandbox(tmp_path / "sandbox")
    try:
        for name, container in containers.items():
            client.api.start(container)
            if name != "runs":
                client.api.wait(container)
        assert sandbox.sweep() == 2  # the neighbour that ended, and the folder
        assert {name for name, container in containers.items() if exists(client, container)} == {"runs", "agent"}
        assert not folder.exists()
    finally:
        sandbox.close()
        for container in containers.values():
            remove(client, container)


LEFT = """
import sys, time
from pathlib import Path
from tests.sandbox.launching import make_agent, make_launch
from worker.sandbox.docker import DockerSandbox
root = Path(sys.argv[1])
launch, said = make_launch(root, make_agent(root / "agent", sys.argv[2]))
sandbox = DockerSandbox(root / "sandbox")
execution = sandbox.start(launch)
while "one" not in said.text:
    time.sleep(0.05)
(launch.workspace.root / "run.log").write_text(said.text)
print(execution.ref, flush=True)
time.sleep(600)
"""
WORKING_ON = """
echo one
sleep 3
curl --silent --form "file=@$DATA_DIR/train.csv" "$VALIDATION_URL"
echo two
exit 7
"""


def test_an_agent_outlives_its_worker_and_is_adopted(tmp_path: Path, client: docker.DockerClient) -> None:
    worker = subprocess.Popen(
        [sys.executable, "-c", LEFT, str(tmp_path), WORKING_ON], cwd=REPO, stdout=subprocess.PIPE, text=True
    )
    assert worker.stdout is not None
    with worker.stdout:
        abandoned = worker.stdout.readline().strip()
    worker.send_signal(signal.SIGKILL)
    worker.wait()
    successor = DockerSandbox(tmp_path / "sandbox")
    try:
        (leftover,) = [found for found in successor.leftovers() if found.ref == abandoned]
        launch, said = make_launch(tmp_path, make_agent(tmp_path / "agent", WORKING_ON))
        launch = replace(launch, seen_until=(launch.workspace.root / "run.log").stat().st_mtime)
        leftover.claim()
        execution = leftover.adopt(launch)
        assert successor.sweep() == 0  # what was adopted is nobody's remains
        assert abandoned not in {found.ref for found in successor.leftovers()}
        assert execution.wait(20) == Exit(code=7, out_of_memory=False)
        assert "two" in said.text
        assert "one" not in said.text  # run.log had it already
        assert "Submission is valid." in said.text
        execution.close()
    finally:
        successor.close()
    assert not exists(client, abandoned)


def test_an_agent_that_nobody_adopts_ends_by_itself(tmp_path: Path, client: docker.DockerClient) -> None:
    sandbox = DockerSandbox(tmp_path / "sandbox", orphan_secs=6)
    launch, _ = make_launch(tmp_path, make_agent(tmp_path / "agent", "trap '' TERM; while :; do sleep 1; done"))
    execution = sandbox.start(launch)
    (found,) = [c for c in client.api.containers(filters={"label": f"mlebench.attempt={launch.attempt_id}"})]
    folder = sandbox._neighbours._folder / found["Labels"]["mlebench.neighbour"] / "socket" / "validation.sock"
    try:
        assert execution.wait(8) is None  # its worker is there
        folder.unlink()  # as if it were not
        with pytest.raises(SandboxError, match="its worker was gone for too long"):
            execution.wait(14)
    finally:
        execution.close()
        sandbox.close()


def test_a_paused_agent_does_nothing_until_it_goes_on(sandbox: DockerSandbox, prepared: Start) -> None:
    launch, said = prepared("for n in 1 2 3 4 5 6; do echo $n; sleep 0.5; done")
    execution = sandbox.start(launch)
    try:
        wait_until(lambda: "1" in said.text, timeout_secs=10, description="the agent works")
        execution.pause(True)
        before = said.text
        assert execution.wait(2) is None
        assert len(said.text) <= len(before) + 2
        execution.pause(False)
        assert execution.wait(10) == Exit(code=0, out_of_memory=False)
    finally:
        execution.close()
