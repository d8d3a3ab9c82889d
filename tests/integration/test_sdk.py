"""The SDK against a real server; test_server.py has a client that was written without it."""

import asyncio
from collections.abc import Iterator
from contextlib import aclosing
from pathlib import Path
from typing import Any

import pytest

from sdk import AsyncClient, Client, NotFound, Refused, Run
from tests.integration.bench import REPOSITORY, Bench
from tests.integration.http_server import HttpServer, http_server

TIMING = {"MLEBENCH_LEASE_SECS": "6", "MLEBENCH_HEARTBEAT_SECS": "1", "MLEBENCH_GRACE_SECS": "5"}
TINY: dict[str, Any] = {"competition_set": ["tiny"], "sandbox": "process"}


@pytest.fixture(scope="module")
def server(data_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[HttpServer]:
    """One server for the tests of this file."""
    folder = tmp_path_factory.mktemp("http")
    timing = TIMING | {"MLEBENCH_SANDBOX": "process", "HOME": str(folder)}
    with http_server(Bench(data_dir=data_dir, runs_dir=folder / "runs", env=timing)) as started:
        yield started


def test_the_examples_of_the_documentation_run_as_they_are_written(
    server: HttpServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)  # where downloads go
    text = (REPOSITORY / "docs" / "sdk.md").read_text().replace("http://127.0.0.1:8000", server.url)
    blocks = [block.split("```")[0] for block in text.split("```python\n")[1:]]
    assert len(blocks) >= 5
    namespace: dict[str, Any] = {}
    for block in blocks:
        exec(compile(block, "docs/sdk.md", "exec"), namespace)
    namespace["client"].close()
    said = capsys.readouterr().out
    assert "job-classes 0 completed" in said
    assert "unknown agent 'dumy'; did you mean dummy?" in said
    assert list(tmp_path.glob("results/*_run-group_dummy/grading_report.json"))


def test_the_calls_of_the_seed_systems_readme_run_as_they_are_written(
    server: HttpServer, request: pytest.FixtureRequest
) -> None:
    client = Client(base_url=server.url)
    request.addfinalizer(client.close)
    assert client.health()["status"] == "ok"
    assert {"diamond-prices", "spaceship-titanic"} <= set(client.list_competitions())
    assert {"imbalance", "missing"} <= set(client.list_technique_tasks())
    # The same call with competitions that need no account at Kaggle:
    run = client.run(
        competition_set="experiments/splits/dev.txt",
        agent_id="dummy",
        lite=False,
        n_seeds=1,
        n_workers=2,
        technique_tasks=["imbalance", "missing"],
        tasks=["job-classes"],
    )
    client.wait_for_completion(run["run_id"], poll_interval=0.5, timeout=3600)
    summary = client.get_run_summary(run["run_id"])
    artifacts = client.get_artifacts(run["run_id"])
    assert summary["grading_reports"][0]["total_runs"] == 2
    assert summary["technique_grades"]["job-classes"]["tasks"].keys() == {"imbalance", "missing"}
    assert len(artifacts["submissions"]) == 2
    assert client.get_run(run["run_id"])["status"] == "completed"
    with pytest.raises(Refused, match="Kaggle"):  # this server has no account
        client.run(
            competition_set="experiments/splits/low.txt",
            agent_id="dummy",
            lite=False,
            n_seeds=1,
            n_workers=2,
            technique_tasks=None,
        )


def test_who_follows_and_who_waits_do_not_see_that_the_server_was_killed_and_started_again(
    server: HttpServer, tmp_path: Path
) -> None:
    async def follow(client: AsyncClient, run_id: str) -> list[str]:
        kinds: list[str] = []
        async with aclosing(client.stream_events(run_id)) as events:
            async for event in events:
                if event.kind == "log" and event.data["line"] == "working":
                    if "log" not in kinds:
                        await asyncio.to_thread(server.kill)
                        await asyncio.to_thread(server.start)
                    else:
                        await client.cancel(run_id)
                kinds.append(event.kind)
        return kinds

    async def run_sleeper() -> tuple[Run, list[str]]:
        async with AsyncClient(server.url) as client:
            run = await client.run(agent_id="sleeper", **TINY)
            ended, kinds = await asyncio.gather(
                client.wait_for_completion(run.run_id, poll_interval=0.5, timeout=100), follow(client, run.run_id)
            )
            await client.download_artifacts(run.run_id, tmp_path)
            return ended, kinds

    run, kinds = asyncio.run(run_sleeper())
    assert run.status == "failed"
    assert "cancelled" in (run.message or "")
    assert kinds.count("log") >= 2
    assert kinds[-1] == "run"
    [said] = tmp_path.glob("*/tiny_*/run.log")
    assert "working" in said.read_text()


def test_a_run_that_is_not_there_is_named(server: HttpServer) -> None:
    with Client(server.url) as client, pytest.raises(NotFound, match="nosuchrun"):
        client.get_run("nosuchrun")
