"""Closing a run: its files, written from the database and the attempts' reports."""

import os
import platform
import subprocess
from collections.abc import Mapping
from dataclasses import replace
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

from core.files import json_bytes
from core.status import RunState, State, Status
from grading.reports import AttemptReport, grading_report
from grading.technique_reports import technique_grades
from store import spending
from store.records import Attempt, Run, Try
from store.spending import ModelUsage
from store.storage import Storage
from tasks.splits import SPLITS, list_splits, load_split
from worker.context import Context
from worker.gateway.prices import prices_metadata
from worker.grade import report_name, report_of, write_report
from worker.places import run_folder
from worker.technique_asking import TECHNIQUE_GRADES, not_asked

REPOSITORY = Path(__file__).resolve().parent.parent
VERSIONED = ("celery", "kombu", "redis", "docker", "pandas", "scikit-learn", "numpy", "sqlalchemy")


def close(run_id: str, context: Context, *, again: bool = False) -> bool:
    """Write a run's files and close it, if all its attempts are final. Safe to call any number of times.

    Args:
        run_id: the run.
        context: this process's open parts.
        again: write the files of a closed run anew, after whoever is closing it just now.

    Returns:
        Whether the run is closed now. False as well where another process is closing it just now: reading and
        writing ten thousand reports takes its time, and is not to be done by every worker at once.
    """
    with context.store.alone(f"closing {run_id}", wait=again) as alone:
        return alone and _close(run_id, context, again=again)


def _close(run_id: str, context: Context, *, again: bool) -> bool:
    run = context.store.run(run_id)
    if run.state is not RunState.OPEN and not again:
        return True
    attempts = context.store.attempts(run_id)
    if any(attempt.state is not State.DONE for attempt in attempts):
        return False
    folder = run_folder(run.run_dir, context.settings)
    reports = [_report(attempt, run, context, folder.storage) for attempt in attempts]
    folder.storage.write("grading_report.json", json_bytes(run_report(run, reports, context)))
    if run.request.techniques:
        grades = technique_grades(reports, inapplicable=not_asked(run.request, context.competition))
        folder.storage.write(TECHNIQUE_GRADES, json_bytes(grades))
    metadata = _metadata(run, attempts, context.store.tries(run_id), context)
    folder.clean()
    folder.storage.write("metadata.json", json_bytes(metadata))
    return context.store.close_run(run_id)


def run_report(run: Run, reports: list[AttemptReport], context: Context) -> dict[str, Any]:
    """Give the content of grading_report.json."""
    splits = {
        name: load_split(name, roots=context.competition_roots).competitions
        for name in list_splits()
        if (SPLITS / f"{name}.txt").is_file()
    }
    return grading_report(reports, planned=run.planned, splits=splits)


def _report(attempt: Attempt, run: Run, context: Context, storage: Storage) -> AttemptReport:
    """Give an attempt's report, having made sure that it is in the attempt's folder as well."""
    if attempt.report is not None:
        report = AttemptReport.from_json(attempt.report)
    else:
        status = attempt.status or Status.INFRASTRUCTURE_FAILED
        made = report_of(attempt, run, context, status=status, message=attempt.message, score=None)
        # not the time of this call: collecting again gives the same files
        report = replace(made, created_at=attempt.finished_at or run.created_at)
    if storage.read(report_name(attempt)) != json_bytes(report.to_json()):
        write_report(report, attempt, storage)
    return report


def _metadata(run: Run, attempts: list[Attempt], tries: list[Try], context: Context) -> dict[str, Any]:
    by_attempt: dict[str, list[Try]] = {}
    for entry in tries:
        by_attempt.setdefault(entry.attempt_id, []).append(entry)
    settings = context.settings.model_dump(mode="json", exclude=context.settings.secret_fields())
    usage: dict[str, dict[str, Any]] = {}
    for used in spending.usage_of_run(context.store, run.run_id):
        usage.setdefault(used.attempt_id, {})[used.model] = _usage_metadata(used)
    return {
        "run_group": run.run_group,
        "run_id": run.run_id,
        "created_at": run.created_at.isoformat(),
        "request": run.request.to_json(),
        "agent_id": run.request.agent_id,
        "agent_hash": run.request.agent_hash,
        "runs": {
            attempt.name: {
                **_attempt_metadata(attempt, by_attempt.get(attempt.attempt_id, [])),
                "models": usage.get(attempt.attempt_id, {}),
            }
            for attempt in attempts
        },
        "model_prices": prices_metadata(context.settings) if usage else None,
        "settings": settings,
        "versions": versions(),
        "git_commit": git_commit(),
    }


def _attempt_metadata(attempt: Attempt, tries: list[Try]) -> dict[str, Any]:
    times = ("queued_at", "started_at", "agent_started_at", "collected_at", "finished_at")
    return {
        "success": attempt.status is Status.COMPLETED,
        "status": attempt.status,
        "message": attempt.message,
        "attempt_id": attempt.attempt_id,
        "competition_id": attempt.competition_id,
        "technique": attempt.technique,
        "seed": attempt.seed,
        "agent_secs": attempt.agent_secs,
        "exit_code": attempt.exit_code,
        **{name: moment.isoformat() if (moment := getattr(attempt, name)) else None for name in times},
        "environment": attempt.environment,
        "tries": [_try_metadata(entry) for entry in tries],
    }


def _usage_metadata(used: ModelUsage) -> dict[str, Any]:
    counts = ("calls", "estimated", "input_tokens", "cached_input_tokens", "output_tokens", "cost_usd")
    return {name: getattr(used, name) for name in counts}


def _try_metadata(entry: Try) -> Mapping[str, Any]:
    return {
        "number": entry.fence,
        "worker": entry.owner,
        "started_at": entry.started_at.isoformat(),
        "ended_at": entry.ended_at.isoformat() if entry.ended_at else None,
        "outcome": entry.outcome,
        "error": entry.error,
    }


@cache
def versions() -> dict[str, str]:
    """Give the versions of Python, this project and the libraries that matter for a result."""
    return {
        "python": platform.python_version(),
        "mlebench-runner": version("mlebench-runner"),
        **{name: version(name) for name in VERSIONED},
    }


@cache
def git_commit() -> str | None:
    """Give the commit this code is at, with `-dirty` where files were changed; outside a checkout what
    MLEBENCH_GIT_COMMIT says, as in the worker image, or None."""
    try:
        answer = subprocess.run(
            ["git", "describe", "--always", "--dirty", "--abbrev=40", "--exclude=*"],
            cwd=REPOSITORY,
            capture_output=True,
            text=True,
            timeout=20,
            check=True,
        )
    except (OSError, subprocess.SubprocessError):  # no git, or not a checkout
        return os.environ.get("MLEBENCH_GIT_COMMIT") or None
    return answer.stdout.strip()
