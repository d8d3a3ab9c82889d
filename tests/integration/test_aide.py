"""AIDE, the real package in its image, through the gateway, with a model that each test plays."""

import hashlib
import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from agents.registry import AGENTS
from tests.competent_model import CompetentModel
from tests.integration.bench import Bench
from tests.model_server import Fault, ModelServer, Play, Said, ToolCall, model_server

pytestmark = [
    pytest.mark.timeout(420),  # the image may have to be built, from its base on
    pytest.mark.usefixtures("no_containers_left"),
]
DEV = ("--agent", "aide/dev", "--competitions", "credit-status", "--sandbox", "docker")
FIRST_SECS = 400
COPY = (
    "import os, pathlib, shutil\n"
    "shutil.copy('input/sample_submission.csv', pathlib.Path(os.environ['SUBMISSION_DIR'], 'submission.csv'))\n"
)
# What programs do once in a while.
ROUGH = (
    "import os, time\ntime.sleep(1)\nos._exit(3)",
    # deaf, silent, and with a child that lives on
    "import signal, subprocess, time\nsignal.signal(signal.SIGINT, signal.SIG_IGN)\n"
    "subprocess.Popen(['sleep', '4321'])\ntime.sleep(600)",
    "import pathlib\n"
    "lines = [path.read_bytes() for path in pathlib.Path('/proc').glob('[0-9]*/cmdline')]\n"
    f"assert not any(b'4321' in line for line in lines), lines\n{COPY}",
    f"{COPY}print('this one is reviewed with words')",
    f"open('/home/submission/submission.csv', 'w').write('spoilt')\n{COPY}print('Metric: 0.4, lower is better')",
    f"{COPY}print('Metric: NaN')",
)


def with_model(bench: Bench, model: ModelServer, **env: str) -> Bench:
    """A bench whose attempts have a model."""
    return replace(bench, env={**bench.env, **model.environment, **env})


def variant(folder: Path, **kwargs: object) -> str:
    """Write an agent into a folder of agents that is AIDE with other settings; its id."""
    shutil.copytree(AGENTS / "aide", folder / "aide-variant")
    path = folder / "aide-variant" / "agent.yaml"
    config = yaml.safe_load(path.read_text())
    config["kwargs"] |= {name.replace("__", "."): value for name, value in kwargs.items()}
    path.write_text(yaml.safe_dump(config))
    return "aide-variant"


def the_report(result: dict[str, Any]) -> dict[str, Any]:
    [report] = result["reports"]
    return dict(report)


def attempt_folder(result: dict[str, Any]) -> Path:
    [folder] = [path for path in Path(result["run_dir"]).iterdir() if path.is_dir()]
    return folder


def nodes_of(result: dict[str, Any]) -> list[dict[str, Any]]:
    journal = json.loads((attempt_folder(result) / "logs" / "journal.json").read_text())
    return list(journal["nodes"])


def scripted(*programs: str) -> Play:
    """A model that writes these programs, and whose reviews are as their output is."""
    left = list(programs)

    def play(request: dict[str, Any]) -> Said:
        prompt = request["messages"][0]["content"]
        if "technical report" in prompt:
            return "# What was found"
        if not request.get("tools"):
            return f"A plan.\n\n```python\n{left.pop(0)}\n```"
        output = prompt.rpartition("# Execution output")[2]
        if "with words" in output:
            return "All is well."
        metric = float("nan") if "NaN" in output else 0.4 if "0.4" in output else 0.7
        review = {"is_bug": False, "summary": "Good.", "metric": metric, "lower_is_better": "lower is better" in output}
        return ToolCall("submit_review", review)

    return play


