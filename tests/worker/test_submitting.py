"""Wrong input is named before anything is written or queued; right input is queued longest first."""

import json
import os
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from core.errors import InputError, SandboxError
from core.resources import GIB, Capacity, Resources
from core.status import Status
from store.hosts import Worker
from store.records import Outcome, RunRequest
from store.runs import Store
from tests.records import a_request
from worker.context import SANDBOXES, choose_sandbox
from worker.settings import Settings, load_settings
from worker.submitting import Order, check_runnable, create_run, hosts_of, in_queue_order, plan

FIXTURES = Path(__file__).resolve().parent.parent / "fixtures"


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return load_settings(
        data_dir=tmp_path / "data",
        runs_dir=tmp_path / "runs",
        agents_path=str(FIXTURES / "agents"),
        competitions_path=str(FIXTURES / "competitions"),
        env_file=tmp_path / ".env",
    )


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    opened = Store.open(f"sqlite:///{tmp_path / 'runs.db'}")
    yield opened
    opened.close()


ORDER = Order(agent="solver", competitions=("tiny",), sandbox="process")


def test_a_good_order_becomes_a_run_with_its_attempts(settings: Settings, store: Store) -> None:
    run = create_run(plan(replace(ORDER, seeds=3), settings, local=True), store)
    assert run == store.run(run.run_id)
    assert [row.seed for row in store.progress(run.run_id)] == [0, 1, 2]
    assert Path(run.run_dir).is_dir()
    assert run.request.sandbox == "process"
    assert len(run.request.agent_hash) == 64


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"competitions": ("tyni",)}, "unknown competition 'tyni'; did you mean tiny"),
        ({"competitions": ("tiny", "tiny")}, "names a competition twice"),
        ({"agent": "slover"}, "unknown agent 'slover'; did you mean solver"),
        ({"agent": "talker"}, "TALKER_MODEL_KEY"),
        ({"competitions": (), "split": "deb"}, "unknown split 'deb'; did you mean dev"),
        ({"split": "dev"}, "split dev does not hold tiny"),
        ({"techniques": ("imbalanse",)}, "unknown technique 'imbalanse'; did you mean imbalance"),
        ({"seeds": 0}, "--seeds 0: expected"),
        ({"time_limit_secs": 0.0}, "--time-limit 0: expected"),
        ({"time_limit_secs": float("nan")}, "--time-limit nan: expected"),
        ({"max_cost_usd": 0.0}, "--max-cost 0: expected USD greater than 0"),
        ({"max_cost_per_attempt_usd": float("nan")}, "--max-cost-per-attempt nan: expected USD"),
        ({"max_calls_per_minute": -1.0}, "--max-calls-per-minute -1: expected a number greater than 0"),
        ({"sandbox": "dokcer"}, "unknown sandbox 'dokcer'; did you mean docker"),
        ({"data_dir": Path("/proc/nowhere")}, "data folder /proc/nowhere"),
        ({"runs_dir": Path("/dev/null/runs")}, "runs folder /dev/null/runs cannot be made: /dev/null is a file"),
    ],
)
def test_wrong_input_is_named_and_leaves_nothing(
    settings: Settings, tmp_path: Path, change: dict[str, object], message: str
) -> None:
    with pytest.raises(InputError) as caught:
        plan(replace(ORDER, **change), settings, local=True)  # type: ignore[arg-type]  # one field of many types
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)
    assert list(tmp_path.iterdir()) == []


def test_a_nearly_full_disk_is_named(settings: Settings) -> None:
    tight = settings.model_copy(update={"min_free_disk_gb": 1e9})
    with pytest.raises(InputError, match=r"nearly full: .* GB free"):
        plan(ORDER, tight, local=True)


