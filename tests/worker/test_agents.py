"""Agents from anywhere are checked when they are submitted, and arrive at workers as they were."""

import sqlite3
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from agents.contents import pack, read_folder
from agents.registry import Agent, agent_roots
from core.errors import InfrastructureError, InputError, MlebenchError
from store.folders import AGENT_ARCHIVE
from store.records import Run
from store.runs import Store
from tests.agents.repositories import AGENT, Repository
from worker.agents import packed_agent, submitted_agent
from worker.consent import PRIVILEGED_CONSENT
from worker.places import run_folder
from worker.settings import Settings, load_settings
from worker.submitting import Order, create_run, plan

FIXTURES = Path(__file__).resolve().parent.parent / "fixtures"
PRIVILEGED = {**AGENT, "agent.yaml": "privileged: true\n"}


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """Of a host that knows no agents but the repository's."""
    monkeypatch.delenv(PRIVILEGED_CONSENT, raising=False)
    return load_settings(
        data_dir=tmp_path / "data",
        runs_dir=tmp_path / "runs",
        competitions_path=str(FIXTURES / "competitions"),
        env_file=tmp_path / ".env",
    )


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    opened = Store.open(f"sqlite:///{tmp_path / 'runs.db'}")
    yield opened
    opened.close()


def folder_with(folder: Path, files: dict[str, str]) -> Path:
    folder.mkdir(parents=True)
    for name, content in files.items():
        (folder / name).write_text(content)
    return folder


def order(agent: object, variant: str | None = None) -> Order:
    return Order(agent=str(agent), variant=variant, agent_sources=True, competitions=("tiny",), sandbox="process")


def submitted(agent: object, settings: Settings, store: Store) -> Run:
    return create_run(plan(order(agent), settings, local=True), store)


def arrived(run: Run, settings: Settings, live: Path) -> Agent | MlebenchError:
    return submitted_agent(run, run_folder(run.run_dir, settings), live, settings, roots=agent_roots(None))


def test_a_folders_agent_arrives_though_the_folder_is_gone(settings: Settings, store: Store, tmp_path: Path) -> None:
    folder = folder_with(tmp_path / "my-agent", AGENT)
    run = create_run(plan(order(folder, "dev"), settings, local=True), store)
    assert (run.request.agent_id, run.request.agent_source) == ("my-agent/dev", str(folder))
    assert Path(run.run_dir).name.endswith("_run-group_my-agent-dev")
    folder.rename(tmp_path / "gone")
    agent = arrived(store.run(run.run_id), settings, tmp_path / "live")
    assert isinstance(agent, Agent)
    assert (agent.id, agent.folder) == ("my-agent/dev", tmp_path / "live" / "submitted" / "my-agent")
    assert agent.kwargs == {"steps": 1}
    again = arrived(run, settings, tmp_path / "live")  # as when the try is adopted
    assert again == agent


def test_a_repositorys_agent_is_recorded_at_its_commit(settings: Settings, store: Store, tmp_path: Path) -> None:
    repository = Repository.create(tmp_path / "agents.git", {f"mine/{name}": text for name, text in AGENT.items()})
    commit = repository.git("rev-parse", "HEAD")
    run = submitted(f"{repository.url}@main#subdirectory=mine", settings, store)
    assert run.request.agent_id == "mine"
    assert run.request.agent_source == f"{repository.url}@{commit}#subdirectory=mine"
    repository.commit({"mine/start.sh": "exit 1\n"})
    agent = arrived(run, settings, tmp_path / "live")
    assert isinstance(agent, Agent)
    assert (agent.folder / "start.sh").read_text() == "exit 0\n"
    again = submitted(run.request.agent_source, settings, store)
    assert again.request.agent_hash == run.request.agent_hash


def test_only_who_may_can_name_folders_and_repositories(settings: Settings, tmp_path: Path) -> None:
    folder = folder_with(tmp_path / "mine", AGENT)
    repository = Repository.create(tmp_path / "other", AGENT)
    for text in (str(folder), repository.url, "agents/dummy", "../mine", "~/mine"):
        with pytest.raises(InputError, match=r"not an agent id|unknown agent"):
            plan(replace(order(text), agent_sources=False), settings, local=True)


def test_a_variant_is_said_once(settings: Settings) -> None:
    with pytest.raises(InputError, match="the variant once"):
        packed_agent("dummy/dev", settings, variant="dev")
    with pytest.raises(InputError, match="unknown agent 'dummy/dev'"):
        packed_agent("dummy", settings, variant="dev")


