"""Two hosts that share no disk: runs and data in an object store, Redis and Postgres between them."""

import json
import shutil
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from tests.integration.bench import FIXTURES, Bench
from tests.integration.test_services import TINY, services, worker
from tests.object_store import BUCKET, SECRET, keys, s3_client, throwaway_s3
from tests.services import wait_until
from worker.context import Context
from worker.leftovers import hand_in
from worker.settings import load_settings

__all__ = ["services"]  # a fixture

RUNS, DATA = f"s3://{BUCKET}/team/runs", f"s3://{BUCKET}/team/data"


@pytest.fixture
def s3() -> Iterator[dict[str, str]]:
    with throwaway_s3() as known:
        yield known


@pytest.fixture
def hosts(services: Bench, s3: dict[str, str], tmp_path: Path) -> list[Bench]:
    """Three hosts with nothing in common but the services: two for workers, one that submits."""
    names = ("one", "two", "desk")
    for name in names:
        (tmp_path / name).mkdir()
    return [
        replace(
            services,
            runs_dir=tmp_path / name / "runs",
            env={
                **services.env,
                **s3,
                "MLEBENCH_RUNS_DIR": RUNS,
                "MLEBENCH_DATA_DIR": DATA,
                "MLEBENCH_SCRATCH_DIR": str(tmp_path / name),
            },
        )
        for name in names
    ]


def without_preparers(host: Bench, folder: Path) -> Bench:
    """The same host, which cannot prepare any data."""
    shutil.copytree(FIXTURES / "competitions", folder)
    for path in folder.glob("*/prepare.py"):
        path.write_text("def prepare(raw, public, private):\n    raise OSError('not on this host')\n")
    return replace(host, env={**host.env, "MLEBENCH_COMPETITIONS_PATH": str(folder)})


def read(s3: dict[str, str], key: str) -> str:
    return s3_client(s3).get_object(Bucket=BUCKET, Key=key)["Body"].read().decode()


def test_two_hosts_without_a_shared_disk_share_a_run(hosts: list[Bench], s3: dict[str, str], tmp_path: Path) -> None:
    one, two, desk = hosts
    two = without_preparers(two, tmp_path / "competitions")
    with worker(one, "one"):
        alone = desk.submit("--agent", "solver", *TINY)
        assert keys(s3, "team/data/") == ["team/data/tiny/prepared.tar"]
        with worker(two, "two"):
            both = desk.submit("--agent", "napper", "--seeds", "4", *TINY)
    assert [report["status"] for report in alone["reports"] + both["reports"]] == ["completed"] * 5
    assert alone["run_dir"].startswith(f"{RUNS}/")
    folder = both["run_dir"].removeprefix(f"s3://{BUCKET}/")
    assert SECRET not in read(s3, f"{folder}/metadata.json")
    metadata = json.loads(read(s3, f"{folder}/metadata.json"))
    assert len({attempt["environment"]["worker"] for attempt in metadata["runs"].values()}) == 2
    assert len({attempt["environment"]["data_hash"] for attempt in metadata["runs"].values()}) == 1
    assert json.loads(read(s3, f"{folder}/grading_report.json"))["total_valid_submissions"] == 4
    for report in both["reports"]:
        published = f"{folder}/{report['submission_path'].removesuffix('/submission/submission.csv')}"
        assert read(s3, f"{published}/submission/submission.csv").startswith("id,late")
        assert "step 3" in read(s3, f"{published}/run.log")
    for host in (one, two):
        assert not list(host.runs_dir.glob("*/.live/*")), "nothing of a finished attempt stays on its host"
    compared = desk.run("mlebench", "compare", alone["run_id"], both["run_id"], "--json")
    assert json.loads(compared.stdout)["competitions"][0]["pairs"] == 1
    again = desk.run("collect", both["run_id"])
    assert again.returncode == 0, again.stderr


