"""Real runs inspected: honest agents give no strong finding, and a run is found by its id, its folder and its name."""

import json
import shutil
from pathlib import Path

from tests.integration.bench import REPOSITORY, Bench

TINY = ("--competitions", "tiny", "--sandbox", "process")


def test_honest_runs_give_no_strong_finding(bench: Bench, tmp_path: Path) -> None:
    dummy = bench.submit("--agent", "dummy", "--seeds", "2", *TINY)
    baseline = bench.submit("--agent", "baseline", "--seeds", "2", "--time-limit", "60", *TINY)
    notebooks = tmp_path / "notebooks" / "tiny"
    shutil.copytree(REPOSITORY / "agents" / "baseline" / "learner", notebooks)
    shutil.rmtree(notebooks / "__pycache__", ignore_errors=True)
    honest = bench.run("mlebench", "inspect", dummy["run_id"], baseline["run_dir"], "latest", "--json")
    assert honest.returncode == 0, honest.stderr
    report = json.loads(honest.stdout)
    assert report["runs"] == [dummy["run_id"], baseline["run_id"]]
    assert report["counts"]["strong"] == 0, report["findings"]
    assert any(finding["says"] == "handed in the sample submission" for finding in report["findings"])
    assert report["limits"] == []
    compared = bench.run("mlebench", "inspect", "latest", "--notebooks", str(notebooks.parent))
    assert compared.returncode == 0, compared.stderr
    assert "STRONG similar code: " in compared.stdout