def test_docker_asked_for_and_not_there_is_named(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_HOST", "unix:///nowhere/docker.sock")
    with pytest.raises(InputError, match="no Docker engine answers"):
        plan(replace(ORDER, sandbox="docker"), settings, local=True)
    assert plan(replace(ORDER, sandbox="auto"), settings, local=True).request.sandbox == "process"


@pytest.mark.parametrize(
    ("place", "message"), [("/dev/null/x", "cannot be made: /dev/null is a file"), ("/proc/x", "is on no disk")]
)
def test_a_folder_for_sandboxes_that_cannot_be_is_named(settings: Settings, place: str, message: str) -> None:
    own = settings.model_copy(update={"sandbox_dir": Path(place)})
    with pytest.raises(InputError, match=f"the folder for sandboxes {place} .*{message}.* with MLEBENCH_SANDBOX_DIR"):
        plan(ORDER, own, local=True)
    assert plan(ORDER, own, local=False).competitions, "workers elsewhere have folders of their own"


def test_the_engine_is_the_one_that_the_env_file_names(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DOCKER_HOST", raising=False)
    (tmp_path / ".env").write_text("DOCKER_HOST=unix:///nowhere/docker.sock\n")
    settings = load_settings(sandbox_dir=tmp_path / "sandbox", env_file=tmp_path / ".env")
    assert choose_sandbox("auto", settings) == "process"
    with pytest.raises(SandboxError, match="connecting to the engine"):
        SANDBOXES["docker"](settings)


def test_an_agent_without_a_dockerfile_cannot_run_in_docker(settings: Settings, tmp_path: Path) -> None:
    bare = tmp_path / "agents" / "bare"
    bare.mkdir(parents=True)
    (bare / "agent.yaml").write_text("start: start.sh\n")
    (bare / "start.sh").write_text("exit 0\n")
    own = settings.model_copy(update={"agents_path": str(tmp_path / "agents")})
    with pytest.raises(InputError, match="agent bare has no Dockerfile"):
        plan(replace(ORDER, agent="bare", sandbox="docker"), own, local=True)
    assert plan(replace(ORDER, agent="bare"), own, local=True).agent.id == "bare"


def test_a_plain_process_is_refused_where_it_is_not_allowed(settings: Settings) -> None:
    """What workers elsewhere allow is not known here."""
    own = settings.model_copy(update={"process_allowed": False})
    with pytest.raises(InputError, match="MLEBENCH_PROCESS_ALLOWED=false"):
        plan(ORDER, own, local=True)
    assert plan(ORDER, own, local=False).request.sandbox == "process"


def test_workers_elsewhere_choose_their_own_sandbox_and_data(settings: Settings) -> None:
    planned = plan(replace(ORDER, sandbox="auto", data_dir=Path("/only/there")), settings, local=False)
    assert planned.request.sandbox == "auto"
    assert planned.request.data_dir == "/only/there"


def test_a_secret_from_the_env_file_counts(settings: Settings, tmp_path: Path) -> None:
    assert "TALKER_MODEL_KEY" not in os.environ
    (tmp_path / ".env").write_text("TALKER_MODEL_KEY=sesame-open\n")
    allowed = settings.model_copy(update={"network_allowed": True})
    assert plan(replace(ORDER, agent="talker"), allowed, local=True).agent.id == "talker"


def test_what_a_model_needs_is_checked_beforehand(settings: Settings, tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("OPENAI_API_KEY=sk-1\nOPENAI_BASE_URL=localhost:8000\n")
    with pytest.raises(InputError, match="OPENAI_BASE_URL is not an address"):
        plan(replace(ORDER, agent="caller"), settings, local=True)
    (tmp_path / ".env").write_text("OPENAI_API_KEY=sk-1\n")
    elsewhere = settings.model_copy(update={"model_prices": tmp_path / "nowhere.yaml"})
    with pytest.raises(InputError, match=r"nowhere\.yaml cannot be read"):
        plan(replace(ORDER, agent="caller"), elsewhere, local=True)
    request = plan(replace(ORDER, agent="caller", max_cost_usd=2.5), settings, local=True).request
    assert RunRequest.from_json(request.to_json()).max_cost_usd == 2.5


def test_a_network_needs_the_operators_consent(settings: Settings, tmp_path: Path) -> None:
    """Where workers elsewhere run the agent, the consent is theirs."""
    (tmp_path / ".env").write_text("TALKER_MODEL_KEY=sesame-open\n")
    with pytest.raises(InputError, match=r"agent talker asks for a network .* set MLEBENCH_NETWORK_ALLOWED=true"):
        plan(replace(ORDER, agent="talker"), settings, local=True)
    assert plan(replace(ORDER, agent="talker"), settings, local=False).agent.network


@pytest.mark.parametrize("local", [True, False])
def test_a_secret_is_not_given_to_an_agent_without_a_network(settings: Settings, tmp_path: Path, local: bool) -> None:
    folder = tmp_path / "agents" / "holder"
    folder.mkdir(parents=True)
    (folder / "start.sh").write_text("exit 0\n")
    (folder / "agent.yaml").write_text("env_vars: {A: '${{ secrets.ONE }}', B: '${{ secrets.OPENAI_API_KEY }}'}\n")
    (tmp_path / ".env").write_text("ONE=sesame\nOPENAI_API_KEY=sk-1\n")
    own = settings.model_copy(update={"agents_path": str(tmp_path / "agents"), "network_allowed": True})
    with pytest.raises(InputError, match="agent holder asks for ONE, but has no network to use it in"):
        plan(replace(ORDER, agent="holder"), own, local=local)
    (folder / "agent.yaml").write_text("env_vars: {B: '${{ secrets.OPENAI_API_KEY }}'}\n")
    assert plan(replace(ORDER, agent="holder"), own, local=local).agent.asks_for_model


def test_the_longest_expected_attempts_come_first() -> None:
    expected = {"tiny": 20.0, "slow": 500.0, "unknown": 1000.0}
    ordered = in_queue_order(list(expected), expected_secs=expected, seeds=2, techniques=())
    assert [(competition, seed) for competition, _, seed in ordered] == [
        ("unknown", 0),
        ("unknown", 1),
        ("slow", 0),
        ("slow", 1),
        ("tiny", 0),
        ("tiny", 1),
    ]


def test_who_asks_and_what_is_expected_goes_with_the_run(settings: Settings) -> None:
    own = settings.model_copy(update={"submitter": "ada"})
    request = plan(replace(ORDER, priority=3, time_limit_secs=7.0), own, local=True).request
    assert (request.user, request.priority) == ("ada", 3)
    assert set(request.expected_secs) == set(request.competitions)
    assert max(request.expected_secs.values()) <= 7.0
    assert RunRequest.from_json(json.loads(json.dumps(request.to_json()))) == request


def test_what_earlier_attempts_took_is_expected_of_new_ones(settings: Settings, store: Store) -> None:
    order = plan(replace(ORDER, time_limit_secs=50.0), settings, local=True)
    for took, expected in ((7.0, 7.0), (1000.0, 50.0)):
        run = create_run(order, store)
        [attempt] = store.attempts(run.run_id)
        lease = store.acquire(attempt.attempt_id, owner="w", lease_secs=60)
        assert lease is not None
        outcome = Outcome(status=Status.AGENT_FAILED, message="", agent_secs=took, exit_code=1)
        store.give_up(lease, outcome, error="")
        assert store.run(create_run(order, store).run_id).request.expected_secs == {"tiny": expected}


def test_what_this_host_cannot_run_is_refused(settings: Settings, tmp_path: Path) -> None:
    agent = tmp_path / "agents" / "hungry"
    agent.mkdir(parents=True)
    (agent / "start.sh").write_text("true")
    (agent / "agent.yaml").write_text("resources: {cpus: 4, gpus: 2, labels: [fast]}")
    small = {"agents_path": str(tmp_path / "agents"), "host_cpus": 8.0, "host_gpus": "0", "host_labels": "fast"}
    own = settings.model_copy(update=small)
    with pytest.raises(InputError, match=r"asks for cpus 4, gpus 2, labels fast.*8 CPUs, .*1 GPUs, labels fast"):
        plan(replace(ORDER, agent="hungry"), own, local=True)
    enough = own.model_copy(update={"host_gpus": "0,1"})
    assert plan(replace(ORDER, agent="hungry"), enough, local=True).request.needs_of("tiny").gpus == 2


def test_workers_of_one_host_count_as_one_host(settings: Settings) -> None:
    now = datetime.now(UTC)
    capacity = Capacity(cpus=8, memory_bytes=8 * GIB)
    workers = [
        Worker(worker=name, host=host, slots=2, capacity=capacity, started_at=now, seen_at=now, unseen_secs=0.0)
        for name, host in (("a", "one"), ("b", "one"), ("c", "two"))
    ]
    assert [host.slots for host in hosts_of(workers, settings)] == [4, 2]
    check_runnable(a_request(needs={"tiny": Resources(cpus=8)}), hosts_of(workers, settings))
    with pytest.raises(InputError, match="no worker can run this: tiny asks for cpus 9"):
        check_runnable(a_request(needs={"tiny": Resources(cpus=9)}), hosts_of(workers, settings))


FROM_KAGGLE = replace(ORDER, competitions=("tiny-kaggle",))


def test_data_that_cannot_be_downloaded_is_named_before_anything_is_queued(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    for name in ("KAGGLE_USERNAME", "KAGGLE_KEY", "KAGGLE_API_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(InputError, match="no Kaggle credentials, needed to download tiny-kaggle: set KAGGLE_API_TOKEN"):
        plan(FROM_KAGGLE, settings, local=True)
    assert plan(FROM_KAGGLE, settings, local=False).competitions  # workers have their own
    (tmp_path / ".env").write_text("KAGGLE_API_TOKEN=sesame-open\n")
    assert plan(FROM_KAGGLE, settings, local=True).competitions


@pytest.mark.parametrize("here", ["raw/train.csv", "tiny-kaggle.zip"])
def test_data_that_is_here_needs_no_credentials(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, here: str
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    path = tmp_path / "data" / "tiny-kaggle" / here
    path.parent.mkdir(parents=True)
    path.touch()
    assert plan(FROM_KAGGLE, settings, local=True).competitions