def test_an_attempt_hands_in_what_its_best_step_made(bench: Bench) -> None:
    with model_server(CompetentModel()) as model:
        result = with_model(bench, model).submit(*DEV, timeout_secs=FIRST_SECS)
    report = the_report(result)
    assert (report["status"], report["valid_submission"]) == ("completed", True)
    assert report["score"] > 0.8

    nodes = nodes_of(result)
    assert [node["is_buggy"] for node in nodes] == [False, True, False, False, False]
    assert nodes[1]["exc_type"] == "KeyError"
    best = max((node for node in nodes if not node["is_buggy"]), key=lambda node: node["metric"]["value"])
    assert best["step"] == 3
    folder = attempt_folder(result)
    digest = hashlib.sha256((folder / "submission" / "submission.csv").read_bytes()).hexdigest()
    assert f"Fingerprint: {digest}" in "".join(best["_term_out"])
    assert (folder / "code" / "best_solution.py").read_text() == best["code"]
    assert "plan of program 4" in (folder / "logs" / "tree_plot.html").read_text()
    assert "num_drafts: 2" in (folder / "logs" / "config.yaml").read_text()
    assert {body["model"] for body in model.bodies()} == {"gpt-4o-2024-08-06"}
    assert len(model.bodies()) == report["model_calls"] == 2 * len(nodes)
    assert report["cost_usd"] > 0


def test_a_technique_is_answered(bench: Bench) -> None:
    with model_server(CompetentModel()) as model:
        result = with_model(bench, model).submit(*DEV, "--techniques", "imbalance", timeout_secs=FIRST_SECS)
    report = the_report(result)
    assert (report["status"], report["score"]) == ("completed", 1.0)
    assert (attempt_folder(result) / "submission" / "imbalance_analysis.json").is_file()
    assert "imbalance_analysis.json" in (attempt_folder(result) / "code" / "best_solution.py").read_text()
    assert not (attempt_folder(result) / "submission" / "submission.csv").exists()


def test_at_the_time_limit_the_best_so_far_is_graded(bench: Bench) -> None:
    with model_server(scripted(COPY)) as model:
        model.faults.extend([Fault(), Fault(), Fault(stall_secs=300)])  # one step, and a program that never comes
        result = with_model(bench, model).submit(*DEV, "--time-limit", "30", timeout_secs=FIRST_SECS)
    report = the_report(result)
    assert (report["status"], report["valid_submission"], report["score"]) == ("time_limit", True, 0.5)
    [node] = nodes_of(result)
    assert node["code"] == (attempt_folder(result) / "code" / "best_solution.py").read_text()


def test_rough_programs_and_reviews_do_not_end_it(bench: Bench, tmp_path: Path) -> None:
    agents = tmp_path / "agents"
    agent = variant(agents, agent__steps=5, agent__search__num_drafts=5, exec__timeout=2, generate_report=True)
    with model_server(scripted(*ROUGH)) as model:
        result = with_model(bench, model, MLEBENCH_AGENTS_PATH=str(agents)).submit(
            *("--agent", agent, "--competitions", "credit-status", "--sandbox", "docker"), timeout_secs=FIRST_SECS
        )
    report = the_report(result)
    assert (report["status"], report["valid_submission"], report["score"]) == ("completed", True, 0.5)
    died, silent, good, other_direction, nan = nodes_of(result)
    assert (died["exc_type"], silent["exc_type"]) == ("RuntimeError", "TimeoutError")
    assert good["metric"] == {"value": 0.7, "maximize": True}
    assert other_direction["metric"] == {"value": 0.4, "maximize": True}
    assert nan["is_buggy"] is True
    log = (attempt_folder(result) / "run.log").read_text()
    assert "step 4 failed, 1 in a row" in log
    assert "step 3, draft" in log
    assert (attempt_folder(result) / "logs" / "report.md").read_text() == "# What was found"


def test_a_model_that_refuses_everything_ends_it_as_a_failure(bench: Bench) -> None:
    with model_server(CompetentModel()) as model:
        model.faults.extend([Fault(status=400, message="no such thing")] * 5)
        result = with_model(bench, model).submit(*DEV, timeout_secs=FIRST_SECS)
    report = the_report(result)
    assert (report["status"], report["submission_exists"]) == ("agent_failed", False)
    log = (attempt_folder(result) / "run.log").read_text()
    assert "no such thing" in log
    assert "step 1 failed, 5 in a row" in log