def test_a_dead_hosts_attempt_goes_on_elsewhere_and_its_evidence_follows(
    hosts: list[Bench], s3: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    one, two, desk = hosts
    with ExitStack() as stack:
        doomed = stack.enter_context(worker(one, "doomed"))
        command = stack.enter_context(desk.start("submit", "--agent", "napper", "--json", *TINY))
        one.wait_for_line("step 1")
        for process in [psutil.Process(doomed.pid), *psutil.Process(doomed.pid).children(recursive=True)]:
            process.kill()
        stack.enter_context(worker(two, "heir"))
        out, err = command.communicate(timeout=90)
    assert command.returncode == 0, err
    result = json.loads(out)
    [report] = result["reports"]
    assert report["status"] == "completed"
    assert report["tries"] == 2
    folder = result["run_dir"].removeprefix(f"s3://{BUCKET}/")
    manifests = [key for key in keys(s3, folder) if "/manifest-" in key]
    assert len(manifests) == 1
    assert json.loads(read(s3, manifests[0]))["fence"] == 2
    [left] = one.runs_dir.glob("*/.live/*/try-1/run.log")
    said = left.read_text()
    assert "step 1" in said
    for name, value in one.environment().items():
        monkeypatch.setenv(name, value)
    back = Context(load_settings())
    hand_in(back)
    assert left.exists(), "it is too early"
    hand_in(back, settled_secs=0)
    back.close()
    assert read(s3, manifests[0].replace("manifest-2.json", "try-1/run.log")) == said
    assert not list(one.runs_dir.glob("*_run-group_*"))


def test_an_object_store_that_is_away_for_a_while_costs_no_work(hosts: list[Bench], s3: dict[str, str]) -> None:
    one, _, desk = hosts
    own = s3_client(s3)
    with worker(one, "one"), desk.start("submit", "--agent", "napper", "--json", *TINY) as command:
        one.wait_for_line("step 1")
        for key in keys(s3):
            own.delete_object(Bucket=BUCKET, Key=key)
        own.delete_bucket(Bucket=BUCKET)
        log = one.runs_dir.parent / "one.log"
        wait_until(lambda: "is not published yet" in log.read_text(), timeout_secs=30, description="it tries in vain")
        own.create_bucket(Bucket=BUCKET)
        out, err = command.communicate(timeout=60)
    assert command.returncode == 0, err
    [report] = json.loads(out)["reports"]
    assert (report["status"], report["tries"]) == ("completed", 1)


def test_a_run_without_services_leaves_its_files_in_the_object_store(
    bench: Bench, s3: dict[str, str], tmp_path: Path
) -> None:
    env = {**bench.env, **s3, "MLEBENCH_RUNS_DIR": RUNS, "MLEBENCH_SCRATCH_DIR": str(tmp_path / "scratch")}
    own = replace(bench, env=env)
    started = own.submit("--agent", "solver", "--detach", *TINY)
    followed = own.run("status", started["run_id"], "--json")
    assert followed.returncode == 0, followed.stderr
    [report] = json.loads(followed.stdout)["reports"]
    folder = started["run_dir"].removeprefix(f"s3://{BUCKET}/")
    assert read(s3, f"{folder}/{report['submission_path']}").startswith("id,late")
    assert not list((tmp_path / "scratch" / "runs").glob("*/.live"))


@pytest.mark.parametrize(
    ("change", "shown"),
    [
        ({"MLEBENCH_RUNS_DIR": "s3://nowhere-here/runs"}, "s3://nowhere-here/runs: there is no such bucket"),
        ({"MLEBENCH_RUNS_DIR": "s3://Bench"}, "MLEBENCH_RUNS_DIR=s3://Bench: expected a folder or s3://bucket/prefix"),
        ({"MLEBENCH_RUNS_DIR": "gs://bench/runs"}, "MLEBENCH_RUNS_DIR=gs://bench/runs: expected a folder or s3://"),
        ({"AWS_ENDPOINT_URL": "http://me:hunter2@127.0.0.1:1"}, "127.0.0.1:1 does not answer; check AWS_ENDPOINT_URL"),
    ],
)
def test_an_object_store_that_cannot_be_used_is_named_before_anything_is_queued(
    hosts: list[Bench], s3: dict[str, str], change: dict[str, str], shown: str
) -> None:
    desk = replace(hosts[2], env={**hosts[2].env, **change})
    done = desk.run("submit", "--agent", "idler", *TINY)
    assert done.returncode == 2
    assert shown in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1
    assert not any(secret in done.stderr for secret in (SECRET, "hunter2"))
    assert keys(s3) == []
