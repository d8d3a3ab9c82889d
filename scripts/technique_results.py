"""What came out of a run of techniques: a table of competitions by techniques."""

import json
from collections.abc import Mapping
from typing import Any

from rich.table import Table

from core.errors import InputError
from grading.technique_reports import overall
from store.records import Run
from worker.places import run_folder
from worker.settings import Settings
from worker.technique_asking import TECHNIQUE_GRADES

NOT_APPLICABLE, NOT_SCORED = "n/a", "-"


def read_grades(run: Run, settings: Settings) -> dict[str, Any]:
    """Read a run's technique grades.

    Raises:
        InputError: it has none yet.
    """
    content = run_folder(run.run_dir, settings).storage.read(TECHNIQUE_GRADES)
    if content is None:
        raise InputError(f"run {run.run_id} has no {TECHNIQUE_GRADES} yet; it is {run.state}: see scripts/status.py")
    grades: dict[str, Any] = json.loads(content)
    return grades


def grades_table(grades: Mapping[str, Any]) -> Table:
    """Give the scores, competition by technique, with means and their standard errors over seeds."""
    techniques = sorted({technique for graded in grades.values() for technique in graded["tasks"]})
    means = overall(grades)
    table = Table(title=None)
    table.add_column("competition", overflow="fold")
    for title in (*techniques, "mean", "passed"):
        table.add_column(title, justify="right", overflow="fold")
    for competition, graded in grades.items():
        summary = graded["summary"]
        table.add_row(
            competition,
            *(_task(graded["tasks"].get(technique)) for technique in techniques),
            _estimate(summary["mean_score"], summary["sem"]),
            f"{summary['passed']}/{summary['total']}",
        )
    if len(grades) > 1:
        table.add_section()
        over = means["techniques"]
        cells = [_estimate(over[name]["mean"], over[name]["sem"]) if name in over else "" for name in techniques]
        passed, total = (sum(graded["summary"][key] for graded in grades.values()) for key in ("passed", "total"))
        table.add_row("mean", *cells, _estimate(means["all"]["mean"], means["all"]["sem"]), f"{passed}/{total}")
    return table


def grades_summary(grades: Mapping[str, Any], *, seeds: int) -> str:
    """Say what the table rests on, in a few lines."""
    lines = ["scores from 0 to 1, passed at 0.7; n/a: cannot be asked of this competition; -: lost to the machinery"]
    if seeds > 1:
        lines.append(f"means over {seeds} seeds ± standard error")
    for competition, graded in grades.items():
        for technique, task in graded["tasks"].items():
            if task["applicable"] and task["score"] is not None and not task["passed"]:
                lines.append(f"{competition} {technique}: {task['message']}")
    return "\n".join(lines)


def _task(task: Mapping[str, Any] | None) -> str:
    if task is None:
        return ""
    return _estimate(task["score"], task["sem"]) if task["applicable"] else NOT_APPLICABLE


def _estimate(mean: float | None, sem: float | None) -> str:
    if mean is None:
        return NOT_SCORED
    return f"{mean:.3f}" if sem is None else f"{mean:.3f} ± {sem:.3f}"
