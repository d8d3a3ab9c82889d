"""Runs as they are found: closed or not, ours or from elsewhere, with files that are not what they should be."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from core.errors import InputError
from inspection.report import inspect
from inspection.rollouts import Known, read_run
from store.bucket import Bucket
from store.storage import Folder, ObjectFolder
from tests.inspection.conftest import Site, noise, table
from tests.object_store import BUCKET, throwaway_s3

BREACHES = {"submission/submission.csv": table(noise(1)), "run.log": "cat /proc/1/environ\n", "code/a.py": "x = 1\n"}


def test_a_run_that_is_not_closed_is_wrong_input(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"not closed yet; see scripts/status\.py"):
        read_run(Folder(path=tmp_path), name="abc")


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"[]",
        b"[" * 100_000,
        b"\xff\xfe",
        b'{"runs": []}',
        b'{"runs": {"a": 3}}',
        b'{"run_id": "x", "agent_id": "y", "agent_hash": "z", "runs": {"../x": {"competition_id": "c", "seed": 0}}}',
        b'{"run_id": "x", "agent_id": "y", "agent_hash": "z", "runs": {"a": {"competition_id": "c", "seed": "no"}}}',
    ],
)
def test_metadata_that_is_not_ours_is_wrong_input(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "metadata.json").write_bytes(content)
    with pytest.raises(InputError, match=r"run abc: its metadata\.json"):
        read_run(Folder(path=tmp_path), name="abc")


def test_links_and_pipes_in_a_run_folder_from_elsewhere_are_not_followed(site: Site, tmp_path: Path) -> None:
    site.competition("made-up")
    run = site.run("made-up", {"code/a.py": "x = 1\n"})
    (attempt,) = (path for path in run.iterdir() if path.is_dir())
    secret = tmp_path / "secret"
    secret.mkdir()
    (secret / "own.log").write_text("ls /var/run/docker.sock\n")
    (attempt / "logs").symlink_to(secret)
    (attempt / "code" / "b.py").symlink_to(secret / "own.log")
    (attempt / "run.log").unlink()
    (attempt / "run.log").symlink_to(secret / "own.log")
    os.mkfifo(attempt / "code" / "c.py")
    assert site.inspect().findings == ()


def test_a_competition_that_this_host_does_not_know_is_inspected_without_its_data(site: Site) -> None:
    site.competition("made-up")
    site.run("made-up", BREACHES, agent="one")
    site.run("made-up", BREACHES, agent="two")
    report = inspect(site.rollouts(), known_of=lambda name: Known())
    assert {(finding.check, str(finding.degree)) for finding in report.findings} == {
        ("copied submissions", "look"),
        ("reaching for answers", "strong"),
    }
    assert any("its data is not on this host" in limit for limit in report.limits)


def test_a_run_in_an_object_store_is_inspected_as_one_in_a_folder(site: Site) -> None:
    site.competition("made-up")
    run = site.run("made-up", BREACHES, agent="one")
    (attempt,) = (path for path in run.iterdir() if path.is_dir())
    expected = [finding.to_json() for finding in site.inspect().findings]
    with throwaway_s3() as known:
        storage = ObjectFolder(bucket=Bucket.open(f"s3://{BUCKET}/run", known))
        storage.publish(attempt, attempt=attempt.name, fence=1)
        storage.write("metadata.json", (run / "metadata.json").read_bytes())
        report = inspect(read_run(storage, name="far"), known_of=site.known)
    assert [finding.to_json() for finding in report.findings] == expected
    assert expected


def test_a_report_is_json_whatever_the_evidence_holds(site: Site) -> None:
    site.competition("made-up")
    site.run("made-up", {"run.log": b"\xed\xa0\x80 \xff cat /proc/1/environ \x1b\n", "code/\u202e.py": "x"})
    value = json.loads(json.dumps(site.inspect().to_json()))
    assert value["counts"]["strong"] == 1
    assert value["findings"][0]["evidence"][0]["file"] == "run.log"


def test_the_checks_know_nothing_of_workers_engines_and_databases() -> None:
    code = (
        "import inspection.report, sys; print([name for name in ('worker', 'celery', 'docker') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
