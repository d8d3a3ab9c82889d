"""AIDE's search, step by step, and what is kept of it after each."""

import os
import random
import sys
import traceback
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from aide import journal2report
from aide.backend import query
from aide.journal import Journal, Node
from aide.utils.config import load_cfg, load_task_desc, prep_agent_workspace, save_run
from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException

from .adapted import AttemptAgent, AttemptInterpreter, Reviews, forget_unfinished
from .attempt import Attempt, Clock
from .handing_in import Answers, put, put_text
from .settings import WrongSetting, reachable_model, temperature

MOST_FAILURES = 5  # of steps in a row
ROLLOUT = ("journal.json", "tree_plot.html", "config.yaml")
DEEP = 100_000  # AIDE copies its tree node by node, and a branch can be as long as there are steps


def load_settings(arguments: list[str]) -> Any:
    """AIDE's settings from arguments as `aide` takes them; makes its folders.

    Raises:
        WrongSetting: AIDE has no such setting, or not with such a value.
    """
    sys.argv = ["aide", *arguments]
    try:
        cfg = load_cfg()
    except (OmegaConfBaseException, ValueError) as error:
        raise WrongSetting(" ".join(str(error).split())) from error
    for stage in (cfg.agent.code, cfg.agent.feedback, cfg.report):
        stage.model = reachable_model(stage.model, os.environ)
        stage.temp = temperature(stage.model, stage.temp)
    return cfg


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """How the search ended."""

    gave_up: bool  # after too many failures in a row
    steps: int
    has_answer: bool


def search(cfg: Any, attempt: Attempt, clock: Clock) -> Outcome:
    """Let AIDE work until its steps are made or the time is up. The best answer so far is always handed in."""
    random.seed(attempt.seed)
    sys.setrecursionlimit(DEEP)
    prep_agent_workspace(cfg)
    workspace = Path(cfg.workspace_dir)
    answers = Answers(
        working=workspace / "working",
        name=attempt.answer,
        submission=attempt.submission,
        validate=attempt.beside_agent / "validate_submission.sh",
    )
    journal = Journal()
    agent = AttemptAgent(task_desc=load_task_desc(cfg), cfg=cfg, journal=journal)
    interpreter = AttemptInterpreter(
        workspace, clock=clock, before=answers.clear, environment=_places(workspace), **OmegaConf.to_container(cfg.exec)
    )
    try:
        gave_up = _steps(agent, interpreter, answers, attempt, clock)
    finally:
        interpreter.cleanup_session()
    if cfg.generate_report and journal.nodes and clock.left_secs() > 0:
        _report(cfg, journal, attempt)
    return Outcome(gave_up=gave_up, steps=len(journal), has_answer=answers.best is not None)


def _places(workspace: Path) -> dict[str, str]:
    """The sandbox's variables, for programs that use them: AIDE's folders instead."""
    working = str(workspace / "working")
    return {
        "DATA_DIR": str(workspace / "input"),
        **dict.fromkeys(("SUBMISSION_DIR", "CODE_DIR", "LOGS_DIR"), working),
    }


def _steps(
    agent: AttemptAgent, interpreter: AttemptInterpreter, answers: Answers, attempt: Attempt, clock: Clock
) -> bool:
    """Make the steps; whether it gave up before the last."""
    journal, cfg = agent.journal, agent.cfg
    longest_secs = cfg.exec.timeout
    reviews = Reviews()
    failures = 0
    while len(journal) < cfg.agent.steps and clock.left_secs() > 1:
        cfg.exec.timeout = clock.bounded(longest_secs)  # the prompt tells it
        try:
            agent.step(exec_callback=interpreter.run)
        except Exception:  # noqa: BLE001 - whatever AIDE did not expect of a model's answer; it is shown, and counted
            traceback.print_exc()
            forget_unfinished(journal)
            failures += 1
            print(f"aide: step {len(journal) + 1} failed, {failures} in a row", flush=True)
            if failures == MOST_FAILURES:
                return True
            continue
        finally:
            cfg.exec.timeout = longest_secs
            answers.restore()
        failures = 0
        reviews.settle(journal.nodes[-1])
        became = answers.offer(journal.nodes[-1])
        print(f"aide: {_told(journal.nodes[-1])}; {became}", flush=True)
        _keep(cfg, journal, answers, attempt)
    return False


def _told(node: Node) -> str:
    judged = f"bug ({node.exc_type or 'as reviewed'})" if node.is_buggy else f"metric {node.metric.value:.6g}"
    return f"step {node.step + 1}, {node.stage_name}, {node.exec_time:.1f} s: {judged}"


def _keep(cfg: Any, journal: Journal, answers: Answers, attempt: Attempt) -> None:
    """Write AIDE's records, and the program whose answer is handed in beside them."""
    try:
        save_run(cfg, journal)
    except Exception:  # noqa: BLE001 - a plot that cannot be drawn is no reason to stop; it is shown
        traceback.print_exc()
    logs = Path(cfg.log_dir)
    for name in ROLLOUT:
        if (logs / name).is_file():
            put(logs / name, attempt.logs / name)
    best = answers.best or journal.get_best_node(only_good=False)
    put_text(best.code, attempt.code / "best_solution.py")


def _report(cfg: Any, journal: Journal, attempt: Attempt) -> None:
    # AIDE bounds this answer by an argument that it has the wrong name for in chat completions.
    journal2report.query = lambda **options: query(**{**options, "max_tokens": None})
    try:
        report = journal2report.journal2report(journal, load_task_desc(cfg), cfg.report)
        put_text(report, attempt.logs / "report.md")
    except Exception:  # noqa: BLE001 - the work is done and handed in; a report is an extra
        traceback.print_exc()
        print("aide: the report could not be made", flush=True)
