"""Runs and attempts for tests."""

import uuid
from datetime import UTC, datetime
from typing import Any

from core.status import RunState, State
from store.records import Attempt, Run, RunRequest


def a_request(**changes: Any) -> RunRequest:
    """A request for three seeds of a competition."""
    values: dict[str, Any] = {
        "agent_id": "dummy",
        "agent_hash": "0" * 64,
        "split": "custom",
        "competitions": ("tiny",),
        "seeds": 3,
        "time_limit_secs": 60.0,
    }
    return RunRequest(**{**values, **changes})


def a_run(*, planned: int, **changes: Any) -> Run:
    """An open run."""
    run_id = uuid.uuid4().hex[:12]
    values: dict[str, Any] = {
        "run_id": run_id,
        "run_group": f"2026-01-01T00-00-00-UTC_run-group_{run_id}",
        "run_dir": f"/nowhere/{run_id}",
        "state": RunState.OPEN,
        "request": a_request(),
        "planned": planned,
        "cancel_requested": False,
        "created_at": datetime.now(UTC),
        "closed_at": None,
    }
    return Run(**{**values, **changes})


def some_attempts(run: Run) -> list[Attempt]:
    """All attempts of a run, waiting."""
    return [
        Attempt(
            attempt_id=(attempt_id := uuid.uuid4()).hex,
            run_id=run.run_id,
            position=position,
            name=f"tiny_{attempt_id}",
            competition_id="tiny",
            technique=None,
            seed=position,
            state=State.QUEUED,
            status=None,
            message="",
            owner=None,
            lease_expires_at=None,
            fence=0,
            tries=0,
            queued_at=datetime.now(UTC),
            started_at=None,
            agent_started_at=None,
            collected_at=None,
            finished_at=None,
            agent_secs=None,
            exit_code=None,
            environment=None,
            last_line="",
            score=None,
            medal=None,
            report=None,
        )
        for position in range(run.planned)
    ]