@pytest.mark.parametrize("kind", ["folder", "repository"])
def test_a_privileged_agent_needs_consent_of_the_submitter_and_of_every_worker(
    settings: Settings, store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    source = (
        str(folder_with(tmp_path / "mine", PRIVILEGED))
        if kind == "folder"
        else Repository.create(tmp_path / "mine", PRIVILEGED).url
    )
    with pytest.raises(InputError, match=f"{PRIVILEGED_CONSENT}=true"):
        plan(order(source), settings, local=False)
    monkeypatch.setenv(PRIVILEGED_CONSENT, "False")
    with pytest.raises(InputError, match=f"{PRIVILEGED_CONSENT}=true"):
        plan(order(source), settings, local=False)
    with monkeypatch.context() as consenting:
        consenting.setenv(PRIVILEGED_CONSENT, "true")
        run = submitted(source, settings, store)
        agent = arrived(run, settings, tmp_path / "live")
        assert isinstance(agent, Agent)
        assert agent.privileged
    refused = arrived(run, settings, tmp_path / "other")
    assert isinstance(refused, InputError)
    assert f"{PRIVILEGED_CONSENT}=true" in str(refused)


def test_the_runners_own_settings_are_no_secrets_for_agents_from_elsewhere(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLEBENCH_DATABASE_URL", "postgresql://u:sesame@h/d")
    asking = {**AGENT, "agent.yaml": "env_vars: {X: '${{ secrets.MLEBENCH_DATABASE_URL }}'}\n"}
    with pytest.raises(InputError, match="asks for MLEBENCH_DATABASE_URL"):
        plan(order(folder_with(tmp_path / "mine", asking)), settings, local=False)


def test_errors_of_a_repository_name_it_and_no_folder_of_ours(settings: Settings, tmp_path: Path) -> None:
    repository = Repository.create(tmp_path / "mine", {**AGENT, "agent.yaml": "netwrok: true\n"})
    with pytest.raises(InputError, match=r"git\+file://.*/mine@[0-9a-f]{40}/agent.yaml: unknown key 'netwrok'"):
        plan(order(repository.url), settings, local=True)
    for source in (Repository.create(tmp_path / "none", {"start.sh": ""}).url, folder_with(tmp_path / "bare", {})):
        with pytest.raises(InputError, match=r"there is no agent\.yaml in it"):
            plan(order(source), settings, local=True)
    docker = replace(order(Repository.create(tmp_path / "plain", AGENT).url), sandbox="docker")
    with pytest.raises(InputError, match=r"has no Dockerfile in git\+file://"):
        plan(docker, settings, local=True)


def test_an_archive_that_is_not_what_was_submitted_is_refused(settings: Settings, store: Store, tmp_path: Path) -> None:
    folder = folder_with(tmp_path / "mine", AGENT)
    run = submitted(folder, settings, store)
    archive = Path(run.run_dir) / AGENT_ARCHIVE
    archive.write_bytes(archive.read_bytes()[:700])
    damaged = arrived(run, settings, tmp_path / "live")
    assert isinstance(damaged, MlebenchError)
    assert f"{AGENT_ARCHIVE} of run {run.run_id} is not a whole archive" in str(damaged)
    (folder / "start.sh").write_text("exit 1\n")
    archive.write_bytes(pack(read_folder(folder)))
    other = arrived(run, settings, tmp_path / "live")
    assert isinstance(other, InfrastructureError)
    assert "is not what was submitted" in str(other)


def test_a_run_that_is_older_than_archives_finds_its_agent_on_the_host(
    settings: Settings, store: Store, tmp_path: Path
) -> None:
    run = submitted("dummy", settings, store)
    assert run.request.agent_source is None
    (Path(run.run_dir) / AGENT_ARCHIVE).unlink()
    agent = arrived(run, settings, tmp_path / "live")
    assert isinstance(agent, Agent)
    assert agent.folder == agent_roots(None)[0] / "dummy"
    other = arrived(replace(run, request=replace(run.request, agent_hash="0" * 64)), settings, tmp_path / "live")
    assert isinstance(other, InfrastructureError)
    assert "bring this host up to date" in str(other)


def test_a_run_that_cannot_be_written_leaves_no_folder(settings: Settings, store: Store, tmp_path: Path) -> None:
    planned = plan(order(folder_with(tmp_path / "mine", AGENT)), settings, local=True)
    with sqlite3.connect(tmp_path / "runs.db") as database:
        database.execute("CREATE TRIGGER full BEFORE INSERT ON attempts BEGIN SELECT RAISE(ABORT, 'no room'); END")
    database.close()
    with pytest.raises(Exception, match="no room"):
        create_run(planned, store)
    assert list((tmp_path / "runs").iterdir()) == []


def test_nothing_of_a_repository_stays_in_the_temporary_folder(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "tmp").mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "tmp"))
    repository = Repository.create(tmp_path / "mine", AGENT)
    plan(order(repository.url), settings, local=True)
    with pytest.raises(InputError):
        plan(order(f"{repository.url}@nowhere"), settings, local=True)
    assert list((tmp_path / "tmp").iterdir()) == []
    assert subprocess.run(["git", "status", "--short"], cwd=repository.path, capture_output=True).stdout == b""
