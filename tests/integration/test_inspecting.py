"""A real run inspected, found by its name and by its folder: an honest agent gives no strong finding."""

import json
import shutil
from pathlib import Path

from tests.integration.bench import REPOSITORY, Bench

TINY = ("--competitions", "tiny", "--sandbox", "process")


def test_an_honest_run_is_convicted_by_nothing_but_its_own_program_among_the_references(
    bench: Bench, tmp_path: Path
) -> None:
    run = bench.submit("--agent", "baseline", "--seeds", "2", "--time-limit", "8", *TINY)
    references = tmp_path / "references"
    (references / "tiny").mkdir(parents=True)
    shutil.copy(REPOSITORY / "agents" / "baseline" / "learner" / "work.py", references / "tiny")
    inspected = bench.run("mlebench", "inspect", "latest", run["run_dir"], "--notebooks", str(references), "--json")
    assert inspected.returncode == 0, inspected.stderr
    report = json.loads(inspected.stdout)
    assert (report["runs"], len(report["attempts"]), report["limits"]) == ([run["run_id"]], 2, [])
    strong = [finding for finding in report["findings"] if finding["degree"] == "strong"]
    assert [finding["says"].split(",")[0] for finding in strong] == ["100% of code/learner/work.py"] * 2
    assert strong[0]["evidence"][0]["line"] > 0
