"""What came out of a run, for people and as JSON."""

import json
from collections.abc import Sequence
from textwrap import shorten
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from core.errors import InputError
from core.status import RunState, Status
from grading.reports import AttemptReport
from scripts.following import secs, usd
from scripts.technique_results import grades_summary, grades_table, read_grades
from scripts.terminal import LOST_TO_MACHINERY
from store.records import Run, attempt_name
from worker.places import run_folder
from worker.settings import Settings

MEDAL_STYLES = {"gold": "bold yellow", "silver": "bold white", "bronze": "bold dark_orange3"}


def show_result(run: Run, settings: Settings, *, console: Console, as_json: bool) -> int:
    """Show a closed run and give the exit code it deserves."""
    report = read_report(run, settings)
    grades = read_grades(run, settings) if run.request.techniques else None
    reports = [AttemptReport.from_json(entry) for entry in report["competition_reports"]]
    if as_json:
        result = {
            "run_id": run.run_id,
            "run_dir": run.run_dir,
            "status": run.state,
            "reports": report["competition_reports"],
            **({} if grades is None else {"technique_grades": grades}),
        }
        print(json.dumps(result, indent=2))
    else:
        console.print(result_table(reports) if grades is None else grades_table(grades))
        said = (
            summary(report)
            if grades is None
            else "\n".join([grades_summary(grades, seeds=run.request.seeds), *models_summary(report)])
        )
        console.print(said, highlight=False, soft_wrap=True)
        console.print(f"run folder: {run.run_dir}", highlight=False, soft_wrap=True)
        odd = [entry for entry in reports if entry.status is not Status.COMPLETED]
        if odd and odd[0].attempt_id:
            more = f" (and {len(odd) - 1} more)" if len(odd) > 1 else ""
            log = f"{run.run_dir}/{attempt_name(odd[0].competition_id, odd[0].attempt_id)}/run.log"
            console.print(f"what the agent said: {log}{more}", highlight=False, soft_wrap=True)
    lost = any(entry.status.lost_to_machinery for entry in reports)
    return LOST_TO_MACHINERY if lost or run.state is RunState.CANCELLED else 0


def read_report(run: Run, settings: Settings) -> dict[str, Any]:
    """Read a run's grading report.

    Raises:
        InputError: it has none yet.
    """
    content = run_folder(run.run_dir, settings).storage.read("grading_report.json")
    if content is None:
        raise InputError(f"run {run.run_id} has no grading_report.json yet; it is {run.state}: see scripts/status.py")
    report: dict[str, Any] = json.loads(content)
    return report


def summary(report: dict[str, Any]) -> str:
    """Give the run's rates and what they rest on, in a few lines."""
    rates = report["rates"]
    lines = [
        f"{name.replace('_', ' ')}: {_estimate(rates['outcomes'][name])}" for name in ("any_medal", "above_median")
    ]
    lines.append(
        f"{report['scored_runs']} of {report['planned_runs']} planned attempts count; "
        f"{report['total_valid_submissions']} have a valid submission"
    )
    lines += models_summary(report)
    if "reference" in report["threshold_kinds"]:
        lines.append("thresholds of kind reference: from recorded models, not from a Kaggle leaderboard")
    return "\n".join(lines)


def models_summary(report: dict[str, Any]) -> list[str]:
    """Say what the run used of models, in a line if it used any."""
    if report.get("total_model_calls") is None:
        return []
    cost = report["total_cost_usd"]
    return [
        f"models: {report['total_model_calls']} calls, {report['total_input_tokens']} tokens in, "
        f"{report['total_output_tokens']} out, cost {usd(cost)}"
    ]


def _estimate(estimate: dict[str, Any]) -> str:
    if estimate["mean"] is None:
        return "nothing was scored"
    text = f"{estimate['mean']:.1f}%"
    if estimate["sem"] is not None:
        text += f" ± {estimate['sem']:.1f} (standard error over seeds)"
    if estimate["interval"] is not None:
        low, high = estimate["interval"]
        # Where nothing varies, the resampled means do not either: that is no certainty.
        text += f", 95% interval over competitions {low:.1f} to {high:.1f}" if low < high else ", no interval"
    return text


def result_table(reports: Sequence[AttemptReport]) -> Table:
    """Give the table of what came out: score, medal, the way to the next threshold, time."""
    table = Table(title=None)
    costs = any(report.model_calls is not None for report in reports)
    titles = ("competition", "seed", "score", "medal", "next threshold", "time", *(["cost"] if costs else []), "status")
    for title in titles:
        numeric = title in ("seed", "score", "time", "cost")
        table.add_column(title, justify="right" if numeric else "left", overflow="fold")
    for report in reports:
        medal = str(report.medal) if report.any_medal else "above median" if report.above_median else "-"
        table.add_row(
            report.competition_id + (f" {report.technique}" if report.technique else ""),
            str(report.seed),
            "-" if report.score is None else f"{report.score:.5g}",
            Text(medal, style=MEDAL_STYLES.get(medal, "")),
            _next_threshold(report),
            secs(report.agent_secs),
            *(["-" if report.model_calls is None else usd(report.cost_usd)] if costs else []),
            str(report.status)
            if report.status is Status.COMPLETED
            else shorten(f"{report.status}: {report.message}", 200, placeholder=" ..."),
        )
    return table


def _next_threshold(report: AttemptReport) -> str:
    step = report.thresholds.next_step(report.score)
    if step is None:
        return "-"
    name, distance = step
    return f"{name} is {distance:.4g} {'lower' if report.is_lower_better else 'higher'}"
