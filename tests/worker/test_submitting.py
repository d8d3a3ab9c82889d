"""Wrong input is named before anything is written or queued; right input is queued longest first."""

import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from core.errors import InputError
from store.runs import Store
from tasks.registry import COMPETITIONS, load_competition
from worker.settings import Settings, load_settings
from worker.submitting import Order, create_run, in_queue_order, plan

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


def test_an_agent_without_a_dockerfile_cannot_run_in_docker(settings: Settings, tmp_path: Path) -> None:
    bare = tmp_path / "agents" / "bare"
    bare.mkdir(parents=True)
    (bare / "agent.yaml").write_text("start: start.sh\n")
    (bare / "start.sh").write_text("exit 0\n")
    own = settings.model_copy(update={"agents_path": str(tmp_path / "agents")})
    with pytest.raises(InputError, match="agent bare has no Dockerfile"):
        plan(replace(ORDER, agent="bare", sandbox="docker"), own, local=True)
    assert plan(replace(ORDER, agent="bare"), own, local=True).agent.id == "bare"


def test_workers_elsewhere_choose_their_own_sandbox_and_data(settings: Settings) -> None:
    planned = plan(replace(ORDER, sandbox="auto", data_dir=Path("/only/there")), settings, local=False)
    assert planned.request.sandbox == "auto"
    assert planned.request.data_dir == "/only/there"


def test_a_secret_from_the_env_file_counts(settings: Settings, tmp_path: Path) -> None:
    assert "TALKER_MODEL_KEY" not in os.environ
    (tmp_path / ".env").write_text("TALKER_MODEL_KEY=sesame-open\n")
    assert plan(replace(ORDER, agent="talker"), settings, local=True).agent.id == "talker"


def test_the_longest_expected_attempts_come_first() -> None:
    roots = [COMPETITIONS, FIXTURES / "competitions"]
    tiny = load_competition("tiny", roots=roots)
    slow = replace(tiny, id="slow", expected_secs=500.0)
    unknown = replace(tiny, id="unknown", expected_secs=None)
    ordered = in_queue_order([tiny, slow, unknown], seeds=2, techniques=(), time_limit_secs=1000.0)
    assert [(competition.id, seed) for competition, _, seed in ordered] == [
        ("unknown", 0),
        ("unknown", 1),
        ("slow", 0),
        ("slow", 1),
        ("tiny", 0),
        ("tiny", 1),
    ]
