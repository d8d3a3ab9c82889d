"""Settings come from arguments, the environment and a file, in this order, and what is wrong is named."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import InputError
from worker.settings import (
    SandboxChoice,
    Settings,
    database_url,
    environment,
    load_settings,
    secrets,
    variable,
    without_password,
)


@pytest.fixture(autouse=True)
def bare_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No variable of the machine that runs the tests, and a file of the test's own."""
    for field in Settings.model_fields:
        monkeypatch.delenv(variable(field), raising=False)
    monkeypatch.setenv("MLEBENCH_ENV_FILE", str(tmp_path / ".env"))


def test_without_anything_the_defaults_hold(tmp_path: Path) -> None:
    settings = load_settings()
    assert settings.broker_url is None
    assert settings.sandbox is SandboxChoice.AUTO
    assert settings.time_limit_secs == 24 * 3600
    assert settings.data_dir == Path.home() / ".cache/mle-bench/data"
    assert settings.runs_dir.name == "runs"
    assert database_url(settings) == f"sqlite:///{settings.runs_dir}/mlebench.db"


def test_arguments_come_before_the_environment_and_the_environment_before_the_file(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / ".env").write_text("MLEBENCH_MAX_TRIES=7\nMLEBENCH_GRACE_SECS=7\nMLEBENCH_WORKERS=7\n")
    monkeypatch.setenv("MLEBENCH_GRACE_SECS", "8")
    monkeypatch.setenv("MLEBENCH_WORKERS", "8")
    settings = load_settings(workers=9, pids_limit=None)
    assert (settings.max_tries, settings.grace_secs, settings.workers) == (7, 8, 9)
    assert settings.pids_limit == 4096, "None means not given"


def test_known_names_are_read_without_a_prefix(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("KAGGLE_USERNAME=someone\n")
    monkeypatch.setenv("OPENAI_API_KEY", "sk-123")
    settings = load_settings()
    assert settings.kaggle_username == "someone"
    assert settings.openai_api_key is not None
    assert settings.openai_api_key.get_secret_value() == "sk-123"


def test_an_empty_variable_is_as_good_as_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLEBENCH_BROKER_URL", "")
    assert load_settings().broker_url is None


def test_every_wrong_variable_is_named_on_a_line_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLEBENCH_LEASE_SECS", "soon")
    monkeypatch.setenv("MLEBENCH_SANDBOX", "podman")
    monkeypatch.setenv("MLEBENCH_WORKERS", "0")
    with pytest.raises(InputError) as caught:
        load_settings()
    lines = sorted(str(caught.value).splitlines())
    assert [line.partition("=")[0] for line in lines] == [
        "MLEBENCH_LEASE_SECS",
        "MLEBENCH_SANDBOX",
        "MLEBENCH_WORKERS",
    ]
    assert lines[1] == "MLEBENCH_SANDBOX=podman: expected 'auto', 'docker' or 'process'"


def test_a_wrong_broker_is_shown_without_its_password() -> None:
    with pytest.raises(InputError) as caught:
        load_settings(broker_url="amqp://me:hunter2@host")
    assert str(caught.value).startswith("MLEBENCH_BROKER_URL=amqp://me:***@host: expected redis://")


def test_a_heartbeat_that_is_slower_than_the_lease_is_refused() -> None:
    with pytest.raises(InputError, match=r"^MLEBENCH_HEARTBEAT_SECS=50: expected less than half of"):
        load_settings(lease_secs=60, heartbeat_secs=50)


def test_an_object_store_in_place_of_a_folder_comes_with_a_folder_of_this_host(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("MLEBENCH_RUNS_DIR", "s3://bench/runs")
    monkeypatch.setenv("MLEBENCH_SCRATCH_DIR", str(tmp_path))
    settings = load_settings(data_dir="s3://bench/data")
    assert (settings.runs_store, settings.runs_dir) == ("s3://bench/runs", tmp_path / "runs")
    assert (settings.data_store, settings.data_dir) == ("s3://bench/data", tmp_path / "data")
    assert database_url(settings) == f"sqlite:///{tmp_path}/runs/mlebench.db"
    for name, value in environment(settings).items():
        monkeypatch.setenv(name, value)
    assert load_settings() == settings


def test_a_folder_may_be_a_url(tmp_path: Path) -> None:
    settings = load_settings(runs_dir=f"file://{tmp_path}/a%20b")
    assert (settings.runs_dir, settings.runs_store) == (tmp_path / "a b", None)


@pytest.mark.parametrize(
    ("address", "shown"),
    [
        ("gs://bench/runs", "gs://bench/runs"),
        ("s3://Bench", "s3://Bench"),
        ("file://host/runs", "file://host/runs"),
        ("s3://key:hunter2@bench/runs", "s3://key:***@bench/runs"),
    ],
)
def test_an_address_that_is_none_is_named(address: str, shown: str) -> None:
    with pytest.raises(InputError) as caught:
        load_settings(runs_dir=address)
    assert str(caught.value) == f"MLEBENCH_RUNS_DIR={shown}: expected a folder or s3://bucket/prefix"


def test_no_such_setting_is_the_callers_mistake() -> None:
    with pytest.raises(TypeError, match="no such settings: colour"):
        load_settings(colour="blue")


def test_settings_do_not_show_secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    for field in Settings.secret_fields():
        value = "redis://:hunter2@host" if field == "broker_url" else "hunter2"
        monkeypatch.setenv(variable(field), value)
    shown = repr(load_settings())
    assert "hunter2" not in shown
    assert "lease_secs" in shown


def test_the_environment_of_a_child_gives_the_same_settings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    settings = load_settings(broker_url="redis://h/1", runs_dir=tmp_path, sandbox="process", kaggle_key="k", cpus=1.5)
    for name, value in environment(settings).items():
        monkeypatch.setenv(name, value)
    assert load_settings() == settings


def test_every_setting_has_a_documented_variable() -> None:
    documented = (Path(__file__).parents[2] / "worker" / "settings.py").read_text()
    for field in Settings.model_fields:
        assert f'"""{variable(field)}: ' in documented, field


def test_secrets_are_the_environment_and_behind_it_the_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("A_KEY=file\nB_KEY=file\nEMPTY=\n")
    monkeypatch.setenv("A_KEY", "environment")
    known = secrets(load_settings())
    assert (known["A_KEY"], known["B_KEY"]) == ("environment", "file")
    assert "EMPTY" not in known


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("redis://:pw@host:6379/0", "redis://:***@host:6379/0"),
        ("postgresql://me:p@w/d@host/db", "postgresql://me:***@host/db"),
        ("redis://host:6379/0", "redis://host:6379/0"),
        (
            "redis+socket:///tmp/r.sock?virtual_host=0&password=pw",
            "redis+socket:///tmp/r.sock?virtual_host=0&password=***",
        ),
        ("postgresql://me@host/db", "postgresql://me@host/db"),
        ("sqlite:////tmp/x.db", "sqlite:////tmp/x.db"),
    ],
)
def test_urls_are_shown_without_their_passwords(url: str, shown: str) -> None:
    assert without_password(url) == shown


@given(password=st.text(min_size=3).filter(lambda text: text not in "redis://user:***@host:6379/0?x=y"))
def test_no_password_survives(password: str) -> None:
    assert password not in without_password(f"redis://user:{password}@host:6379/0?x=y")


def test_a_folder_that_is_not_set_is_none() -> None:
    assert load_settings(env_file="/nowhere").sandbox_dir is None
