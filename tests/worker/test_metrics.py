"""What is counted, that the page shows it, and that the document lists it."""

import math
import re
import socket
import urllib.request
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from prometheus_client import REGISTRY

from core.errors import SandboxError
from core.status import State, Status
from tests.records import a_run, some_attempts
from worker import metrics
from worker.room import free_bytes
from worker.settings import REPO, Settings, load_settings

DOCUMENT = (REPO / "docs" / "watching.md").read_text()


def value(name: str, **labels: str) -> float:
    return REGISTRY.get_sample_value(name, labels) or 0.0


def free_port() -> int:
    with closing(socket.create_server(("127.0.0.1", 0))) as server:
        port: int = server.getsockname()[1]
        return port


@pytest.fixture
def page() -> Iterator[metrics.Page]:
    page = metrics.Page()
    yield page
    page.stop()


def settings(folder: Path, port: int | None) -> Settings:
    return load_settings(metrics_port=port, runs_dir=folder / "runs", data_dir=folder, env_file=folder / "none")


def asked(port: int) -> str:
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=10) as answer:
        text: str = answer.read().decode()
        return text


def test_an_attempt_is_counted_on_its_way() -> None:
    [attempt] = some_attempts(a_run(planned=1))
    now = datetime.now(UTC)
    samples = [
        ("mlebench_attempt_steps_total", {"state": "running", "status": ""}),
        ("mlebench_attempt_steps_total", {"state": "collected", "status": "time_limit"}),
        ("mlebench_attempt_steps_total", {"state": "done", "status": "invalid_submission"}),
        ("mlebench_queue_wait_seconds_sum", {}),
        ("mlebench_agent_seconds_sum", {}),
        ("mlebench_machinery_failures_total", {"error": "SandboxError"}),
    ]
    before = [value(name, **labels) for name, labels in samples]
    metrics.taken(replace(attempt, queued_at=now - timedelta(seconds=90), started_at=now))
    metrics.ended(Status.TIME_LIMIT, agent_secs=86_402.0)
    metrics.done(Status.INVALID_SUBMISSION)
    metrics.failed(SandboxError("the engine is gone"))
    after = [value(name, **labels) for name, labels in samples]
    assert [round(b - a, 3) for a, b in zip(before, after, strict=True)] == [1, 1, 1, 90, 86_402, 1]


def test_a_day_long_agent_falls_into_a_bucket_of_its_own() -> None:
    names = ("64800.0", "90000.0", "+Inf")
    before = [value("mlebench_agent_seconds_bucket", le=name) for name in names]
    metrics.ended(Status.TIME_LIMIT, agent_secs=86_400.5)
    after = [value("mlebench_agent_seconds_bucket", le=name) for name in names]
    assert [b - a for a, b in zip(before, after, strict=True)] == [0, 1, 1]


def test_a_state_without_attempts_shows_zero() -> None:
    metrics.show_open_attempts({(State.QUEUED, None): 3, (State.DONE, Status.COMPLETED): 2})
    assert value("mlebench_open_attempts", state="queued", status="") == 3
    metrics.show_open_attempts({(State.RUNNING, None): 1})
    shown = {
        (sample.labels["state"], sample.labels["status"]): sample.value
        for metric in REGISTRY.collect()
        if metric.name == "mlebench_open_attempts"
        for sample in metric.samples
    }
    assert shown.pop(("running", "")) == 1
    assert set(shown.values()) == {0}
    assert ("queued", "") in shown
    assert ("done", "completed") in shown


def test_the_page_shows_what_is_counted_while_it_is_open(page: metrics.Page, tmp_path: Path) -> None:
    port = free_port()
    page.start(settings(tmp_path, port))
    metrics.done(Status.COMPLETED)
    text = asked(port)
    assert 'mlebench_attempt_steps_total{state="done",status="completed"}' in text
    assert 'mlebench_lease_renewals_total{outcome="failed"}' in text, "it is there before the first failure"
    [free] = re.findall(r'^mlebench_free_disk_bytes\{folder="runs"\} (\S+)$', text, re.MULTILINE)
    assert float(free) > 0
    assert "_created" not in text
    page.stop()
    with pytest.raises(OSError, match="refused"):
        asked(port)


def test_without_a_port_there_is_no_page(page: metrics.Page, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level("INFO"):
        page.start(settings(tmp_path, None))
    assert caplog.records == []


def test_a_port_that_is_taken_costs_one_line(
    page: metrics.Page, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as other:
        port = other.getsockname()[1]
        page.start(settings(tmp_path, port))
    [record] = caplog.records
    assert record.getMessage() == f"no metrics from this worker: 127.0.0.1:{port}: Address already in use"


def test_an_address_that_is_none_costs_one_line(
    page: metrics.Page, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    page.start(settings(tmp_path, 9101).model_copy(update={"metrics_host": "no such host"}))
    [record] = caplog.records
    assert record.getMessage().startswith("no metrics from this worker: no such host:9101: ")


def test_free_space_is_that_of_the_folder_to_be(tmp_path: Path) -> None:
    assert free_bytes(tmp_path / "not" / "yet") > 0
    assert math.isnan(free_bytes(Path("/" + 5000 * "x")))


def test_the_document_lists_exactly_what_there_is() -> None:
    """docs/watching.md says of each metric what the page itself says."""
    there = {
        f"| `{metric.name}{'_total' if metric.type == 'counter' else ''}` | {metric.type} | {metric.documentation} |"
        for metric in REGISTRY.collect()
        if metric.name.startswith("mlebench_")
    }
    listed = {line for line in DOCUMENT.splitlines() if line.startswith("| `mlebench_")}
    assert listed == there


def test_the_alerts_ask_for_what_there_is() -> None:
    names = {sample.name for metric in REGISTRY.collect() for sample in metric.samples}
    names |= {metric.name for metric in REGISTRY.collect()}  # one that nothing was counted in yet has no samples
    names |= {f"{metric.name}_total" for metric in REGISTRY.collect() if metric.type == "counter"}
    rules = DOCUMENT.partition("groups:")[2].partition("```")[0]
    used = set(re.findall(r"mlebench_\w+", rules))
    assert len(used) >= 3
    assert used <= names
    assert rules.count("- alert:") == 3
